import AgentCore
import ClusterConfig
import Daemon
import Dispatch
import Fleet
import LibvirtDriver
import LibvirtXML
import Logging
import NUMA
import NUMADriver
import Synchronization

/// Reads the host in rounds: libvirt first, on its worker, then the kernel, on a queue of its own.
///
/// What changes rarely is kept between rounds. Libvirt that is down or hangs costs one deadline and its part of the
/// round, never the kernel's part.
final class HostReader: Sendable {
  private let worker: LibvirtWorker?
  private let queue = DispatchQueue(label: "reader")
  private let rules: [(name: String, pattern: ProcessPattern)]
  private let libvirtDeadline: Int
  private let runDirectory: String
  private let uri: String?
  private let migrationURI: String?
  private let log: Logger
  /// Only the reader's queue takes it, so it never waits.
  private let kept = Mutex(Kept())

  /// What is remembered between rounds.
  private struct Kept {
    var topology: HostTopology?
    var facts: HostFacts?
    var rules: [Incarnation: String] = [:]
    /// Lookup only.
    var processes: [Incarnation: Look] = [:]
    var saysLibvirtIsDown = false
    var unreadable: [String] = []
    var counters: (at: Instant, counters: HostLoadReader.Counters)?
    var load: HostLoad?
  }

  /// A load over less than this is a moment's.
  private static let loadMilliseconds = 10_000

  /// A process as it was read, and the glance taken just before.
  private struct Look {
    var glance: ProcessGlance
    var process: ObservedProcess
    /// Whether a later reading found the same: a thread is started first and named a moment later.
    var settled: Bool
  }

  /// What libvirt said in one round.
  struct LibvirtRound: Sendable {
    var listing: Connection.Listing
    var topology: HostTopology?
    var versions: Connection.Versions?
  }

  init(configuration: AgentConfiguration, log: Logger) {
    uri = configuration.libvirtURI
    // Without a libvirt of its own a host cannot take a guest, whatever its configuration says.
    migrationURI = configuration.libvirtURI == nil ? nil : configuration.migrationURI
    worker = configuration.libvirtURI.map {
      LibvirtWorker(uri: $0, runDirectories: [configuration.libvirtRunDirectory])
    }
    rules = configuration.processRules.map {
      (
        $0.name,
        ProcessPattern(
          comm: $0.comm, executable: $0.executable, argumentContains: $0.argumentContains, pidFile: $0.pidFile)
      )
    }
    libvirtDeadline = configuration.libvirtDeadlineMilliseconds
    runDirectory = configuration.libvirtRunDirectory
    self.log = log
  }

  // MARK: The host

  func readHost(
    residency: Bool, topology: Bool, deadlineMilliseconds: Int, _ done: @escaping @Sendable (CommandOutcome) -> Void
  ) {
    guard let worker else {
      queue.async { done(self.kernelRound(nil, answers: nil, residency: residency, topology: topology)) }
      return
    }
    let deadline = min(libvirtDeadline, deadlineMilliseconds)
    worker.submit(deadlineMilliseconds: deadline) { connection throws(LibvirtError) -> LibvirtRound in
      LibvirtRound(
        listing: try connection.domains(),
        topology: topology ? try connection.capabilities().topology : nil,
        versions: topology ? try connection.versions() : nil)
    } completion: { result in
      self.queue.async {
        switch result {
        case .success(let round):
          self.noteLibvirt(isDown: nil)
          self.note(round.listing.unreadable)
          done(self.kernelRound(round, answers: true, residency: residency, topology: topology))
        case .failure(let error):
          self.noteLibvirt(isDown: error)
          done(self.kernelRound(nil, answers: false, residency: residency, topology: topology))
        }
      }
    }
  }

  /// One line when it goes and one when it is back, not one a round.
  private func noteLibvirt(isDown error: LibvirtError?) {
    let was = kept.withLock { kept in
      defer { kept.saysLibvirtIsDown = error != nil }
      return kept.saysLibvirtIsDown
    }
    if let error, !was { log.warning("libvirt does not answer", metadata: ["reason": "\(error)"]) }
    if error == nil, was { log.info("libvirt answers again") }
  }

  /// One line for a domain when it first cannot be read; the others are watched all the same.
  private func note(_ unreadable: [Connection.Unreadable]) {
    let known = kept.withLock { kept in
      defer { kept.unreadable = unreadable.map(\.uuid) }
      return kept.unreadable
    }
    for domain in unreadable where !known.contains(domain.uuid) {
      log.warning("domain not read", metadata: ["domain": "\(domain.uuid)", "reason": "\(domain.reason)"])
    }
  }

  private func kernelRound(
    _ round: LibvirtRound?, answers: Bool?, residency: Bool, topology: Bool
  ) -> CommandOutcome {
    do throws(KernelError) {
      let read = try topologyAndFacts(round, again: topology)
      let pids = round?.listing.records.compactMap(\.pid) ?? []
      let processes = try self.processes(domainPIDs: pids, residency: residency, topology: topology)
      return .observedHost(
        HostObservation(
          topology: read.isNew ? read.topology : nil, facts: read.facts, cells: try KernelTopology().cellStates(),
          domains: round?.listing.records, libvirtAnswers: answers, processes: processes, hasResidency: residency,
          load: try load(of: read.topology)))
    } catch {
      return .failed(error.refusal)
    }
  }

  private func topologyAndFacts(
    _ round: LibvirtRound?, again: Bool
  ) throws(KernelError) -> (topology: HostTopology, facts: HostFacts, isNew: Bool) {
    let before = kept.withLock { ($0.topology, $0.facts) }
    if !again, let topology = before.0, let facts = before.1 { return (topology, facts, false) }
    let joined = JoinedTopology(libvirt: round?.topology, kernel: try KernelTopology().read())
    var facts = try HostFactsReader().read()
    facts.sources = joined.sources
    facts.libvirtURI = uri
    facts.migrationURI = migrationURI
    facts.libvirtVersion = round?.versions?.daemon ?? before.1?.libvirtVersion
    facts.qemuVersion = round?.versions?.hypervisor ?? before.1?.qemuVersion
    let topology = joined.topology
    kept.withLock { [facts] kept in
      kept.topology = topology
      kept.facts = facts
    }
    return (topology, facts, true)
  }

  /// The load of the last 10 s or more; the one before until so much time has passed.
  private func load(of topology: HostTopology) throws(KernelError) -> HostLoad {
    let now = MachineClock().now()
    let (earlier, known) = kept.withLock { ($0.counters, $0.load) }
    let passed = earlier.map { now.milliseconds - $0.at.milliseconds }
    if let known, let passed, passed < Self.loadMilliseconds { return known }
    let reader = HostLoadReader()
    let counters = try reader.counters()
    let load = try reader.load(of: topology, since: earlier?.counters, until: counters, milliseconds: passed ?? 0)
    kept.withLock { kept in
      kept.counters = (now, counters)
      kept.load = load
    }
    return load
  }

  // MARK: Processes

  private func processes(
    domainPIDs: [Int], residency: Bool, topology: Bool
  ) throws(KernelError) -> [ObservedProcess] {
    var wanted: [(Incarnation, String?)] = []
    for pid in domainPIDs {
      // A domain that ended between libvirt's answer and this look is seen as ended in the next round.
      if let incarnation = try? ProcessReader().incarnation(ofPID: pid) { wanted.append((incarnation, nil)) }
    }
    for (incarnation, rule) in try ruled(searches: topology) where !domainPIDs.contains(incarnation.pid) {
      wanted.append((incarnation, rule))
    }
    let known = kept.withLock { $0.processes }
    var looks: [Incarnation: Look] = [:]
    for (incarnation, rule) in wanted {
      looks[incarnation] = look(at: incarnation, rule, known[incarnation], residency: residency, whole: topology)
    }
    kept.withLock { [looks] in $0.processes = looks }
    return wanted.compactMap { looks[$0.0]?.process }.sorted { $0.process.incarnation.pid < $1.process.incarnation.pid }
  }

  /// Reads a process only where a glance tells that it may have changed; a whole reading now and then finds the rest.
  private func look(
    at incarnation: Incarnation, _ rule: String?, _ known: Look?, residency: Bool, whole: Bool
  ) -> Look? {
    guard let glance = try? ProcessReader().glance(at: incarnation) else { return nil }
    let isKnown = known?.glance == glance && known?.process.rule == rule
    if let known, isKnown, known.settled, !residency, !whole { return known }
    guard let process = try? ProcessReader().observe(incarnation, memory: residency) else { return nil }
    return Look(glance: glance, process: observed(process, rule: rule), settled: isKnown)
  }

  /// The processes that rules match. Going through all of /proc is dear, so it is done with the topology.
  private func ruled(searches: Bool) throws(KernelError) -> [(Incarnation, String)] {
    guard !rules.isEmpty else { return [] }
    guard searches else {
      return kept.withLock { $0.rules }.sorted { $0.key.pid < $1.key.pid }.map { ($0.key, $0.value) }
    }
    var byRule: [Incarnation: String] = [:]
    for (rule, incarnations) in zip(rules, try ProcessFinder().find(rules.map(\.pattern))) {
      for incarnation in incarnations where byRule[incarnation] == nil { byRule[incarnation] = rule.name }
    }
    kept.withLock { [byRule] in $0.rules = byRule }
    return byRule.sorted { $0.key.pid < $1.key.pid }.map { ($0.key, $0.value) }
  }

  private func observed(_ process: ProcessObservation, rule: String?) -> ObservedProcess {
    guard QEMUCommandLine.isQEMU(process.arguments), let line = try? QEMUCommandLine(parsing: process.arguments) else {
      return ObservedProcess(process: process, rule: rule)
    }
    return ObservedProcess(
      process: process, rule: rule,
      machine: MachineArguments(
        name: line.name, uuid: line.uuid, vcpusMaximum: line.vcpusMaximum, memory: line.memory,
        guestCells: line.guestCells, pageSize: line.pageSize, vfio: line.vfio,
        domainType: isDomain(line.name, process.incarnation) ? line.accelerator == "kvm" ? "kvm" : "qemu" : nil))
  }

  /// Whether libvirt started the QEMU; without a libvirt to ask it is a process like any other.
  private func isDomain(_ name: String?, _ incarnation: Incarnation) -> Bool {
    guard worker != nil, let name else { return false }
    return Connection.pid(ofDomain: name, in: [runDirectory]) == incarnation.pid
  }

  // MARK: One guest

  func readGuest(
    _ id: GuestID, incarnation: Incarnation?, deadlineMilliseconds: Int,
    _ done: @escaping @Sendable (CommandOutcome) -> Void
  ) {
    // A rule may match a domain's process too, so libvirt is asked first about everything that could be a domain.
    guard let worker, !id.isProcess else {
      queue.async { done(self.kernelGuest(nil, incarnation: incarnation, answers: nil)) }
      return
    }
    let deadline = min(libvirtDeadline, deadlineMilliseconds)
    worker.submit(deadlineMilliseconds: deadline) { connection throws(LibvirtError) -> DomainRecord? in
      do throws(LibvirtError) {
        return try connection.domain(uuid: id.text)
      } catch  where error.kind == .unknownDomain {
        return nil
      }
    } completion: { result in
      self.queue.async {
        switch result {
        case .success(let domain):
          let running = domain?.pid.flatMap { try? ProcessReader().incarnation(ofPID: $0) }
          let ruled = domain == nil ? incarnation.flatMap { self.rule(of: $0) == nil ? nil : $0 } : nil
          done(self.kernelGuest(domain, incarnation: running ?? ruled, answers: true))
        case .failure(let error) where error.kind == .down || error.kind == .timeout:
          // Libvirt is not needed to see what the kernel does with the guest.
          done(self.kernelGuest(nil, incarnation: incarnation, answers: false))
        case .failure(let error):
          done(.failed(error.refusal))
        }
      }
    }
  }

  private func rule(of incarnation: Incarnation) -> String? { kept.withLock { $0.rules[incarnation] } }

  private func kernelGuest(_ domain: DomainRecord?, incarnation: Incarnation?, answers: Bool?) -> CommandOutcome {
    do throws(KernelError) {
      let rule = incarnation.flatMap { self.rule(of: $0) }
      let process = incarnation.flatMap { try? ProcessReader().observe($0, memory: true) }
      return .observedGuest(
        GuestObservation(
          domain: domain, process: process.map { observed($0, rule: rule) }, cells: try KernelTopology().cellStates(),
          online: try KernelTopology().onlineCPUs(), libvirtAnswers: answers))
    } catch {
      return .failed(error.refusal)
    }
  }
}
