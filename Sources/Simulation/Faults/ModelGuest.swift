import AgentCore
import Fleet
import NUMA

/// One guest of a modelled host: what libvirt has written down of it, and what the kernel does with it.
struct ModelGuest: Sendable, Hashable {
  let id: GuestID
  let name: String
  let vcpus: Int
  var online: CPUSet
  /// Memory of each guest cell.
  let cells: [KiB]
  var live = Pinning()
  var config = Pinning()
  /// Nil while it does not run.
  var run: Incarnation?
  /// The kernel's mask of each vcpu's thread, and of the emulator's.
  var masks: [CPUSet]
  var emulatorMask: CPUSet
  /// Resident KiB by guest cell and host cell.
  var resident: [[Int]]

  /// A guest that does not run yet.
  init(id: GuestID, name: String, vcpus: Int, cells: [KiB], host: HostTopology, pinning: Pinning) {
    self.id = id
    self.name = name
    self.vcpus = vcpus
    self.cells = cells
    online = CPUSet(0..<vcpus)
    config = pinning
    config.memory = []
    masks = Array(repeating: host.cpus, count: vcpus)
    emulatorMask = host.cpus
    resident = Array(repeating: Array(repeating: 0, count: host.cells.count), count: cells.count)
  }

  var isRunning: Bool { run != nil }

  /// Resident KiB on one host cell.
  func resident(on cell: Int) -> Int { resident.reduce(0) { $0 + $1[cell] } }

  /// Begins to run as its config says, with its memory where numatune or else its first vcpu's CPUs put it.
  mutating func boot(_ run: Incarnation, on host: HostTopology) {
    self.run = run
    live = config
    masks = (0..<vcpus).map { config.cpuset(ofVCPU: $0)?.intersection(host.cpus) ?? host.cpus }
    for index in masks.indices where masks[index].isEmpty { masks[index] = host.cpus }
    emulatorMask = config.emulator?.intersection(host.cpus) ?? host.cpus
    if emulatorMask.isEmpty { emulatorMask = host.cpus }
    for index in cells.indices {
      resident[index] = Array(repeating: 0, count: host.cells.count)
      resident[index][home(of: index, on: host)] = cells[index].count
    }
  }

  /// The host cell that a guest cell's memory is first touched on.
  private func home(of guestCell: Int, on host: HostTopology) -> Int {
    let bound = live.numatune?.memnodes.first { $0.guestCell == guestCell }?.nodeset ?? live.numatune?.nodeset
    if let cell = bound?.first { return cell }
    let vcpu = min(guestCell * vcpus / max(cells.count, 1), vcpus - 1)
    return host.nodes(of: masks[vcpu]).first ?? 0
  }

  // MARK: What is seen

  var record: DomainRecord {
    DomainRecord(
      uuid: id.text, name: name, type: "kvm", state: isRunning ? .running : .shutoff, persistent: true, pid: run?.pid,
      vcpusMaximum: vcpus, vcpusOnline: online, memory: cells.reduce(0) { $0 + $1 }, guestCells: guestCells,
      live: isRunning ? live : config, config: config)
  }

  private var guestCells: [GuestCell] {
    guard cells.count > 1 else { return [] }
    return cells.enumerated().map { index, memory in
      GuestCell(id: index, vcpus: CPUSet((0..<vcpus).filter { $0 * cells.count / vcpus == index }), memory: memory)
    }
  }

  /// The process as the kernel shows it; without residency it is what the cheap reading sees.
  func observed(residency: Bool) -> ObservedProcess? {
    guard let run else { return nil }
    var threads = [
      GuestThread(tid: run.pid, role: .emulator, name: "qemu", cpusAllowed: emulatorMask, memsAllowed: [])
    ]
    for vcpu in online.members {
      threads.append(
        GuestThread(
          tid: run.pid + 1 + vcpu, role: .vcpu(vcpu), name: "CPU \(vcpu)/KVM", cpusAllowed: masks[vcpu], memsAllowed: []
        ))
    }
    let regions = cells.indices.map { index in
      MemoryRegion(
        start: 0x7000_0000_0000 - UInt64(index) << 36, size: cells[index], guestCell: nil, policy: policy(of: index),
        residency: pages(resident[index]))
    }
    let whole = resident.reduce(Array(repeating: 0, count: resident[0].count)) { sum, part in
      zip(sum, part).map { $0 + $1 }
    }
    return ObservedProcess(
      process: ProcessObservation(
        incarnation: run, name: "qemu", arguments: [], threads: threads, regions: residency ? regions : [],
        residency: residency ? pages(whole) : [], locked: 0, resident: cells.reduce(0) { $0 + $1 }), rule: nil)
  }

  private func pages(_ kib: [Int]) -> [CellResidency] {
    kib.enumerated().compactMap { cell, amount in
      amount == 0 ? nil : CellResidency(cell: cell, pageSize: .base, pages: amount / 4)
    }
  }

  private func policy(of guestCell: Int) -> String {
    let bound = live.numatune?.memnodes.first { $0.guestCell == guestCell }?.nodeset
    return bound.map { "bind:\($0)" } ?? "default"
  }
}
