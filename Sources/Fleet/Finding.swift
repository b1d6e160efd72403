/// Something wrong with a placement, with the numbers that show it and what mends it.
public struct Finding: Sendable, Hashable, Codable {
  public var severity: Severity
  public var kind: Kind
  public var host: HostID
  public var guest: GuestID?
  public var guestName: String?
  /// What was seen, in numbers.
  public var evidence: String
  /// The command that mends it.
  public var remedy: String

  public init(
    severity: Severity, kind: Kind, host: HostID, guest: GuestID? = nil, guestName: String? = nil, evidence: String,
    remedy: String
  ) {
    self.severity = severity
    self.kind = kind
    self.host = host
    self.guest = guest
    self.guestName = guestName
    self.evidence = evidence
    self.remedy = remedy
  }

  public enum Severity: String, Sendable, Hashable, Codable, CaseIterable {
    case info, warning, error
  }

  public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
    case remoteMemory, vcpusAcrossCells, overlappingPins, floating, configDiffers, foreignBalancer, numaBalancing
    case ksmAcrossNodes, libvirtDown, kernelDiffers
    /// More floating vcpus on the shared CPUs of a cell than the policy allows, or more memory promised than there is.
    case overcommittedCell
    /// A guest, or one of its guest cells, that no cell of the host could hold even if it were empty.
    case widerThanCell
    /// Emulator or iothreads that may run on CPUs that vcpus have for themselves.
    case emulatorOnDedicated
    /// Two guests on the hardware threads of one core where the policy's `smt` is isolate.
    case sharedSiblings
    /// A strict guest that will be killed rather than get memory from another cell, and whose cells have little left.
    case strictNearFull
    /// A pool with fewer free hugepages than its guests still need.
    case hugepagesShort
    /// A passed-through device on a cell where its guest has neither vcpus nor memory.
    case deviceElsewhere
    /// Pins outside what the cgroup of all guests may use.
    case outsideParent
    /// Threads pinned to several CPUs among which the kernel does not balance (isolcpus).
    case pinnedAcrossIsolated
    /// Irqbalance hands interrupts to CPUs that guests have for themselves, or to isolated ones.
    case interruptsOnDedicated
    /// Somebody restricts all guests to some of the host's CPUs or cells.
    case parentRestricted
    /// A version of kernel or libvirt that is known to do harm here; see `KnownTrap`.
    case knownTrap
    /// Somebody pinned the guest elsewhere than it was last wanted; see `Wish`.
    case drifted
    /// A cell whose CPUs or memory controller have more to do than they can; see `PressureRules`.
    case pressedCell
  }
}

extension Finding.Kind {
  /// Whether a finding of this kind, when it is an error, says that moving guests by itself would do harm on that host:
  /// somebody else moves them back (numad), their pages are tied to other cells as soon as they arrive (KSM across
  /// nodes), nobody would carry a job out or verify it (libvirt down), or this kernel or libvirt is known to harm
  /// guests that are moved.
  ///
  /// What is wrong with one guest never forbids it: mending that is what automation is for.
  public var forbidsAutomation: Bool {
    switch self {
    case .foreignBalancer, .ksmAcrossNodes, .libvirtDown, .knownTrap: true
    case .remoteMemory, .vcpusAcrossCells, .overlappingPins, .floating, .configDiffers, .numaBalancing, .kernelDiffers,
      .drifted,
      .overcommittedCell, .widerThanCell, .emulatorOnDedicated, .sharedSiblings, .strictNearFull, .hugepagesShort,
      .deviceElsewhere, .outsideParent, .pinnedAcrossIsolated, .interruptsOnDedicated, .parentRestricted, .pressedCell:
      false
    }
  }
}

extension Finding {
  /// Whether nothing may be moved on its host by automation until it is mended. What an operator asks for is done all
  /// the same.
  public var forbidsAutomation: Bool { severity == .error && kind.forbidsAutomation }
}

extension Finding.Severity: Comparable {
  private var rank: Int {
    switch self {
    case .info: 0
    case .warning: 1
    case .error: 2
    }
  }

  public static func < (a: Self, b: Self) -> Bool { a.rank < b.rank }
}
