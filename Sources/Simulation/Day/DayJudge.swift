public import Fleet
public import NUMA

/// Judges a day by what happened to each guest's place, with its own books: no CPU is anybody's twice and no cell holds
/// more memory than it has, at any moment and with both places of whoever is moving; what automation's limits promise
/// holds; and no guest returns to a cell that a move took it off within the minimum residence. It shares no code with
/// what places and moves.
public struct DayJudge: Sendable {
  public struct Limits: Sendable {
    public var cpusPerCell: Int
    public var cells: Int
    public var memoryPerCell: KiB
    public var rules: AutomationRules

    public init(cpusPerCell: Int, cells: Int, memoryPerCell: KiB, rules: AutomationRules) {
      self.cpusPerCell = cpusPerCell
      self.cells = cells
      self.memoryPerCell = memoryPerCell
      self.rules = rules
    }
  }

  /// Guests that came back to a cell within the minimum residence after a move took them off it.
  public private(set) var returns = 0
  public private(set) var violations: [String] = []
  /// From cells to others, those of `migrations` among them.
  public private(set) var moves = 0
  /// To other hosts.
  public private(set) var migrations = 0
  /// Guests that got other CPUs or masks on the cells where they are.
  public private(set) var repins = 0
  public private(set) var copied = KiB(0)
  /// How often the guest went elsewhere that did most often.
  public private(set) var changesOfOne = 0

  private let limits: Limits
  /// By host, then by CPU: the guest that has it, or -1.
  private var owners: [[Int]]
  /// By host, then by cell, in KiB.
  private var held: [[Int]]
  private var guests: [Int: Entry] = [:]  // lookup only
  /// Guests on their way to other hosts.
  private var migrating = 0
  /// Moves that copy: those under way, and those that ended within the last minute with the time of their end.
  private var copying: [(guest: Int, copy: Int, ended: Int?)] = []

  private struct Place {
    var host: Int
    var cpus: [Int]
    var cells: [Int]
    var memory: Int

    /// Whether some vcpu or some memory is elsewhere.
    func isElsewhere(than other: Place) -> Bool { host != other.host || cpus != other.cpus || cells != other.cells }
  }

  private struct Entry {
    var place: Place
    var target: Place?
    /// When each move began and ended.
    var moved: [(began: Int, ended: Int)] = []
    /// Cells that moves took it off, and when.
    var left: [(host: Int, cell: Int, at: Int)] = []
  }

  public init(_ limits: Limits, hosts: Int) {
    self.limits = limits
    owners = Array(repeating: Array(repeating: -1, count: limits.cells * limits.cpusPerCell), count: hosts)
    held = Array(repeating: Array(repeating: 0, count: limits.cells), count: hosts)
  }

  public mutating func see(_ record: DayRecord) {
    let place = Place(host: record.host, cpus: record.cpus, cells: record.cells, memory: record.memoryPerCell.count)
    if record.kind == .arrived {
      if guests[record.guest] != nil { report(record, "is there already") }
      take(place, record)
      guests[record.guest] = Entry(place: place)
      return
    }
    guard var entry = guests[record.guest] else { return report(record, "is not there") }
    switch record.kind {
    case .arrived: break
    case .left:
      release(entry.place, record.guest)
      if let target = entry.target {
        release(arriving(target, from: entry.place), record.guest)
        if target.host != entry.place.host { migrating -= 1 }
      }
      end(record)
      guests[record.guest] = nil
      return
    case .repinned:
      if entry.target != nil { report(record, "is pinned by hand while it moves") }
      release(entry.place, record.guest)
      take(place, record)
      entry.place = place
    case .moveBegan: begin(record, place, &entry)
    case .moveEnded: finish(record, place, &entry)
    }
    guests[record.guest] = entry
  }

  private mutating func report(_ record: DayRecord, _ text: String) {
    violations.append("at \(record.milliseconds) ms: guest \(record.guest) on host \(record.host) \(text)")
  }

  // MARK: Room

  private mutating func take(_ place: Place, _ record: DayRecord) {
    guard owners.indices.contains(place.host), place.cells.allSatisfy({ (0..<limits.cells).contains($0) }),
      place.cpus.allSatisfy({ owners[place.host].indices.contains($0) })
    else { return report(record, "has a place that does not exist") }
    if Set(place.cpus).count < place.cpus.count { report(record, "has one CPU for two vcpus") }
    for cpu in place.cpus {
      let owner = owners[place.host][cpu]
      if owner >= 0, owner != record.guest { report(record, "has CPU \(cpu), which is guest \(owner)'s") }
      owners[place.host][cpu] = record.guest
    }
    for cell in place.cells {
      held[place.host][cell] += place.memory
      if held[place.host][cell] > limits.memoryPerCell.count { report(record, "has more memory than cell \(cell)") }
    }
  }

  private mutating func release(_ place: Place, _ guest: Int) {
    guard owners.indices.contains(place.host) else { return }
    for cpu in place.cpus where owners[place.host].indices.contains(cpu) && owners[place.host][cpu] == guest {
      owners[place.host][cpu] = -1
    }
    for cell in place.cells where held[place.host].indices.contains(cell) { held[place.host][cell] -= place.memory }
  }

  // MARK: Moves

  private mutating func begin(_ record: DayRecord, _ place: Place, _ entry: inout Entry) {
    if entry.target != nil { report(record, "is moving already") }
    let (now, rules) = (record.milliseconds, limits.rules)
    // Limits are for guests that go elsewhere; emulators are nobody's place.
    if place.isElsewhere(than: entry.place) {
      if let last = entry.moved.last, now - last.ended < rules.residenceMinutes * 60_000 {
        report(record, "is moved again after \((now - last.ended) / 60_000) min")
      }
      if entry.moved.count(where: { now - $0.ended < 86_400_000 }) >= rules.movesPerGuest {
        report(record, "is moved more often than moves_per_guest")
      }
      entry.moved.append((now, .max))
    }
    if place.host != entry.place.host {
      migrating += 1
      if migrating > rules.concurrentMigrations { report(record, "is one of \(migrating) that migrate") }
    }
    copying.removeAll { $0.ended.map { now - $0 >= 60_000 } ?? false }
    let used = copying.reduce(0) { $0 + $1.copy }
    if used > 0, record.copy > 0, used + record.copy.count > rules.copyPerMinute.count {
      report(record, "makes \(KiB(used) + record.copy) a minute")
    }
    if record.copy > 0 { copying.append((record.guest, record.copy.count, nil)) }
    take(arriving(place, from: entry.place), record)
    entry.target = place
  }

  private mutating func finish(_ record: DayRecord, _ place: Place, _ entry: inout Entry) {
    let now = record.milliseconds
    guard let target = entry.target, target.host == place.host, target.cpus == place.cpus, target.cells == place.cells
    else { return report(record, "ends a move that did not begin") }
    let old = entry.place
    for cell in place.cells {
      let isNew = old.host != place.host || !old.cells.contains(cell)
      let hasReturned = entry.left.contains {
        $0.host == place.host && $0.cell == cell && now - $0.at < limits.rules.residenceMinutes * 60_000
      }
      if isNew, hasReturned { returns += 1 }
    }
    for cell in old.cells where old.host != place.host || !place.cells.contains(cell) {
      entry.left.append((old.host, cell, now))
    }
    // What both places have goes with the old one and comes back with the new one.
    release(old, record.guest)
    release(arriving(place, from: old), record.guest)
    take(place, record)
    entry.place = place
    entry.target = nil
    end(record)
    copied += record.copy
    if old.host != place.host { migrating -= 1 }
    if entry.moved.last?.ended == .max { entry.moved[entry.moved.count - 1].ended = now }
    changesOfOne = max(changesOfOne, entry.moved.count)
    guard old.host != place.host || old.cells != place.cells else {
      repins += 1
      return
    }
    moves += 1
    if old.host != place.host { migrations += 1 }
  }

  /// A place without the memory that is there already.
  private func arriving(_ place: Place, from old: Place) -> Place {
    guard place.host == old.host else { return place }
    var rest = place
    rest.cells = place.cells.filter { !old.cells.contains($0) }
    return rest
  }

  private mutating func end(_ record: DayRecord) {
    for index in copying.indices where copying[index].guest == record.guest && copying[index].ended == nil {
      copying[index].ended = record.milliseconds
    }
  }
}
