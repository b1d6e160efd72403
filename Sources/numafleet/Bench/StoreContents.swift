import CoordinatorCore
import Fleet
import NUMA
import Store

/// What a fleet of that size has written by the time it has run for a while, as the coordinator's own writes.
struct StoreContents {
  var hosts: Int
  var guests: Int
  var events: Int
  var endedJobs = 1000
  var activeJobs = 200
  var plans = 200
  /// The hosts' public keys in Z85, for as many as really connect; invented ones for the rest.
  var publicKeys: [String] = []

  /// One transaction each, in the order in which they must be stored.
  var transactions: [[Write]] {
    let parts: [[Write]] = [
      (0..<hosts).map { .key(key($0)) }, [.topology(topology)], (0..<hosts).map { .host(record($0)) },
      (0..<guests).map { .sighting(sighting($0)) }, (0..<guests).map { .generation(guest($0), 3) },
      (1...plans).map { .plan(plan(PlanID(UInt64($0)))) },
      (1...(endedJobs + activeJobs)).flatMap(jobWrites), (1...max(events, 1)).map { .event(event($0)) },
    ]
    return parts.flatMap { part in
      stride(from: 0, to: part.count, by: 5000).map { Array(part[$0..<min($0 + 5000, part.count)]) }
    }
  }

  /// Writes all of it into a new store.
  func fill(_ store: String) throws(CommandFailure) {
    do throws(StoreError) {
      let ledger = try Ledger(path: store)
      for part in transactions { try ledger.commit(part) }
    } catch {
      throw CommandFailure(code: "store", error.message, remedy: error.remedy, exit: .refused)
    }
  }

  private func host(_ index: Int) -> HostID { HostID("host-\(index % hosts)") }

  private func guest(_ index: Int) -> GuestID {
    // A domain's UUID, as long as real ones.
    let digits = String(index, radix: 16)
    return GuestID("5d1f7c00-0000-4000-8000-\(String(repeating: "0", count: max(0, 12 - digits.count)))\(digits)")
  }

  private func key(_ index: Int) -> AuthorizedKey {
    let number = "\(index)"
    let invented = String(repeating: "k", count: 40 - number.count) + number
    return AuthorizedKey(
      publicKey: index < publicKeys.count ? publicKeys[index] : invented, owner: host(index).text, role: .agent,
      since: 1_700_000_000_000)
  }

  /// Machines are bought by the rack: all hosts have the same topology, which is stored once.
  private var topology: TopologyRecord {
    let whole = HostTopology(
      cells: (0..<4).map {
        Cell(id: $0, memoryTotal: KiB(gib: 256), memoryFree: 0, cpus: CPUSet(($0 * 16)..<($0 * 16 + 16)))
      },
      pcpus: (0..<64).map { PCPU(id: $0, cell: $0 / 16, socket: $0 / 32, die: 0, core: $0, siblings: [$0]) })
    return TopologyRecord(hash: whole.contentHash, topology: whole)
  }

  private func record(_ index: Int) -> HostRecord {
    let hash = topology.hash
    let facts = HostFacts(
      kernelVersion: "6.1.0-18-amd64", libvirtVersion: "9.0.0", qemuVersion: "7.2.9", libvirtURI: "qemu:///system",
      cgroupVersion: 2, numaBalancing: 0)
    return HostRecord(id: host(index), facts: facts, topology: hash, topologyHash: hash)
  }

  /// What the agent of a host says first.
  func greeting(ofHost index: Int) -> Hello {
    Hello(softwareVersion: numafleetVersion, topologyHash: topology.hash, highestEpoch: 0, capabilities: .alive)
  }

  /// What it reports once it is welcome: the guests that the store has seen there.
  func report(ofHost index: Int) -> HostReport {
    let record = record(index)
    let guests = stride(from: index, to: guests, by: hosts).map { number in
      Guest(
        id: guest(number), name: "guest-\(number)", kind: .domain(type: "kvm"), state: .running,
        incarnation: Incarnation(pid: 4242 + number, startTicks: 987_654), persistent: true, vcpusMaximum: 8,
        vcpusOnline: CPUSet(0..<8), memory: KiB(gib: 8), live: pinning(number), config: pinning(number),
        threads: (0..<8).map { vcpu in
          GuestThread(
            tid: 5000 + vcpu, role: .vcpu(vcpu), name: "CPU \(vcpu)/KVM",
            cpusAllowed: pinning(number).cpuset(ofVCPU: vcpu) ?? [], memsAllowed: [number % 4])
        }, movability: Movability(.livePages, because: "its numatune is strict"))
    }
    return HostReport(
      facts: record.facts, topologyHash: record.topologyHash, topology: nil,
      cells: (0..<4).map { CellState(cell: $0, memoryFree: KiB(gib: 64), pages: []) },
      guests: guests.sorted { $0.id < $1.id }, libvirtAnswers: true, journal: JournalHead())
  }

  private func sighting(_ index: Int) -> Sighting {
    Sighting(
      host: host(index), guest: guest(index), name: "guest-\(index)", kind: .domain(type: "kvm"), state: .running)
  }

  private func pinning(_ index: Int) -> Pinning {
    let cell = index % 4
    return Pinning(
      vcpus: (0..<8).map { VCPUPin(vcpu: $0, cpuset: [cell * 16 + $0]) }, emulator: [cell * 16, cell * 16 + 1],
      numatune: NUMATune(mode: .strict, nodeset: [cell]),
      memory: [GuestCellPlacement(guestCell: 0, cell: cell)])
  }

  private func placement(_ index: Int) -> Placement {
    Placement(
      host: host(index), cells: [GuestCellPlacement(guestCell: 0, cell: index % 4)], pinning: pinning(index),
      dedicated: [], score: 12, terms: [ScoreTerm(name: "locality", value: 12, detail: "distance 10")])
  }

  private func plan(_ id: PlanID) -> Plan {
    let moves = (0..<10).map { offset in
      let index = Int(id.number) * 10 + offset
      return Move(
        guest: guest(index), guestName: "guest-\(index)", host: host(index),
        incarnation: Incarnation(pid: 4242, startTicks: 987_654), from: [GuestCellPlacement(guestCell: 0, cell: 0)],
        placement: placement(index), expected: pinning(index + 1),
        movability: Movability(.liveMemory, because: "it has no numatune"), copy: KiB(gib: 8),
        reason: "remoteMemory: 8 GiB (100 %) of its 8 GiB are on cell 0, its vcpus run on cell 3")
    }
    return Plan(
      id: id, parent: PlanID(id.number - 1), purpose: "repair", wallMilliseconds: 1_700_000_000_000,
      waves: [Wave(moves: moves)], state: .done)
  }

  private func jobWrites(_ number: Int) -> [Write] {
    let isActive = number > endedJobs
    let job = Job(
      id: JobID(UInt64(number)), host: host(number), guest: guest(number), guestName: "guest-\(number)", epoch: 0,
      generation: 3, incarnation: Incarnation(pid: 4242, startTicks: 987_654),
      action: .apply(desired: pinning(number), expected: pinning(number + 1)))
    let report = JobReport(
      job: job.id, guest: job.guest, generation: 3, outcome: .verified, driver: .libvirt,
      steps: ["affinity", "memory", "pins", "config"].map { StepRecord(name: $0, milliseconds: 12, detail: "8 vcpus") })
    let record = JobRecord(
      job: job, plan: PlanID(UInt64(number % plans + 1)), state: isActive ? .sent : .verified,
      report: isActive ? nil : report, created: 1_700_000_000_000, ended: isActive ? nil : 1_700_000_001_000)
    let claim = Claim(
      job: job.id, host: job.host, guest: job.guest, dedicated: [],
      memory: [MemoryClaim(cell: number % 4, pageSize: .base, amount: KiB(gib: 8))])
    return isActive ? [.job(record), .claim(claim)] : [.job(record)]
  }

  private func event(_ number: Int) -> FleetEvent {
    FleetEvent(
      sequence: UInt64(number), wallMilliseconds: 1_700_000_000_000 + number, kind: .guestChanged, host: host(number),
      guest: guest(number % max(guests, 1)), actor: host(number).text,
      text: "guest guest-\(number): live pinning changed; thread affinity changed behind libvirt")
  }
}
