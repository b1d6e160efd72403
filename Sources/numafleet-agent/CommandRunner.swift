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

/// Carries the core's commands out on threads of their own, each to exactly one completion.
///
/// Five lanes, so that a slow one never holds up another: libvirt reading, libvirt changing, libvirt memory moves
/// (which hold a domain's job for as long as the kernel copies), page moves by libnuma, and KSM.
final class CommandRunner: Sendable {
  private let reader: HostReader
  private let changing: LibvirtWorker?
  private let moving: LibvirtWorker?
  private let kernel = DispatchQueue(label: "kernel")
  private let pages = DispatchQueue(label: "pages")
  private let ksm = KSMRunner()
  private let migrations: MigrationRunner?
  private let complete: @Sendable (CommandID, CommandOutcome) -> Void

  init(
    configuration: AgentConfiguration, log: Logger,
    progress: @escaping @Sendable (CommandID, String) -> Void = { _, _ in },
    complete: @escaping @Sendable (CommandID, CommandOutcome) -> Void
  ) {
    reader = HostReader(configuration: configuration, log: log)
    let directories = [configuration.libvirtRunDirectory]
    changing = configuration.libvirtURI.map {
      LibvirtWorker(uri: $0, runDirectories: directories)
    }
    moving = configuration.libvirtURI.map {
      LibvirtWorker(uri: $0, runDirectories: directories)
    }
    migrations = configuration.libvirtURI.map {
      MigrationRunner(
        uri: $0, runDirectories: directories, bandwidth: configuration.migrationBandwidth, progress: progress)
    }
    self.complete = complete
  }

  func run(_ command: Command) {
    let done: @Sendable (CommandOutcome) -> Void = { [complete] in complete(command.id, $0) }
    switch command.effect {
    case .observeHost(let residency, let topology):
      reader.readHost(
        residency: residency, topology: topology, deadlineMilliseconds: command.deadlineMilliseconds, done)
    case .observeGuest(let id, let incarnation):
      reader.readGuest(id, incarnation: incarnation, deadlineMilliseconds: command.deadlineMilliseconds, done)
    case .libvirt(let domain, let effect):
      if effect.scope.touchesLive, let refusal = refusal(of: command) { return done(.failed(refusal)) }
      run(effect, on: domain, command.deadlineMilliseconds, done)
    case .kernel(let incarnation, let effect):
      run(effect, on: incarnation, command.deadlineMilliseconds, done)
    case .observeKSM:
      ksm.read(done)
    case .setKSM(let setting):
      ksm.write(setting, deadlineMilliseconds: command.deadlineMilliseconds, done)
    case .start(let domainXML, let shape, let placement):
      start(domainXML, shape, placement, command.deadlineMilliseconds, done)
    case .migrate, .settleMigration:
      guard let migrations else {
        done(.failed(Refusal(.libvirtDown, "this agent runs without libvirt", remedy: "set libvirt_uri in agent.yaml")))
        return
      }
      if case .migrate = command.effect, let refusal = refusal(of: command) { return done(.failed(refusal)) }
      migrations.run(command, done)
    }
  }

  /// Ends the migration of a domain, whose command then completes.
  func callOff(_ domain: String) { migrations?.callOff(domain) }

  /// Why a call would meet another run of the guest; nil while the kernel knows the process. One that cannot be read is
  /// left to libvirt.
  private func refusal(of command: Command) -> Refusal? {
    guard let run = command.run, (try? ProcessReader().isAlive(run)) == false else { return nil }
    return Refusal(.incarnationChanged, "process \(run) has ended, and its domain may run anew", remedy: "ask again")
  }

  // MARK: libvirt

  private func run(
    _ effect: LibvirtEffect, on uuid: String, _ deadline: Int, _ done: @escaping @Sendable (CommandOutcome) -> Void
  ) {
    var worker = changing
    if case .setNumatune(_, _, let scope) = effect, scope.touchesLive { worker = moving }
    guard let worker else {
      done(.failed(Refusal(.libvirtDown, "this agent runs without libvirt", remedy: "set libvirt_uri in agent.yaml")))
      return
    }
    worker.submit(deadlineMilliseconds: deadline) { connection throws(LibvirtError) -> String in
      try effect.carryOut(on: uuid, connection)
    } completion: { result in
      switch result {
      case .success(let detail): done(.done(detail: detail, pagesLeft: 0))
      case .failure(let error): done(.failed(error.refusal))
      }
    }
  }

  private func start(
    _ xml: String, _ shape: Shape, _ placement: Placement, _ deadline: Int,
    _ done: @escaping @Sendable (CommandOutcome) -> Void
  ) {
    guard let changing else {
      done(.failed(Refusal(.libvirtDown, "this agent runs without libvirt", remedy: "set libvirt_uri in agent.yaml")))
      return
    }
    let merged: DomainDocument
    do {
      merged = try DomainDocument(parsing: xml).merging(shape: shape, placement: placement)
    } catch {
      done(.failed(error.refusal))
      return
    }
    changing.submit(deadlineMilliseconds: deadline) { connection throws(LibvirtError) -> String in
      // Defining would replace what is there, and undefining after a failed start would lose it.
      if let uuid = merged.uuid, try connection.isDefined(uuid) {
        throw LibvirtError(.exists, call: "virDomainLookupByUUIDString", "domain \(uuid) is there")
      }
      let uuid = try connection.define(xml: merged.text)
      do throws(LibvirtError) {
        try connection.start(uuid)
      } catch {
        // A guest that could not start here must not lie about as a definition that nobody asked for.
        try? connection.undefine(uuid)
        throw error
      }
      return "defined and started \(uuid)"
    } completion: { result in
      switch result {
      case .success(let detail): done(.done(detail: detail, pagesLeft: 0))
      case .failure(let error): done(.failed(error.refusal))
      }
    }
  }

  // MARK: Kernel

  private func run(
    _ effect: KernelEffect, on incarnation: Incarnation, _ deadline: Int,
    _ done: @escaping @Sendable (CommandOutcome) -> Void
  ) {
    let movesPages =
      switch effect {
      case .migratePages, .movePages: true
      case .setAffinity, .setCPUTune: false
      }
    let until = DispatchTime.now() + .milliseconds(deadline)
    (movesPages ? pages : kernel).async {
      do throws(KernelError) {
        let (detail, left) = try effect.carryOut(on: incarnation) { DispatchTime.now() < until ? .proceed : .stop }
        done(.done(detail: detail, pagesLeft: left))
      } catch {
        done(.failed(error.refusal))
      }
    }
  }
}

extension LibvirtEffect {
  /// Makes the call, and says what was done.
  func carryOut(on uuid: String, _ connection: Connection) throws(LibvirtError) -> String {
    switch self {
    case .pinVCPU(let vcpu, let cpuset, let scope):
      try connection.pinVCPU(vcpu, of: uuid, to: cpuset, scope: scope)
      return "cpus \(cpuset)"
    case .pinEmulator(let cpuset, let scope):
      try connection.pinEmulator(of: uuid, to: cpuset, scope: scope)
      return "cpus \(cpuset)"
    case .pinIOThread(let id, let cpuset, let scope):
      try connection.pinIOThread(id, of: uuid, to: cpuset, scope: scope)
      return "cpus \(cpuset)"
    case .setNumatune(let mode, let nodeset, let scope):
      try connection.setNUMATune(of: uuid, mode: mode, nodeset: nodeset, scope: scope)
      return "nodeset \(nodeset)"
    case .setScheduler(let tune, let scope):
      try connection.setCPUTune(of: uuid, tune, scope: scope)
      return tune.parameters.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
    case .defineNumatune(let numatune):
      let changed = try connection.rewriteConfig(of: uuid, pinning: Pinning(numatune: numatune))
      return changed ? "defined" : "already so"
    }
  }
}

extension KernelEffect {
  /// Makes the calls; the detail to record, and the pages that did not move.
  func carryOut(
    on incarnation: Incarnation, proceed: @escaping () -> MoveDecision
  ) throws(KernelError) -> (String, Int) {
    switch self {
    case .setAffinity(let threads, let widensCgroup):
      var pinned = 0
      for thread in threads {
        FailPoint.reach("agent-before-thread")
        do {
          try KernelPinner().setAffinity(
            of: incarnation, tid: thread.tid, to: thread.cpuset, wideningCgroup: widensCgroup)
          pinned += 1
        } catch {
          // A thread that ended meanwhile needs no pin; a process that ended is an error.
          guard error.kind == .gone, try ProcessReader().isAlive(incarnation) else { throw error }
        }
      }
      return ("\(pinned) threads", 0)
    case .migratePages(let from, let cell):
      let result = try PageMover().migratePages(of: incarnation, from: from, to: cell) { _ in proceed() }
      return ("\(result.pagesLeft) pages left after \(result.passes) passes", result.pagesLeft)
    case .movePages(let start, let size, let pageSize, let cell):
      let result = try PageMover().movePages(of: incarnation, start: start, size: size, pageSize: pageSize, to: cell) {
        _ in proceed()
      }
      return ("\(result.moved) of \(result.total) pages moved, \(result.left) left", result.left)
    case .setCPUTune(let tune):
      let now = try CgroupWriter().setCPUTune(tune, of: incarnation)
      return (now.parameters.map { "\($0.name)=\($0.value)" }.joined(separator: " "), 0)
    }
  }
}
