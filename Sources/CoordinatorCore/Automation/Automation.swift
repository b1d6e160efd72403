import Fleet
import NUMA

/// Automation as the coordinator has it in memory.
struct Automation: Sendable, Hashable {
  var state: AutomationState
  /// The host that a plan is being made for; nil while none is.
  var asked: Asked?
  /// No host is to be looked at before this; nil while none is.
  var nextDue: Instant?
  /// Verified moves, oldest first.
  var moves: [MoveRecord]
  /// Moves whose effect is still to be measured, in the order in which they are due.
  var measurements: [Measurement] = []

  /// A plan that is being made.
  struct Asked: Sendable, Hashable {
    var host: HostID
    var why: String
    /// Guests that it leaves alone, each with the reason.
    var leaving: [UnmovedGuest]
    /// Whether nothing needs mending there, and free CPUs are to be brought together.
    var rebalances = false
  }

  struct Measurement: Sendable, Hashable {
    var job: JobID
    var due: Instant
  }

  /// How many moves are remembered.
  static let movesMax = 10_000
  /// From the end of a move until its effect is measured: a guest that faults its memory elsewhere does so by then.
  static let measureMilliseconds = 60_000
  /// Until a host is looked at again that could not be just now.
  static let retryMilliseconds = 5000
  static let dayMilliseconds = 86_400_000

  init(state: AutomationState, moves: [MoveRecord]) {
    self.state = state
    self.moves = moves
  }

  /// No host is to be looked at before the earlier of this and what was known.
  mutating func expect(_ due: Instant) { nextDue = nextDue.map { min($0, due) } ?? due }
}

/// When a host is to be looked at, and what came of the last look.
struct Review: Sendable, Hashable {
  var due: Instant
  var why: String
  /// What was already written down of it in shadow mode, so that it is not said at every look.
  var shadowed: [ProposedMove] = []
  /// Guests that should move and were left.
  var held: [UnmovedGuest] = []
}

/// What a move would do, by which two plans are the same.
struct ProposedMove: Sendable, Hashable {
  var guest: GuestID
  var pinning: Pinning
}

extension [MoveRecord] {
  /// The moves of one guest, oldest first.
  func of(_ guest: GuestID) -> [MoveRecord] { filter { $0.guest == guest } }
}
