import Fleet
import NUMA

/// Automation as the coordinator has it in memory.
struct Automation: Sendable, Hashable {
  var state: AutomationState
  /// What a plan is being made for; nil while none is.
  var asked: Asked?
  /// No host is to be looked at before this; nil while none is.
  var nextDue: Instant?
  /// Verified moves.
  var moves: MoveHistory
  /// Those of this term that changed no vcpu's CPUs and no memory.
  var repins: MoveHistory
  /// What is known of the room that shall be kept in the fleet.
  var room = RoomReview()
  /// Moves whose effect is still to be measured, in the order in which they are due.
  var measurements: [Measurement] = []

  /// Plans asked for in this term: an answer that is no longer waited for is told by its token.
  var asks: UInt64

  /// A plan that is being made.
  struct Asked: Sendable, Hashable {
    var token: Coordinator.Token
    /// The host that is looked at; nil for the whole fleet, whose room is.
    var host: HostID?
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

  /// From the end of a move until its effect is measured: a guest that faults its memory elsewhere does so by then.
  static let measureMilliseconds = 60_000
  /// Until a host is looked at again that could not be just now.
  static let retryMilliseconds = 5000
  static let dayMilliseconds = 86_400_000

  init(state: AutomationState, moves: [MoveRecord], repins: MoveHistory = MoveHistory(), asks: UInt64 = 0) {
    self.state = state
    self.repins = repins
    self.moves = MoveHistory(moves)
    self.asks = asks
  }

  /// The token of one more plan.
  mutating func ask() -> Coordinator.Token {
    asks += 1
    return .automation(asks)
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

/// When the fleet's room is to be looked at, and what came of the last look.
struct RoomReview: Sendable, Hashable {
  /// Nil while nothing has changed since.
  var due: Instant?
  /// It is not looked at before, however much changes.
  var earliest: Instant?
  /// Hosts on which a finding forbids what the last plans would have done there.
  var avoided: [HostID] = []
  /// As in `Review`.
  var shadowed: [ProposedMove] = []
  var held: [UnmovedGuest] = []

  /// Between two looks, so that a busy fleet is not planned for all the time.
  static let restMilliseconds = 60_000
  /// The same after a look that found no way to make room: only guests that end change that.
  static let fruitlessMilliseconds = 600_000
  /// Moves between hosts in one plan, for each that may be under way at the same time.
  static let rounds = 16
  /// Hosts that are avoided, one after another, before the rest waits for the next look.
  static let avoidedMaximum = 8
}

/// What a move would do, by which two plans are the same.
struct ProposedMove: Sendable, Hashable {
  var guest: GuestID
  var pinning: Pinning
}

extension Instant? {
  /// Whether it is there and not to come.
  func isReached(_ now: Instant) -> Bool { map { $0 <= now } ?? false }
}
