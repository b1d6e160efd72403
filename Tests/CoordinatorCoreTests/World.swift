import CoordinatorCore
import Fleet
import NUMA
import Testing

/// The hosts of a scene as they really are; what their agents report is read from here.
struct World {
  struct Host {
    var id: HostID
    var boot: BootID = "boot-1"
    var sequence: UInt64 = 0
    var lastReport: UInt64 = 0
    /// The term that has welcomed its agent.
    var epoch: Epoch = 0
    var topology: HostTopology
    var guests: [Guest] = []
    var libvirtAnswers = true
    /// Whether other hosts' guests may come.
    var isOpen = true
    var ksm: KSMState?
    var load: HostLoad?

    /// What the guests have left free.
    var cells: [CellState] {
      topology.cells.map { cell in
        let used = guests.filter { $0.state != .shutoff }.flatMap(\.regions).flatMap(\.residency)
          .reduce(0) { $0 + ($1.cell == cell.id ? $1.pages : 0) }
        let free = cell.memoryTotal.count / 4 - used
        return CellState(
          cell: cell.id, memoryFree: KiB(free * 4),
          pages: [PagePool(size: .base, total: cell.memoryTotal.count / 4, free: free)])
      }
    }
  }

  var hosts: [Host] = []
  /// Guests that have left one host and were not put on another yet.
  var travellers: [Guest] = []

  subscript(_ id: HostID) -> Host {
    get throws { try #require(hosts.first { $0.id == id }, "the scene has no host \(id)") }
  }

  mutating func change(_ id: HostID, _ body: (inout Host) throws -> Void) throws {
    let index = try #require(hosts.firstIndex { $0.id == id }, "the scene has no host \(id)")
    try body(&hosts[index])
  }

  /// `host a cells 2 cpus 4 mib 4096`: like cells, with their CPUs in a row.
  mutating func addHost(_ words: Words) throws {
    let (cells, cpus, mib) = (try words.int("cells") ?? 2, try words.int("cpus") ?? 4, try words.int("mib") ?? 4096)
    let all = (0..<cells).map { id in
      Cell(
        id: id, memoryTotal: KiB(mib: mib), memoryFree: KiB(mib: mib),
        pages: [PagePool(size: .base, total: mib * 256, free: mib * 256)],
        cpus: CPUSet((id * cpus)..<((id + 1) * cpus)))
    }
    let pcpus = (0..<(cells * cpus)).map {
      PCPU(id: $0, cell: $0 / cpus, socket: $0 / cpus, die: 0, core: $0, siblings: [$0])
    }
    let rows = (0..<cells).map { a in (0..<cells).map { a == $0 ? 10 : 20 } }
    let topology = HostTopology(
      cells: all, pcpus: pcpus, distances: DistanceMatrix(ids: Array(0..<cells), rows: rows))
    let id = HostID(try words[0])
    if hosts.contains(where: { $0.id == id }) { return try change(id) { $0.topology = topology } }
    hosts.append(Host(id: id, topology: topology, isOpen: !words.has("closed")))
  }

  /// `guest a/db pins 0-3,0-3 mem 1 mib 512 run 100 class liveMemory state running id X`.
  mutating func setGuest(_ words: Words) throws {
    let parts = try words[0].split(separator: "/").map(String.init)
    let (host, name) = (HostID(parts[0]), parts[1])
    let pins = try (words.text("pins") ?? "0-3;0-3").split(separator: ";").map { text in
      try #require(CPUSet(String(text)), "no cpus: \(text)")
    }
    let state = GuestState(rawValue: words.text("state") ?? "running") ?? .other
    let run = Incarnation(pid: try words.int("run") ?? 100, startTicks: 1)
    let mib = try words.int("mib") ?? 512
    let pinning = Pinning(vcpus: pins.enumerated().map { VCPUPin(vcpu: $0.offset, cpuset: $0.element) })
    let live = state == .shutoff ? Pinning() : pinning
    // What somebody wrote into the definition, or told the kernel, past everybody else.
    var config = pinning
    if let cpus = words.text("config").flatMap({ CPUSet($0) }) { config.vcpus[0].cpuset = cpus }
    let masks = words.text("kernel").flatMap { CPUSet($0) }.map { [$0] + pins.dropFirst() } ?? pins
    let movable = MovabilityClass(rawValue: words.text("class") ?? "liveMemory") ?? .fixed
    let made = Guest(
      id: GuestID(words.text("id") ?? "id-\(name)"), name: name, kind: .domain(type: "kvm"), state: state,
      incarnation: state == .running ? run : nil, persistent: true, vcpusMaximum: pins.count,
      vcpusOnline: CPUSet(0..<pins.count), memory: KiB(mib: mib), live: live, config: config,
      threads: masks.enumerated().map {
        GuestThread(
          tid: run.pid + $0.offset, role: .vcpu($0.offset), name: "CPU \($0.offset)/KVM", cpusAllowed: $0.element,
          memsAllowed: [0])
      },
      regions: [
        MemoryRegion(
          start: 4096, size: KiB(mib: mib), guestCell: 0, policy: "default",
          residency: [CellResidency(cell: try words.int("mem") ?? 0, pageSize: .base, pages: mib * 256)])
      ], movability: Movability(movable, because: "the scene says so"))
    try change(host) { entry in
      entry.guests.removeAll { $0.id == made.id }
      entry.guests.append(made)
      entry.guests.sort { $0.id < $1.id }
    }
  }

  /// The guest of a migration is gone from the host that it leaves.
  mutating func leave(_ job: Job) throws {
    guard let guest = try self[job.host].guests.first(where: { $0.id == job.guest }) else { return }
    travellers.removeAll { $0.id == job.guest }
    travellers.append(guest)
    try change(job.host) { $0.guests.removeAll { $0.id == job.guest } }
  }

  /// It is on the host that it goes to, as the placement says; `astray` on other CPUs, `paused` before the handover.
  mutating func arrive(_ job: Job, _ words: Words) throws {
    guard case .migrate(_, let placement, _) = job.action else { return }
    let source = try self[job.host].guests.first { $0.id == job.guest }
    var guest = try #require(source ?? travellers.first { $0.id == job.guest }, "the guest was never seen")
    var pinning = placement.pinning
    pinning.memory = []
    if words.has("astray") { pinning.vcpus = pinning.vcpus.map { VCPUPin(vcpu: $0.vcpu, cpuset: [0]) } }
    (guest.live, guest.config) = (pinning, pinning)
    guest.state = words.has("paused") ? .paused : .running
    guest.incarnation = Incarnation(pid: 900, startTicks: 1)
    for thread in guest.threads.indices {
      guest.threads[thread].cpusAllowed = pinning.cpuset(of: guest.threads[thread].role) ?? []
    }
    for region in guest.regions.indices {
      let pages = guest.regions[region].size.count / 4
      guest.regions[region].residency = [
        CellResidency(cell: placement.cells[0].cell, pageSize: .base, pages: words.has("unread") ? 0 : pages)
      ]
      if words.has("unread") { guest.regions[region].residency = [] }
    }
    try change(placement.host) { entry in
      entry.guests.removeAll { $0.id == guest.id }
      entry.guests.append(guest)
      entry.guests.sort { $0.id < $1.id }
    }
  }

  /// The full report of a host as it is now.
  func report(of id: HostID, withTopology: Bool, contradictory: Bool = false) throws -> HostReport {
    let host = try self[id]
    var topology = host.topology
    if contradictory { topology.cells[1].cpus = topology.cells[0].cpus }
    return HostReport(
      facts: HostFacts(
        kernelVersion: "6.1.0", libvirtVersion: "9.0.0", cgroupVersion: 2, ksm: host.ksm,
        migrationURI: host.isOpen ? "qemu+tls://\(id)/system" : nil),
      topologyHash: topology.contentHash, topology: withTopology ? topology : nil,
      cells: host.cells,
      guests: host.guests, libvirtAnswers: host.libvirtAnswers, load: host.load)
  }
}
