import AgentCore
import CoordinatorCore
import Fleet

/// What happens at one moment of a trial. Programs are named by their place, and by which of their runs is meant: what
/// comes for a run that has ended is lost with it.
enum Occurrence: Sendable {
  case act(Act)
  case agentStarts(host: Int)
  case agentTick(host: Int, run: Int)
  case coordinatorStarts(Int)
  case coordinatorTick(Int, run: Int)
  /// An agent tries to reach a coordinator.
  case dial(host: Int, coordinator: Int)
  case linkLost(host: Int, coordinator: Int, connection: Int)
  case toAgent(host: Int, coordinator: Int, connection: Int, [UInt8])
  case toCoordinator(host: Int, coordinator: Int, connection: Int, [UInt8])
  /// A command reads or changes its host now.
  case acts(host: Int, run: Int, Command)
  case ends(host: Int, run: Int, CommandID, CommandOutcome)
  case libvirtWakes(host: Int)
  case online(host: Int, cpu: Int)
  case memoryBack(host: Int, cell: Int, kib: Int)
  /// A plan or an answer that was worked out off the loop.
  case workedOut(coordinator: Int, run: Int, Coordinator.Event)
  case asked(question: Int)
  case answered(question: Int, [UInt8])
  case rivalEnds
  case storeFreed
}

/// An occurrence and when it is; of two at one moment the one that was known first comes first.
struct Scheduled: Comparable, Sendable {
  let time: Int
  let order: Int
  let occurrence: Occurrence

  static func < (a: Scheduled, b: Scheduled) -> Bool { (a.time, a.order) < (b.time, b.order) }
  static func == (a: Scheduled, b: Scheduled) -> Bool { a.order == b.order }
}

/// One agent of a simulated host: the real core, its journal as the disk has it, and its links.
struct SimulatedAgent: Sendable {
  /// Nil while it does not run.
  var core: Agent?
  var run = 0
  /// The first run since its host was booted: what libvirtd was asked by runs before it is gone.
  var firstRunOfBoot = 0
  var durable = Journal()
  var links: [SimulatedLink]
  var stoppedUntil = 0
  var journalFullUntil = 0
  /// Steps that it still carries out before it is killed.
  var stepsToLive: Int?
  /// How long it is down when it is killed.
  var downFor = 1000
  /// The tick that is scheduled.
  var tick = Int.max
  let isPreviousVersion: Bool
  /// Calls that wait in a libvirtd that hangs, in order.
  var waiting: [WaitingCall] = []
}

/// A call that lies in libvirtd's queue, and which run of the agent made it.
struct WaitingCall: Sendable {
  let run: Int
  let command: Command
}

/// One connection of an agent to one coordinator.
struct SimulatedLink: Sendable {
  var isUp = false
  /// Counts connections; what travels on one that is gone is lost.
  var connection = 0
  var blockedToCoordinatorUntil = 0
  var blockedToAgentUntil = 0
  var cloggedUntil = 0
  var dice: SeededRandom
}
