public import NUMA

/// What a guest asks for: its guest cells and the constraints on where they may go.
public struct Shape: Sendable, Hashable, Codable {
  /// A name for explanations and for the domain that may be made of it.
  public var name: String
  /// 1 to 8 guest cells, in order of guest cell id.
  public var guestCells: [ShapeCell]
  public var cpuClass: CPUClass
  public var smt: SMTPolicy
  /// Size of the pages that back the guest.
  public var pageSize: PageSize
  /// The numatune mode its configuration is written with.
  public var mode: NUMAMode
  /// PCI addresses or `vendor:device` pairs of host devices that its first guest cell must share a cell with.
  public var near: [String]
  /// Host CPUs for the emulator threads of a dedicated guest; 0 puts them on the cell's shared CPUs.
  public var emulatorPCPUs: Int
  public var iothreads: Int
  /// Hosts it may go to; empty means any.
  public var hosts: [HostID]

  public init(
    name: String = "guest", guestCells: [ShapeCell], cpuClass: CPUClass = .floating, smt: SMTPolicy = .prefer,
    pageSize: PageSize = .base, mode: NUMAMode = .strict, near: [String] = [], emulatorPCPUs: Int = 0,
    iothreads: Int = 0, hosts: [HostID] = []
  ) {
    self.name = name
    self.guestCells = guestCells
    self.cpuClass = cpuClass
    self.smt = smt
    self.pageSize = pageSize
    self.mode = mode
    self.near = near
    self.emulatorPCPUs = emulatorPCPUs
    self.iothreads = iothreads
    self.hosts = hosts
  }

  /// Vcpus over all guest cells.
  public var vcpus: Int { guestCells.reduce(0) { $0 + $1.vcpus } }
  /// Memory over all guest cells.
  public var memory: KiB { guestCells.reduce(0) { $0 + $1.memory } }

  /// What is wrong with the shape in itself, in words; empty when it can be placed somewhere in principle.
  public func contradictions() -> [String] {
    var found: [String] = []
    if !(1...8).contains(guestCells.count) {
      found.append("a shape has 1 to 8 guest cells, this one has \(guestCells.count)")
    }
    for (index, cell) in guestCells.enumerated() {
      if cell.vcpus < 0 || cell.memory < 0 || (cell.vcpus == 0 && cell.memory == 0) {
        found.append("guest cell \(index) asks for \(cell.vcpus) vcpus and \(cell.memory)")
      }
      if pageSize.kib > 0, cell.memory.count % pageSize.kib != 0 {
        found.append("guest cell \(index)'s memory of \(cell.memory.count) KiB is not whole pages of \(pageSize)")
      }
    }
    if pageSize.kib <= 0 { found.append("pages of \(pageSize.kib) KiB do not exist") }
    if vcpus == 0 { found.append("a shape needs at least one vcpu") }
    return found
  }
}

/// One guest cell of a shape.
public struct ShapeCell: Sendable, Hashable, Codable {
  public var vcpus: Int
  public var memory: KiB
  public init(vcpus: Int, memory: KiB) {
    self.vcpus = vcpus
    self.memory = memory
  }
}

/// How vcpus relate to host CPUs.
public enum CPUClass: String, Sendable, Hashable, Codable, CaseIterable {
  /// Each vcpu has one host CPU of its own.
  case dedicated
  /// Vcpus share the cell's CPUs that are not dedicated.
  case floating
}

/// What a dedicated guest wants of hardware threads.
public enum SMTPolicy: String, Sendable, Hashable, Codable, CaseIterable {
  /// Whole cores when there are, single threads otherwise.
  case prefer
  /// Only whole cores, all their threads used.
  case require
  /// Whole cores, one thread of each used, the others left idle.
  case isolate
}
