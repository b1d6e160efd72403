public import NUMA

/// A set of moves that take the fleet from one observed state to a better one: a value, immutable once made.
public struct Plan: Sendable, Hashable, Codable {
  /// 0 until the coordinator commits it.
  public var id: PlanID
  /// The newest plan when this one was made; it may be committed only while that is still the newest.
  public var parent: PlanID
  /// What the plan is for, for example `repair`, `place db`.
  public var purpose: String
  public var wallMilliseconds: Int
  /// Moves of one wave do not wait for each other; a wave starts when the one before it has ended.
  public var waves: [Wave]
  /// Guests that should move and cannot, each with its reason.
  public var unmoved: [UnmovedGuest]
  public var state: PlanState
  /// Waves that are over of a plan that was applied in part and waits for more of it; nil for all others.
  public var wavesDone: Int?
  /// The wave after which it waits, counted from 1; nil where it goes on to its end.
  public var throughWave: Int?

  public init(
    id: PlanID = 0, parent: PlanID = 0, purpose: String, wallMilliseconds: Int = 0, waves: [Wave] = [],
    unmoved: [UnmovedGuest] = [], state: PlanState = .proposed,
    wavesDone: Int? = nil, throughWave: Int? = nil
  ) {
    self.id = id
    self.parent = parent
    self.purpose = purpose
    self.wallMilliseconds = wallMilliseconds
    self.waves = waves
    self.unmoved = unmoved
    self.state = state
    self.wavesDone = wavesDone
    self.throughWave = throughWave
  }

  /// How the purpose of a plan begins that keeps room.
  public static let keepRoomPurpose = "keep room for"

  /// All moves in the order they may start.
  public var moves: [Move] { waves.flatMap(\.moves) }
}

/// How far a plan is.
public enum PlanState: String, Sendable, Hashable, Codable, CaseIterable {
  case proposed, applying, done, failed
}

/// Moves that may run at the same time.
public struct Wave: Sendable, Hashable, Codable {
  public var moves: [Move]
  public init(moves: [Move]) { self.moves = moves }
}

/// One guest's change of place.
public struct Move: Sendable, Hashable, Codable {
  public var guest: GuestID
  public var guestName: String
  public var host: HostID
  public var incarnation: Incarnation?
  /// Guest cells before, where known.
  public var from: [GuestCellPlacement]
  public var placement: Placement
  /// The live pinning planned on; the agent refuses when it has changed.
  public var expected: Pinning
  public var movability: Movability
  /// Memory to copy.
  public var copy: KiB
  /// Why, with numbers.
  public var reason: String
  public var explanation: Explanation?
  /// What it gains of each score term: positive is better. Nil where the guest's present place has no score, as when it
  /// goes to another host.
  public var gain: [ScoreTerm]?
  /// How long it will copy, in seconds, by the rate of earlier moves; nil where none was measured.
  public var seconds: Int?
  /// What it is to take off a pressed cell; nil where that is not why.
  public var relief: Relief?
  /// Whether every vcpu runs already, in the kernel, where the move takes it; nil where nobody has looked.
  public var keepsVCPUs: Bool?

  /// Whether the guest goes to another host: the placement's. `host` is where it is.
  public var isMigration: Bool { placement.host != host }

  public init(
    guest: GuestID, guestName: String, host: HostID, incarnation: Incarnation?, from: [GuestCellPlacement],
    placement: Placement, expected: Pinning, movability: Movability, copy: KiB, reason: String,
    explanation: Explanation? = nil
  ) {
    self.guest = guest
    self.guestName = guestName
    self.host = host
    self.incarnation = incarnation
    self.from = from
    self.placement = placement
    self.expected = expected
    self.movability = movability
    self.copy = copy
    self.reason = reason
    self.explanation = explanation
  }
}

/// A guest that a plan leaves where it is.
public struct UnmovedGuest: Sendable, Hashable, Codable {
  public var guest: GuestID
  public var guestName: String
  public var host: HostID
  public var reason: String
  public init(guest: GuestID, guestName: String, host: HostID, reason: String) {
    self.guest = guest
    self.guestName = guestName
    self.host = host
    self.reason = reason
  }
}

/// What a plan is made from: one value, so that the same input gives the same plan.
public struct PlanningInput: Sendable, Hashable, Codable {
  public var inventory: Inventory
  public var policy: Policy
  public var parent: PlanID
  public var request: PlanRequest
  /// Upper bound of search steps; never time.
  public var budget: Int
  /// Guests that stay as they are, whatever is wrong with them.
  public var leaving: [GuestID]
  /// Hosts whose guests stay, and that none is brought to, where room is made in the whole fleet.
  public var closed: [HostID]
  /// What earlier moves tell of how long these will take.
  public var rates: CopyRates
  public init(
    inventory: Inventory, policy: Policy, parent: PlanID, request: PlanRequest, budget: Int = 1_000_000,
    leaving: [GuestID] = [], closed: [HostID] = [], rates: CopyRates = CopyRates()
  ) {
    self.inventory = inventory
    self.policy = policy
    self.parent = parent
    self.request = request
    self.budget = budget
    self.leaving = leaving
    self.closed = closed
    self.rates = rates
  }
}

/// What contradicts the rules in an assignment or plan.
public struct Violation: Sendable, Hashable, Codable, CustomStringConvertible {
  public var host: HostID
  public var guest: GuestID?
  public var rule: String
  public var text: String
  public init(host: HostID, guest: GuestID?, rule: String, text: String) {
    self.host = host
    self.guest = guest
    self.rule = rule
    self.text = text
  }
  public var description: String { "\(host)\(guest.map { " \($0)" } ?? ""): \(rule): \(text)" }
}
