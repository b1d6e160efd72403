public import NUMA

/// What is wanted of a running guest: where a job of ours put it and it was seen, or what an operator adopted.
///
/// It holds for one host, and for one run unless the guest's definition says the same; a guest that is elsewhere, or
/// that was started from another definition, has none.
public struct Wish: Sendable, Hashable, Codable {
  public var guest: GuestID
  public var host: HostID
  /// The run that it holds for; nil when it outlives the run.
  public var incarnation: Incarnation?
  public var pinning: Pinning
  public var origin: Origin
  /// When it became the wish, in milliseconds since 1970.
  public var since: Int

  /// Where a wish comes from.
  public enum Origin: Sendable, Hashable, Codable {
    /// A job that was verified.
    case placed(JobID)
    /// What was found, taken over by an operator or by the policy.
    case adopted(by: String)
  }

  public init(
    guest: GuestID, host: HostID, incarnation: Incarnation?, pinning: Pinning, origin: Origin, since: Int
  ) {
    self.guest = guest
    self.host = host
    self.incarnation = incarnation
    self.pinning = pinning
    self.origin = origin
    self.since = since
  }

  /// Whether it is about this run of the guest.
  public func holds(for guest: Guest) -> Bool {
    guest.id == self.guest && (incarnation == nil || incarnation == guest.incarnation)
  }

  /// Threads that the kernel lets run elsewhere than was wanted, in the order of the guest's threads.
  ///
  /// CPUs that are offline or not the guests' own cannot show in a mask, whatever was wanted.
  public func drift(of guest: Guest, on topology: HostTopology) -> [Drift] {
    let possible = topology.allowed.intersection(topology.cpus)
    return guest.threads.compactMap { thread in
      guard let wanted = pinning.cpuset(of: thread.role)?.intersection(possible), !wanted.isEmpty else { return nil }
      let seen = thread.cpusAllowed.intersection(possible)
      return seen == wanted ? nil : Drift(role: thread.role, wanted: wanted, seen: seen)
    }
  }
}

/// One thread that is not where it was wanted.
public struct Drift: Sendable, Hashable {
  public var role: ThreadRole
  public var wanted: CPUSet
  public var seen: CPUSet
  public init(role: ThreadRole, wanted: CPUSet, seen: CPUSet) {
    self.role = role
    self.wanted = wanted
    self.seen = seen
  }
}

extension Guest {
  /// Whether the kernel holds a vcpu, or a thread of a process, to fewer CPUs than guests may have.
  public func isConfined(on topology: HostTopology) -> Bool {
    let possible = topology.allowed.intersection(topology.cpus)
    return threads.contains { thread in
      switch thread.role {
      case .vcpu, .worker: !possible.isSubset(of: thread.cpusAllowed)
      case .iothread, .emulator: false
      }
    }
  }

  /// The guest's pins as they are: the kernel's masks where there is a thread, libvirt's record elsewhere. A thread
  /// that nothing confines has no pin.
  public func shown(on topology: HostTopology) -> Pinning {
    let possible = topology.allowed.intersection(topology.cpus)
    func pin(_ role: ThreadRole) -> CPUSet? {
      let recorded = live.cpuset(of: role)
      guard let thread = threads.first(where: { $0.role == role }) else { return recorded }
      // The record may name CPUs that are offline now, and is as true as the mask.
      if let recorded, recorded.intersection(possible) == thread.cpusAllowed.intersection(possible) { return recorded }
      let isFree = possible.isSubset(of: thread.cpusAllowed) || thread.cpusAllowed == defaultCPUSet
      return recorded == nil && isFree ? nil : thread.cpusAllowed.intersection(possible)
    }
    let workers = threads.filter { $0.role == .worker }
    let isOneMask = !workers.isEmpty && workers.allSatisfy { $0.cpusAllowed == workers[0].cpusAllowed }
    return Pinning(
      vcpus: (0..<min(vcpusMaximum, Self.vcpusLimit)).compactMap { id in
        pin(.vcpu(id)).map { VCPUPin(vcpu: id, cpuset: $0) }
      },
      emulator: isOneMask ? pin(.worker) : pin(.emulator),
      iothreads: iothreads.compactMap { id in pin(.iothread(id)).map { IOThreadPin(iothread: id, cpuset: $0) } },
      numatune: live.numatune,
      memory: cellsToPlace.compactMap { cell in
        guard tellsMemory(ofGuestCell: cell.id), let home = majorityCell(ofGuestCell: cell.id) else { return nil }
        return GuestCellPlacement(guestCell: cell.id, cell: home)
      })
  }
}

extension Pinning {
  /// This wish, and that of another where this one leaves something as it is.
  public func filled(from other: Pinning) -> Pinning {
    Pinning(
      vcpus: vcpus + other.vcpus.filter { cpuset(ofVCPU: $0.vcpu) == nil },
      emulator: emulator ?? other.emulator,
      iothreads: iothreads + other.iothreads.filter { cpuset(ofIOThread: $0.iothread) == nil },
      numatune: numatune ?? other.numatune, cputune: cputune,
      memory: memory + other.memory.filter { cell(ofGuestCell: $0.guestCell) == nil })
  }

  /// Pins of vcpus, emulator and iothreads in which this differs from another record, where this one has any.
  public func pins(differingFrom other: Pinning) -> Pinning {
    Pinning(
      vcpus: vcpus.filter { other.cpuset(ofVCPU: $0.vcpu) != $0.cpuset },
      emulator: emulator == other.emulator ? nil : emulator,
      iothreads: iothreads.filter { other.cpuset(ofIOThread: $0.iothread) != $0.cpuset })
  }
}
