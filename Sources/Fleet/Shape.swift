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
  /// Labels that its host must have.
  public var labels: [String]
  /// Taints that it does not mind.
  public var tolerates: [String]

  public init(
    name: String = "guest", guestCells: [ShapeCell], cpuClass: CPUClass = .floating, smt: SMTPolicy = .prefer,
    pageSize: PageSize = .base, mode: NUMAMode = .strict, near: [String] = [], emulatorPCPUs: Int = 0,
    iothreads: Int = 0, hosts: [HostID] = [], labels: [String] = [], tolerates: [String] = []
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
    self.labels = labels
    self.tolerates = tolerates
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
      if cpuClass == .mixed, !(0...max(cell.vcpus, 0)).contains(cell.dedicatedVCPUs) {
        found.append("guest cell \(index) dedicates pcpus to \(cell.dedicatedVCPUs) of its \(cell.vcpus) vcpus")
      }
      if cpuClass != .mixed, cell.dedicatedVCPUs != 0 {
        found.append("guest cell \(index) dedicates pcpus to some vcpus, which only a mixed guest does")
      }
      if pageSize.kib > 0, cell.memory.count % pageSize.kib != 0 {
        found.append("guest cell \(index)'s memory of \(cell.memory.count) KiB is not whole pages of \(pageSize)")
      }
    }
    if pageSize.kib <= 0 { found.append("pages of \(pageSize.kib) KiB do not exist") }
    if vcpus == 0 { found.append("a shape needs at least one vcpu") }
    if cpuClass == .mixed {
      // What is absurd has been named above, and must not overflow here.
      let own = guestCells.reduce(0) { $0 + min(max($1.dedicatedVCPUs, 0), Guest.vcpusLimit) }
      if own <= 0 || own >= vcpus {
        found.append("a mixed guest has dedicated and floating vcpus, not \(own) of \(vcpus)")
      }
    }
    return found
  }
}

extension Shape {
  /// Reads what an earlier version wrote too, which knew neither labels nor taints.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      name: try values.decode(String.self, forKey: .name),
      guestCells: try values.decode([ShapeCell].self, forKey: .guestCells),
      cpuClass: try values.decode(CPUClass.self, forKey: .cpuClass),
      smt: try values.decode(SMTPolicy.self, forKey: .smt),
      pageSize: try values.decode(PageSize.self, forKey: .pageSize),
      mode: try values.decode(NUMAMode.self, forKey: .mode), near: try values.decode([String].self, forKey: .near),
      emulatorPCPUs: try values.decode(Int.self, forKey: .emulatorPCPUs),
      iothreads: try values.decode(Int.self, forKey: .iothreads),
      hosts: try values.decode([HostID].self, forKey: .hosts),
      labels: try values.decodeIfPresent([String].self, forKey: .labels) ?? [],
      tolerates: try values.decodeIfPresent([String].self, forKey: .tolerates) ?? [])
  }
}

/// One guest cell of a shape.
public struct ShapeCell: Sendable, Hashable, Codable {
  public var vcpus: Int
  public var memory: KiB
  /// Of a mixed guest: so many of the cell's first vcpus have one host CPU each of their own.
  public var dedicatedVCPUs: Int
  public init(vcpus: Int, memory: KiB, dedicatedVCPUs: Int = 0) {
    self.vcpus = vcpus
    self.memory = memory
    self.dedicatedVCPUs = dedicatedVCPUs
  }
}

extension ShapeCell {
  /// Reads what an earlier version wrote too, which knew no mixed guests.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      vcpus: try values.decode(Int.self, forKey: .vcpus), memory: try values.decode(KiB.self, forKey: .memory),
      dedicatedVCPUs: try values.decodeIfPresent(Int.self, forKey: .dedicatedVCPUs) ?? 0)
  }

  /// How many of its vcpus have a host CPU of their own in a guest of that class.
  public func dedicated(_ cpuClass: CPUClass) -> Int {
    switch cpuClass {
    case .dedicated: vcpus
    case .floating: 0
    case .mixed: dedicatedVCPUs
    }
  }
}

/// How vcpus relate to host CPUs.
public enum CPUClass: String, Sendable, Hashable, Codable, CaseIterable {
  /// Each vcpu has one host CPU of its own.
  case dedicated
  /// Vcpus share the cell's CPUs that are not dedicated.
  case floating
  /// Some vcpus have host CPUs of their own, the others share.
  case mixed
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
