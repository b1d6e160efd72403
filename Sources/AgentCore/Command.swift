public import Fleet
public import NUMA

/// One effect that the agent's core asks its loop to carry out; its end comes back as `Agent.Event.completed`.
public struct Command: Sendable, Hashable {
  /// Unique in this run of the agent, so that a late completion is recognised.
  public var id: CommandID
  public var effect: Effect
  /// The run of the guest that a running guest's change is meant for: the loop makes a call of libvirt, which knows a
  /// domain by its UUID only, while that process lives, and else completes it with `incarnationChanged`.
  public var run: Incarnation?
  /// After this the loop gives up and completes the command with `libvirtTimeout`.
  public var deadlineMilliseconds: Int

  public init(id: CommandID, effect: Effect, run: Incarnation? = nil, deadlineMilliseconds: Int) {
    self.id = id
    self.effect = effect
    self.run = run
    self.deadlineMilliseconds = deadlineMilliseconds
  }
}

/// Numbers commands.
public struct CommandID: Counter {
  public let number: UInt64
  public init(_ number: UInt64) { self.number = number }
}

/// What a command does, and through whom.
public enum Effect: Sendable, Hashable {
  /// Reads the whole host; `residency` includes `numa_maps`, which walks page tables and is done rarely.
  case observeHost(residency: Bool, topology: Bool)
  /// Reads one guest completely, from libvirt and the kernel, now.
  case observeGuest(GuestID, incarnation: Incarnation?)
  case libvirt(domain: String, LibvirtEffect)
  case kernel(Incarnation, KernelEffect)
  case start(domainXML: String, shape: Shape, placement: Placement)
  /// virDomainMigrateToURI3, peer to peer: ends when the guest has left, or when it stays. It is called off when it has
  /// not converged within `converge` milliseconds.
  case migrate(domain: String, uri: String, Pinning, converge: Int)
  /// Waits until no migration of the domain is under way, and calls one off that outlasts `patience` milliseconds.
  case settleMigration(domain: String, patience: Int)
  /// Reads the settings of the host's KSM and what is free on its cells, now.
  case observeKSM
  /// Writes one of them. Those who wait for one that lasts are carried out after it, and not at all once their deadline
  /// is over.
  case setKSM(KSMSetting)
}

/// A file of `/sys/kernel/mm/ksm` and what to write.
public enum KSMSetting: Sendable, Hashable {
  /// 2 lasts until all pages are unmerged.
  case run(Int)
  case mergeAcrossNodes(Bool)
}

extension Effect {
  /// Whether pages may travel.
  var movesMemory: Bool {
    switch self {
    case .kernel(_, .migratePages), .kernel(_, .movePages), .libvirt(_, .setNumatune): true
    default: false
    }
  }
}

extension LibvirtEffect {
  /// Which record it changes; a live one is a running guest's.
  public var scope: Scope {
    switch self {
    case .pinVCPU(_, _, let scope), .pinEmulator(_, let scope), .pinIOThread(_, _, let scope),
      .setNumatune(_, _, let scope), .setScheduler(_, let scope):
      scope
    case .defineNumatune: .config
    }
  }
}

/// Calls of libvirt that change a domain.
public enum LibvirtEffect: Sendable, Hashable {
  /// virDomainPinVcpuFlags
  case pinVCPU(Int, CPUSet, Scope)
  /// virDomainPinEmulator
  case pinEmulator(CPUSet, Scope)
  /// virDomainPinIOThread
  case pinIOThread(Int, CPUSet, Scope)
  /// virDomainSetNumaParameters; a nil mode leaves the mode alone.
  case setNumatune(mode: NUMAMode?, nodeset: NodeSet, Scope)
  /// virDomainSetSchedulerParametersFlags
  case setScheduler(CPUTune, Scope)
  /// Rewrites `<numatune>` of the persistent definition, memnodes included, for which libvirt has no call.
  case defineNumatune(NUMATune)
}

/// Changes of a process through the kernel alone.
public enum KernelEffect: Sendable, Hashable {
  /// sched_setaffinity(2) on each thread; for a domain whose libvirtd is down, the cpusets that libvirt made for its
  /// threads are widened first, or the kernel would refuse.
  case setAffinity([ThreadAffinity], widensCgroup: Bool)
  /// migrate_pages(2): every page of the process on `from` goes to `to`.
  case migratePages(from: NodeSet, to: Int)
  /// move_pages(2) over one mapping.
  case movePages(start: UInt64, size: KiB, pageSize: PageSize, to: Int)
  /// cpu.weight and cpu.max of the process's own cgroup.
  case setCPUTune(CPUTune)
}

/// One thread and the CPUs it shall have.
public struct ThreadAffinity: Sendable, Hashable {
  public var tid: Int
  public var cpuset: CPUSet
  public init(tid: Int, cpuset: CPUSet) {
    self.tid = tid
    self.cpuset = cpuset
  }
}

/// How a command ended.
public enum CommandOutcome: Sendable, Hashable {
  /// `detail` has the numbers; `pagesLeft` counts pages that did not move.
  case done(detail: String, pagesLeft: Int)
  case observedHost(HostObservation)
  case observedGuest(GuestObservation)
  /// Nil where the kernel lacks KSM.
  case observedKSM(KSMState?, cells: [CellState])
  case failed(Refusal)
}
