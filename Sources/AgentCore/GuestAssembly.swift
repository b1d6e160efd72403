import Fleet
import NUMA

/// Joins what libvirt says of a guest with what the kernel shows, and tells its mappings and movability.
struct GuestAssembly {
  let host: HostID
  let facts: HostFacts

  /// A libvirt domain; `process` is nil when it does not run or its process could not be read.
  func guest(_ domain: DomainRecord, process: ProcessObservation?) -> Guest {
    var guest = Guest(
      id: GuestID(domain.uuid), name: domain.name, kind: .domain(type: domain.type), state: domain.state,
      incarnation: process?.incarnation, persistent: domain.persistent, vcpusMaximum: domain.vcpusMaximum,
      vcpusOnline: domain.vcpusOnline, memory: domain.memory, pageSize: domain.pageSize,
      guestCells: domain.guestCells, live: domain.live, config: domain.config, defaultCPUSet: domain.defaultCPUSet,
      iothreads: domain.iothreads, vfio: domain.vfio, locked: domain.locked,
      movability: Movability.ofDomain(domain, process: process, facts: facts))
    if let process {
      guest.threads = process.threads.map { thread in
        var thread = thread
        if thread.role == .worker { thread.role = .emulator }
        return thread
      }
      guest.residency = process.residency
      guest.regions = attributed(process.regions, to: guest)
      guest.locked = domain.locked || process.locked >= domain.memory
    }
    return guest
  }

  /// A process that libvirt does not know, or a domain's while libvirt has not told of it: an agent may start first.
  func guest(_ observed: ObservedProcess, rule: String) -> Guest {
    let process = observed.process
    let machine = observed.machine
    var guest = Guest(
      id: GuestID(machine?.uuid ?? "\(host)/process/\(process.incarnation)"),
      name: machine?.name ?? "\(process.name)-\(process.incarnation.pid)",
      kind: machine?.domainType.map { .domain(type: $0) } ?? .process(rule: rule), state: .running,
      incarnation: process.incarnation, memory: process.resident,
      pageSize: machine?.pageSize ?? .base, residency: process.residency, vfio: machine?.vfio ?? [],
      locked: process.locked > 0 && process.locked >= process.resident,
      movability: Movability.ofProcess(process, machine))
    guest.threads = process.threads
    let hasVCPUNames = process.threads.contains { if case .vcpu = $0.role { true } else { false } }
    let ids = guest.threads.compactMap { if case .vcpu(let id) = $0.role { id } else { nil } }
    guest.vcpusOnline = CPUSet(ids)
    guest.vcpusMaximum =
      hasVCPUNames
      ? max(machine?.vcpusMaximum ?? 0, (ids.max() ?? -1) + 1) : min(process.threads.count, Guest.vcpusLimit)
    guest.iothreads = guest.threads.compactMap { if case .iothread(let id) = $0.role { id } else { nil } }.sorted()
    if hasVCPUNames, let machine {
      guest.memory = machine.memory
      guest.guestCells = machine.guestCells
    }
    guest.live = kernelPinning(of: guest.threads)
    guest.regions = attributed(process.regions, to: guest)
    return guest
  }

  private func kernelPinning(of threads: [GuestThread]) -> Pinning {
    var pinning = Pinning()
    for thread in threads {
      switch thread.role {
      case .vcpu(let id): pinning.vcpus.append(VCPUPin(vcpu: id, cpuset: thread.cpusAllowed))
      case .iothread(let id): pinning.iothreads.append(IOThreadPin(iothread: id, cpuset: thread.cpusAllowed))
      case .emulator, .worker: pinning.emulator = (pinning.emulator ?? []).union(thread.cpusAllowed)
      }
    }
    pinning.vcpus.sort { $0.vcpu < $1.vcpu }
    pinning.iothreads.sort { $0.iothread < $1.iothread }
    return pinning
  }

  /// Tells which mapping backs which guest cell: by size, then by the policy that its memnode left on it, then by
  /// address, because QEMU maps cells in order and the kernel hands out addresses downwards.
  func attributed(_ regions: [MemoryRegion], to guest: Guest) -> [MemoryRegion] {
    var result = regions
    let slack: KiB = 4096
    for cell in guest.cellsToPlace {
      let bound = guest.live.numatune?.memnodes.first { $0.guestCell == cell.id }?.nodeset
      func fits(_ index: Int) -> Bool {
        result[index].guestCell == nil && result[index].size >= cell.memory && result[index].size < cell.memory + slack
      }
      let candidates = result.indices.filter(fits).sorted { result[$0].start > result[$1].start }
      let choice = candidates.first { bound != nil && result[$0].policy == "bind:\(bound?.description ?? "")" }
      if let index = choice ?? candidates.first {
        result[index].guestCell = cell.id
      } else if guest.guestCells.isEmpty, let largest = result.indices.first, guest.kind.isDomain {
        // The RAM of a guest without cells is its largest mapping, however QEMU has padded it.
        result[largest].guestCell = cell.id
      }
    }
    return result
  }
}

extension GuestKind {
  /// Whether libvirt knows the guest.
  var isDomain: Bool {
    if case .domain = self { return true }
    return false
  }
}
