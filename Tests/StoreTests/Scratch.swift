import CoordinatorCore
import Fleet
import Foundation
import GRDB
import NUMA

@testable import Store

/// A directory of one test, removed with it.
final class Scratch {
  let directory: String
  var ledgerPath: String { directory + "/ledger.sqlite" }

  init() throws {
    directory = NSTemporaryDirectory() + "/numafleet-store-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: directory) }

  /// The bytes of the ledger's main file.
  func bytes() throws -> Data { try Data(contentsOf: URL(fileURLWithPath: ledgerPath)) }

  /// A plain connection to the ledger's file, past all of `Ledger`'s checks.
  func rawConnection() throws -> DatabaseQueue { try DatabaseQueue(path: ledgerPath) }

  /// The mode bits of a file of this directory.
  func mode(of name: String) throws -> Int {
    let attributes = try FileManager.default.attributesOfItem(atPath: directory + "/" + name)
    return (attributes[.posixPermissions] as? NSNumber)?.intValue ?? -1
  }
}

/// Values with every field filled, so that one forgotten on the way to the disk shows.
enum Sample {
  static func event(_ sequence: UInt64, text: String = "guest db is on cell 3") -> FleetEvent {
    FleetEvent(
      sequence: sequence, wallMilliseconds: 1_700_000_000_000, kind: .jobVerified, host: "h1", guest: "g1", job: 7,
      actor: "ops", text: text)
  }

  static func plan(_ id: UInt64, state: PlanState = .proposed) -> Plan {
    Plan(
      id: PlanID(id), parent: PlanID(id - 1), purpose: "repair", wallMilliseconds: 5,
      unmoved: [UnmovedGuest(guest: "g9", guestName: "käse \"x\"\n", host: "h1", reason: "it is fixed")], state: state)
  }

  static func job(
    _ id: UInt64, plan: PlanID? = nil, guest: GuestID = "g1", generation: UInt64? = nil, state: JobState = .waiting
  ) -> JobRecord {
    let job = Job(
      id: JobID(id), host: "h1", guest: guest, guestName: "db", epoch: 1, generation: Generation(generation ?? id),
      incarnation: Incarnation(pid: 42, startTicks: 99),
      action: .apply(
        desired: Pinning(
          vcpus: [VCPUPin(vcpu: 0, cpuset: [6]), VCPUPin(vcpu: 1, cpuset: [7])], emulator: [6, 7],
          numatune: NUMATune(mode: .strict, nodeset: [3]), memory: [GuestCellPlacement(guestCell: 0, cell: 3)]),
        expected: Pinning(emulator: [0, 1])), livePages: true)
    let report = JobReport(
      job: job.id, guest: guest, generation: job.generation, outcome: .verified, driver: .kernel,
      steps: [StepRecord(name: "move", milliseconds: 12, detail: "65536 pages")], pagesLeft: 3)
    return JobRecord(
      job: job, plan: plan, state: state, report: state.isFinal ? report : nil, created: 10,
      ended: state.isFinal ? 20 : nil)
  }

  static func claim(_ job: UInt64, dedicated: [Int], host: HostID = "h1") -> Claim {
    Claim(
      job: JobID(job), host: host, guest: "g1", dedicated: .init(dedicated),
      memory: [MemoryClaim(cell: 3, pageSize: .huge2M, amount: .init(gib: 2))])
  }

  static func key(_ letter: Character, owner: String = "h1", revoked: Bool = false) -> AuthorizedKey {
    AuthorizedKey(
      publicKey: String(repeating: letter, count: 40), owner: owner, role: .agent, since: 3, revoked: revoked)
  }

  static func policy(_ number: UInt64) -> PolicyRevision {
    PolicyRevision(number: number, wallMilliseconds: 4, text: "kind: policy\nlive_pages: ['*']  # for now\n")
  }

  static func topology(cells: Int = 2) -> TopologyRecord { machine(cells: cells, cpus: 1, mib: 4096) }

  /// A machine of like cells.
  static func machine(cells: Int, cpus: Int, mib: Int) -> TopologyRecord {
    let all = (0..<cells).map {
      Cell(
        id: $0, memoryTotal: KiB(mib: mib), memoryFree: 0, pages: [PagePool(size: .huge2M, total: 9, free: 0)],
        cpus: CPUSet(($0 * cpus)..<(($0 + 1) * cpus)))
    }
    let pcpus = (0..<(cells * cpus)).map {
      PCPU(id: $0, cell: $0 / cpus, socket: $0 / cpus, die: 0, core: $0, siblings: [$0])
    }
    let rows = (0..<cells).map { a in (0..<cells).map { a == $0 ? 10 : 20 } }
    let topology = HostTopology(
      cells: all, pcpus: pcpus, distances: DistanceMatrix(ids: Array(0..<cells), rows: rows))
    return TopologyRecord(hash: topology.contentHash, topology: topology)
  }

  static func host(_ id: HostID = "h1", topology: UInt64? = nil, kernel: String = "6.1.0") -> HostRecord {
    HostRecord(
      id: id,
      facts: HostFacts(
        kernelVersion: kernel, ksm: KSMState(run: 1, mergeAcrossNodes: true, pagesShared: 0),
        foreignBalancers: ["numad"], sources: [SourceNote(part: "cells", source: "sysfs")]), topology: topology,
      topologyHash: .max - 1)
  }

  static func sighting(_ guest: GuestID, host: HostID = "h1", state: GuestState = .running) -> Sighting {
    Sighting(host: host, guest: guest, name: "käse \(guest)\n", kind: .domain(type: "kvm"), state: state)
  }

  static func wish(_ guest: GuestID, host: HostID = "h1", job: JobID = 1) -> Wish {
    Wish(
      guest: guest, host: host, incarnation: Incarnation(pid: 7, startTicks: 8),
      pinning: Pinning(vcpus: [VCPUPin(vcpu: 0, cpuset: [6, 7])]), origin: .placed(job), since: 9)
  }

  static func command(_ number: UInt64, boot: BootID = "run", answer: CommandAnswer = .proposed(1)) -> CommandRecord? {
    RequestID(boot: boot, messageID: number).map {
      CommandRecord(id: $0, actor: "ops", wallMilliseconds: 7, command: "plan", answer: answer)
    }
  }

  /// A first transaction with one of everything, and a claim on CPUs 6 and 7.
  static let transaction: [Write] = [
    .event(event(1)), .plan(plan(1, state: .applying)), .generation("g1", 1), .claim(claim(1, dedicated: [6, 7])),
    .job(job(1, plan: 1, state: .sent)), .key(key("a")), .draining("h1", true), .policy(policy(1)),
    .topology(topology()), .host(host(topology: topology().hash)), .sighting(sighting("g1")),
    .wish(wish("g1")),
  ]
}

/// The kind of the error that an attempt ends with; nil when it succeeds.
func failure(of attempt: () throws(StoreError) -> Void) -> StoreError.Kind? {
  do {
    try attempt()
    return nil
  } catch {
    return error.kind
  }
}

/// Whether the attempt broke a rule whose text contains the words.
func isRefused(_ words: String, _ attempt: () throws(StoreError) -> Void) -> Bool {
  if case .constraint(let rule)? = failure(of: attempt) { return rule.contains(words) }
  return false
}
