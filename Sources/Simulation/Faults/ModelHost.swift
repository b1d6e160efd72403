import AgentCore
import Fleet
import NUMA

/// A host that behaves: libvirt writes records and pins threads, the kernel moves pages, both fail and lie when they
/// are told to. What an agent reads back is what its commands did.
struct ModelHost: Sendable {
  let id: HostID
  private(set) var topology: HostTopology
  private(set) var facts = HostFacts(kernelVersion: "6.1.0", libvirtVersion: "9.0.0", cgroupVersion: 2)
  var guests: [ModelGuest] = []
  /// Boots of the host so far.
  private(set) var boots = 1
  /// KiB on each cell that something else holds.
  var taken: [Int]
  /// Until when libvirt does not answer, and until when it is not there.
  var libvirtHungUntil = 0
  var libvirtDownUntil = 0
  /// How the next calls go wrong, in order.
  var libvirtFaults: [CallFault] = []
  var kernelFaults: [CallFault] = []
  private var lastPID = 1000

  init(id: HostID, random: inout SeededRandom) {
    self.id = id
    facts.migrationURI = Self.uri(of: id)
    let cells = random.pick([2, 2, 4])
    let cpus = random.pick([4, 8])
    let memory = KiB(gib: random.pick([4, 8]))
    topology = HostTopology(
      cells: (0..<cells).map {
        Cell(id: $0, memoryTotal: memory, memoryFree: memory, cpus: CPUSet(($0 * cpus)..<(($0 + 1) * cpus)))
      },
      pcpus: (0..<cells * cpus).map {
        PCPU(id: $0, cell: $0 / cpus, socket: $0 / cpus, die: 0, core: $0, siblings: [$0])
      })
    taken = Array(repeating: 0, count: cells)
  }

  static func uri(of host: HostID) -> String { "sim://\(host)" }

  func index(of guest: GuestID) -> Int? { guests.firstIndex { $0.id == guest } }

  /// KiB that nobody uses on a cell.
  func free(on cell: Int) -> Int {
    max(0, topology.cells[cell].memoryTotal.count - taken[cell] - guests.reduce(0) { $0 + $1.resident(on: cell) })
  }

  var cells: [CellState] {
    topology.cells.map { cell in
      let free = free(on: cell.id)
      return CellState(
        cell: cell.id, memoryFree: KiB(free),
        pages: [PagePool(size: .base, total: cell.memoryTotal.count / 4, free: free / 4)])
    }
  }

  func libvirtAnswers(at now: Int) -> Bool { libvirtHungUntil <= now && libvirtDownUntil <= now }

  // MARK: What happens to it

  mutating func boot(_ guest: Int) {
    lastPID += 100
    guests[guest].boot(Incarnation(pid: lastPID, startTicks: UInt64(lastPID)), on: topology)
  }

  /// All guests end, and those that start with the host start again.
  mutating func reboot() {
    boots += 1
    libvirtFaults = []
    kernelFaults = []
    for index in guests.indices {
      guests[index].run = nil
      guests[index].resident = guests[index].resident.map { $0.map { _ in 0 } }
    }
    for index in guests.indices where index % 2 == 0 && fits(guests[index]) { boot(index) }
  }

  /// Whether the guest's memory is there where it would be touched.
  func fits(_ guest: ModelGuest) -> Bool {
    var trial = guest
    trial.boot(Incarnation(pid: 1, startTicks: 1), on: topology)
    return topology.cells.allSatisfy { trial.resident(on: $0.id) <= free(on: $0.id) }
  }

  /// Takes a CPU away, or gives it back; threads that had only this one may run anywhere, as the kernel does it.
  mutating func setOnline(_ cpu: Int, _ isOnline: Bool, like whole: HostTopology) {
    var cpus = topology.cpus
    if isOnline { cpus.insert(cpu) } else { cpus.remove(cpu) }
    topology = HostTopology(
      cells: whole.cells.map { cell in
        var cell = cell
        cell.cpus = cell.cpus.intersection(cpus)
        return cell
      }, pcpus: whole.pcpus.filter { cpus.contains($0.id) }, offline: whole.cpus.subtracting(cpus))
    for index in guests.indices where guests[index].isRunning {
      guests[index].masks = guests[index].masks.map { kept($0) }
      guests[index].emulatorMask = kept(guests[index].emulatorMask)
    }
  }

  func kept(_ mask: CPUSet) -> CPUSet {
    let left = mask.intersection(topology.cpus)
    return left.isEmpty ? topology.cpus : left
  }

  // MARK: Reading

  func observed(residency: Bool, topology withTopology: Bool, libvirtAnswers: Bool) -> HostObservation {
    HostObservation(
      topology: withTopology ? topology.with(cells) : nil, facts: facts, cells: cells,
      domains: libvirtAnswers ? guests.map(\.record) : nil, libvirtAnswers: libvirtAnswers,
      processes: guests.compactMap { $0.observed(residency: residency) }, hasResidency: residency)
  }

  func observed(_ guest: GuestID, run: Incarnation?, libvirtAnswers: Bool) -> GuestObservation {
    // Without libvirt the agent can only look for the run that it knows: another may be the guest's by now.
    let known = guests.first { run != nil && $0.run == run }
    let found = libvirtAnswers ? guests.first { $0.id == guest } ?? known : known
    return GuestObservation(
      domain: libvirtAnswers ? found?.record : nil, process: found?.observed(residency: true), cells: cells,
      online: topology.cpus, libvirtAnswers: libvirtAnswers)
  }
}
