import Fleet

/// Which findings of one host are known, so that each is told once when it appears and once when it ends.
///
/// A finding must be there, or be gone, in two reports in a row; a guest under a job of ours is not judged, for it is
/// on its way. So many events a host are told in a while and no more: what is left over is told later, or never when it
/// is gone by then. Findings of severity info are no events.
struct FindingWatch: Sendable, Hashable {
  /// What makes two findings the same, however their numbers change.
  struct Key: Sendable, Hashable, Comparable {
    var guest: GuestID?
    var kind: Finding.Kind

    static func < (a: Self, b: Self) -> Bool {
      let (left, right) = (a.guest?.text ?? "", b.guest?.text ?? "")
      return (left, a.kind.rawValue) < (right, b.kind.rawValue)
    }
  }

  /// Told and not ended, ascending.
  private(set) var told: [Key] = []
  /// Of the newest report, warnings and errors only, one of each key, ascending by key.
  private(set) var newest: [Finding] = []
  /// Keys of the report before it.
  private var before: [Key] = []
  /// Reports judged in this term, as far as it matters.
  private var judged = 0
  private var window: Window?

  /// Events of one host in `windowMilliseconds`; a host that begins with more has the rest told in the next.
  static let eventsMax = 64
  static let windowMilliseconds = 600_000

  /// Events told since a moment.
  private struct Window: Sendable, Hashable {
    var begin: Instant
    var events = 0
  }

  enum Change: Sendable, Hashable {
    case appeared(Finding)
    case ended(Key)
  }

  /// Takes the findings of one more report and says what to tell. `isKnown`: of an earlier term the host is remembered,
  /// and with it that what its first two reports show was told then.
  mutating func judge(
    _ findings: [Finding], isKnown: Bool, underWay: (GuestID) -> Bool, now: Instant
  ) -> [Change] {
    var current: [Finding] = []
    for finding in findings where finding.severity > .info {
      if !current.contains(where: { $0.key == finding.key }) { current.append(finding) }
    }
    current.sort { $0.key < $1.key }
    let keys = current.map(\.key)
    defer {
      before = keys
      newest = current
      judged = min(judged + 1, 3)
    }
    guard judged > 0 else { return [] }
    if judged == 1, isKnown {
      told = keys.filter { before.contains($0) }
      return []
    }
    func isJudged(_ key: Key) -> Bool { key.guest.map { !underWay($0) } ?? true }
    var changes: [Change] = []
    for finding in current where isJudged(finding.key) {
      guard before.contains(finding.key), !told.contains(finding.key), mayTell(now) else { continue }
      changes.append(.appeared(finding))
      told.append(finding.key)
    }
    for key in told where isJudged(key) && !keys.contains(key) && !before.contains(key) && mayTell(now) {
      changes.append(.ended(key))
    }
    told.removeAll { key in changes.contains(.ended(key)) }
    told.sort()
    return changes
  }

  private mutating func mayTell(_ now: Instant) -> Bool {
    var current = window ?? Window(begin: now)
    if now.milliseconds - current.begin.milliseconds >= Self.windowMilliseconds { current = Window(begin: now) }
    guard current.events < Self.eventsMax else { return false }
    current.events += 1
    window = current
    return true
  }
}

extension Finding {
  var key: FindingWatch.Key { FindingWatch.Key(guest: guest, kind: kind) }
}
