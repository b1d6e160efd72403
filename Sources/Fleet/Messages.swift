/// What an agent says to a coordinator. Messages may be lost, repeated or reordered; each carries full state.
///
/// The large ones are indirect, so that the frequent small ones are not carried about in the space of the largest.
public enum ToCoordinator: Sendable, Hashable {
  /// First after each connection.
  case hello(Hello)
  indirect case report(HostReport)
  /// Nothing changed since the report of that sequence.
  case heartbeat(lastReport: UInt64)
  indirect case jobReport(JobReport)
  /// The message that this answers was not understood; `job` is the number of the job that it carried, if any.
  case refused(Refusal, job: JobID?)
}

/// Who is there, and what it remembers.
public struct Hello: Sendable, Hashable, Codable {
  public var softwareVersion: String
  public var topologyHash: UInt64
  /// The newest coordinator's term this agent has obeyed.
  public var highestEpoch: Epoch
  /// The run of the coordinator obeyed in that term; nil from agents that do not remember it. Two coordinators
  /// begun on copies of one store count the same terms, so the term alone does not tell them apart.
  public var epochOwner: BootID?
  public var capabilities: AgentCapabilities
  public init(
    softwareVersion: String, topologyHash: UInt64, highestEpoch: Epoch, epochOwner: BootID? = nil,
    capabilities: AgentCapabilities = []
  ) {
    self.softwareVersion = softwareVersion
    self.topologyHash = topologyHash
    self.highestEpoch = highestEpoch
    self.epochOwner = epochOwner
    self.capabilities = capabilities
  }
}

/// What an agent understands beyond the first messages of the protocol. Bits of later versions are kept.
public struct AgentCapabilities: OptionSet, Sendable, Hashable, Codable {
  public var rawValue: UInt64
  public init(rawValue: UInt64) { self.rawValue = rawValue }
  /// It knows `alive`, the answer to a heartbeat.
  public static let alive = AgentCapabilities(rawValue: 1)
  /// It knows `look`, and its reports say which look they come after.
  public static let looks = AgentCapabilities(rawValue: 2)
  /// It knows how to switch KSM.
  public static let ksm = AgentCapabilities(rawValue: 4)
  /// It knows `cancel`.
  public static let cancels = AgentCapabilities(rawValue: 8)
}

/// What a coordinator says to an agent.
public enum ToAgent: Sendable, Hashable {
  /// Answer to hello: the term, and whether the topology must be sent.
  case welcome(Welcome)
  indirect case job(Job)
  /// The report of this final outcome is durable; the agent may forget it.
  case jobAcknowledged(JobID)
  /// The coordinator lacks state: send a full report now.
  case sendReport(withTopology: Bool)
  /// The message of that id was not understood or not allowed.
  case refused(Refusal)
  /// The answer to a heartbeat when there is nothing else to say; only to agents that know it.
  case alive
  /// Read the host now, and report: what was read before this came proves nothing. Looks of a term are numbered from 1;
  /// only to agents that know it.
  case look(UInt64)
  /// The job, which may or may not have come before, is not wanted any more: what has not begun ends at once, a
  /// migration is called off, and all else ends by itself. Sent in place of `job` until its report says what became of
  /// it; only to agents that know it.
  indirect case cancel(Job)
}

extension ToAgent {
  /// The job that it carries, if any.
  public var job: Job? {
    switch self {
    case .job(let job), .cancel(let job): job
    case .welcome, .jobAcknowledged, .sendReport, .refused, .alive, .look: nil
    }
  }
}

/// The coordinator's answer to hello.
public struct Welcome: Sendable, Hashable, Codable {
  public var host: HostID
  public var epoch: Epoch
  /// Whether the coordinator lacks the topology the hello named.
  public var wantsTopology: Bool
  public var heartbeatMilliseconds: Int
  /// Whether heartbeats will be answered, so that silence means that the coordinator is lost.
  public var answersHeartbeats: Bool
  public init(
    host: HostID, epoch: Epoch, wantsTopology: Bool, heartbeatMilliseconds: Int, answersHeartbeats: Bool = false
  ) {
    self.host = host
    self.epoch = epoch
    self.wantsTopology = wantsTopology
    self.heartbeatMilliseconds = heartbeatMilliseconds
    self.answersHeartbeats = answersHeartbeats
  }
}

/// What travels around every payload.
public struct Envelope<Payload: Sendable & Hashable>: Sendable, Hashable {
  /// Protocol versions the sender understands; the lowest and highest minor of the one major version.
  public var protocolLowest: Int
  public var protocolHighest: Int
  /// Unique per sender and boot; an answer repeats it in `answering`.
  public var messageID: UInt64
  public var answering: UInt64?
  /// The number of the job that a coordinator's message carries, for whoever understands no more of it.
  public var job: JobID?
  /// The coordinator's term, as far as the sender knows it.
  public var epoch: Epoch
  /// The sender's boot; from operators, one run of their program, or empty.
  public var boot: BootID
  /// Rises with every message of a boot.
  public var sequence: UInt64
  public var payload: Payload

  public init(
    protocolLowest: Int = ProtocolVersion.lowest, protocolHighest: Int = ProtocolVersion.highest, messageID: UInt64,
    answering: UInt64? = nil, job: JobID? = nil, epoch: Epoch, boot: BootID, sequence: UInt64, payload: Payload
  ) {
    self.protocolLowest = protocolLowest
    self.protocolHighest = protocolHighest
    self.messageID = messageID
    self.answering = answering
    self.job = job
    self.epoch = epoch
    self.boot = boot
    self.sequence = sequence
    self.payload = payload
  }
}

/// Names one request of one run of an operator's program, so that it may be sent again until it is answered.
public struct RequestID: Sendable, Hashable {
  public var boot: BootID
  public var messageID: UInt64

  /// Longer names of a run are nobody's, for each is kept.
  static let bootBytesMax = 128

  /// Nil where the sender gave its run no name, or one that is too long.
  public init?(boot: BootID, messageID: UInt64) {
    guard (1...Self.bootBytesMax).contains(boot.text.utf8.count) else { return nil }
    self.boot = boot
    self.messageID = messageID
  }
}

/// The wire versions this build speaks.
public enum ProtocolVersion {
  /// The oldest it still understands.
  public static let lowest = 1
  /// The one it prefers.
  public static let highest = 1
}
