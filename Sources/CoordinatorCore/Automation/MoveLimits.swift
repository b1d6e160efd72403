import Fleet
import NUMA

/// What the policy's limits let automation do, at one moment: a value, so that shadow and earnest are judged alike.
struct MoveLimits {
  var rules: AutomationRules
  /// Verified moves.
  private let moves: MoveHistory
  /// Those that took only the emulator or iothreads to other CPUs.
  private let repins: MoveHistory
  /// What moves that began in the last minute copy.
  var copied: KiB
  var wallMilliseconds: Int

  /// Of one guest within 24 hours. They cost nothing and keep it from no real move, so no policy limits them; where
  /// somebody undoes them all the time it ends here.
  static let repinsMax = 24

  init(
    rules: AutomationRules, moves: MoveHistory, repins: MoveHistory = MoveHistory(), copied: KiB, wallMilliseconds: Int
  ) {
    self.rules = rules
    self.moves = moves
    self.repins = repins
    self.copied = copied
    self.wallMilliseconds = wallMilliseconds
  }

  /// Why a guest is not even planned for; nil when it may be moved.
  func refusal(of guest: Guest) -> String? {
    if let pattern = rules.exceptGuests.first(where: { guest.matches($0) }) {
      return "the policy's except_guests names it (\(pattern))"
    }
    let own = moves.of(guest.id)
    let today = own.filter { wallMilliseconds - $0.wallMilliseconds < Automation.dayMilliseconds }
    if let last = own.last {
      let minutes = rules.residenceMinutes << min(today.count { $0.wasInVain }, 5)
      let passed = (wallMilliseconds - last.wallMilliseconds) / 60_000
      if passed < minutes {
        let doubled = minutes > rules.residenceMinutes ? ", longer because moves of it did not pay" : ""
        return "it was moved \(passed) min ago and stays for \(minutes)\(doubled)"
      }
    }
    if today.count >= rules.movesPerGuest {
      return "it was moved \(today.count) times in 24 hours; moves_per_guest is \(rules.movesPerGuest)"
    }
    return nil
  }

  /// Why an emulator is left where it is; nil when it may be pinned once more.
  private func refusal(ofRepinning guest: GuestID) -> String? {
    let pinned = repins.of(guest).count { wallMilliseconds - $0.wallMilliseconds < Automation.dayMilliseconds }
    return pinned < Self.repinsMax ? nil : "its emulator or iothreads were pinned anew \(pinned) times in 24 hours"
  }

  /// Why a cell is not relieved just now; nil when it may be. Where taking a guest off it did not pay, its load is not
  /// its guests', and the others would be moved for nothing too.
  private func refusal(of relief: Relief, on host: HostID) -> String? {
    let own = moves.records.filter {
      $0.host == host && $0.relief?.cell == relief.cell
        && wallMilliseconds - $0.wallMilliseconds < Automation.dayMilliseconds
    }
    guard let last = own.last, last.relief?.wasInVain == true else { return nil }
    let minutes = rules.residenceMinutes << min(own.count { $0.relief?.wasInVain == true }, 5)
    let passed = (wallMilliseconds - last.wallMilliseconds) / 60_000
    guard passed < minutes else { return nil }
    return "moving guest \(last.guestName) off cell \(relief.cell) \(passed) min ago did not pay; it is not relieved "
      + "for \(minutes)"
  }

  /// A plan without the moves that are not worth it or exceed the budget, and the guests that are left for it.
  ///
  /// The waves after one that lost a move go too: they may count on what it would have freed, and are planned anew.
  func choose(from plan: Plan, memory: (GuestID) -> KiB) -> (plan: Plan, held: [UnmovedGuest], mayLater: Bool) {
    var chosen = plan
    chosen.waves = []
    var held: [UnmovedGuest] = []
    var mayLater = false
    var used = copied
    for wave in plan.waves {
      var kept: [Move] = []
      for move in wave.moves {
        let whole = memory(move.guest)
        if move.copy > 0, move.copy.count * 100 < rules.minimumGainPercent * whole.count, move.hasPins {
          held.append(move.left("\(move.copy) of \(whole) are less than minimum_gain_percent"))
        } else if used > 0, move.copy > 0, used + move.copy > rules.copyPerMinute {
          held.append(move.left("copy_per_minute allows \(rules.copyPerMinute), of which \(used) are used"))
          mayLater = true
        } else if move.isSlight, let refusal = refusal(ofRepinning: move.guest) {
          held.append(move.left(refusal))
        } else if let refusal = move.relief.flatMap({ refusal(of: $0, on: move.host) }) {
          held.append(move.left(refusal))
        } else {
          used = used + move.copy
          kept.append(move)
        }
      }
      if !kept.isEmpty { chosen.waves.append(Wave(moves: kept)) }
      if kept.count < wave.moves.count { break }
    }
    let planned = chosen.moves.map(\.guest) + held.map(\.guest)
    for move in plan.moves where !planned.contains(move.guest) { held.append(move.left("what comes before it waits")) }
    return (chosen, held, mayLater)
  }
}

extension Move {
  /// Whether it leaves every vcpu and all memory where they are: newcomers with CPUs of their own make the emulators of
  /// others go elsewhere all day long, and that is no reason to keep those guests from a real move.
  var isSlight: Bool { keepsVCPUs == true && copy == 0 && !isMigration && relief == nil && !changesCells }

  private var changesCells: Bool {
    placement.pinning.memory.contains { target in
      !from.contains { $0.guestCell == target.guestCell && $0.cell == target.cell }
    }
  }

  /// Whether its guest's threads may already run where it wants them.
  fileprivate var hasPins: Bool {
    placement.pinning.vcpus.allSatisfy { expected.cpuset(ofVCPU: $0.vcpu) == $0.cpuset }
  }

  /// Its guest, left where it is for that reason.
  func left(_ reason: String) -> UnmovedGuest {
    UnmovedGuest(guest: guest, guestName: guestName, host: host, reason: reason)
  }
}

extension Guest {
  func matches(_ pattern: String) -> Bool { matchesPattern(name, pattern) || matchesPattern(id.text, pattern) }

  /// What it has on other cells than those.
  func memory(elsewhereThan cells: [Int]) -> KiB {
    KiB(residency.reduce(0) { cells.contains($1.cell) ? $0 : $0 + $1.pages * $1.pageSize.kib })
  }
}
