public import NUMA

/// How far a coordinator acts by itself.
public enum AutomationMode: String, Sendable, Hashable, Codable, CaseIterable {
  /// It does what operators ask for and nothing else.
  case off
  /// It plans as if it were on and writes down what it would have done.
  case shadow
  case on
}

/// What an operator decided of automation; durable.
public struct AutomationState: Sendable, Hashable, Codable {
  public var mode: AutomationMode
  /// Nothing new begins before this, in milliseconds since 1970; nil unless it was paused.
  public var pausedUntil: Int?
  /// When this was decided, in milliseconds since 1970, and by whom.
  public var since: Int
  public var actor: String
  /// Automation's own plans under way, ascending.
  public var plans: [PlanID]

  public init(
    mode: AutomationMode = .off, pausedUntil: Int? = nil, since: Int = 0, actor: String = "", plans: [PlanID] = []
  ) {
    self.mode = mode
    self.pausedUntil = pausedUntil
    self.since = since
    self.actor = actor
    self.plans = plans
  }
}

/// `numafleet auto on|shadow|off|pause`.
public struct Automate: Sendable, Hashable, Codable {
  /// Nil leaves the mode as it is.
  public var mode: AutomationMode?
  /// Nothing new begins for so long, 1...10080; nil ends a pause.
  public var pauseMinutes: Int?
  public static let pauseMinutesMax = 10_080
  public init(mode: AutomationMode?, pauseMinutes: Int? = nil) {
    self.mode = mode
    self.pauseMinutes = pauseMinutes
  }
}

/// One guest's change of place that was verified, and what came of it: what the next decision is taught by.
public struct MoveRecord: Sendable, Hashable, Codable {
  public var job: JobID
  public var guest: GuestID
  public var guestName: String
  /// Where it is since.
  public var host: HostID
  /// The host that it left for that one; nil where it stayed.
  public var fromHost: HostID?
  /// Host cells that it left and those that it came to, ascending; empty where only pins were changed by hand.
  public var from: [Int]
  public var to: [Int]
  /// When it was verified, in milliseconds since 1970.
  public var wallMilliseconds: Int
  /// Who wanted it.
  public var actor: String
  /// Memory that lay elsewhere before and was to be copied.
  public var copy: KiB
  /// Memory that lay elsewhere some time afterwards; nil until it was measured.
  public var elsewhere: KiB?
  /// What it was to take off a pressed cell, and what it took; nil where that was not why.
  public var relief: Relief?

  public init(
    job: JobID, guest: GuestID, guestName: String, host: HostID, fromHost: HostID? = nil, from: [Int], to: [Int],
    wallMilliseconds: Int, actor: String, copy: KiB, elsewhere: KiB? = nil, relief: Relief? = nil
  ) {
    self.job = job
    self.guest = guest
    self.guestName = guestName
    self.host = host
    self.fromHost = fromHost
    self.from = from
    self.to = to
    self.wallMilliseconds = wallMilliseconds
    self.actor = actor
    self.copy = copy
    self.elsewhere = elsewhere
    self.relief = relief
  }

  /// Whether the move did not pay: less than half of what was copied stayed where it was brought, or the cell that it
  /// was to relieve has as much to do as before.
  public var wasInVain: Bool {
    elsewhere.map { copy > 0 && 2 * $0.count > copy.count } ?? false || relief?.wasInVain ?? false
  }
}

/// What automation does now, and what keeps it from doing more.
public struct AutomationStatus: Sendable, Hashable, Codable {
  public var state: AutomationState
  /// Whether the policy's quiet hours keep it from beginning anything now.
  public var isQuiet: Bool
  /// Hosts to be looked at that are due.
  public var hostsDue: Int
  /// Verified moves of the last 24 hours, whoever wanted them.
  public var movesLastDay: Int
  /// What automation's moves of the last minute copied.
  public var copiedLastMinute: KiB
  /// Guests that should move and are left, each with its reason; at most `heldMax`.
  public var held: [UnmovedGuest]
  /// The newest moves, newest first; at most `movesMax`.
  public var moves: [MoveRecord]
  /// The room that shall be kept, in the policy's order.
  public var rooms: [KeptRoomStatus]

  public static let heldMax = 200
  public static let movesMax = 50

  public init(
    state: AutomationState, isQuiet: Bool, hostsDue: Int, movesLastDay: Int, copiedLastMinute: KiB,
    held: [UnmovedGuest], moves: [MoveRecord], rooms: [KeptRoomStatus] = []
  ) {
    self.state = state
    self.isQuiet = isQuiet
    self.hostsDue = hostsDue
    self.movesLastDay = movesLastDay
    self.copiedLastMinute = copiedLastMinute
    self.held = held
    self.moves = moves
    self.rooms = rooms
  }
}
