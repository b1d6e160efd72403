import Fleet
import NUMA

/// When the agent looks, and at what.
struct Schedule: Sendable, Hashable {
  var threadsDue: Instant
  var residencyDue: Instant
  var topologyDue: Instant
  /// A full report goes out at least this often, so that small changes of free memory arrive too.
  var reportDue: Instant
  /// Until when the reading under way should have ended; nil while the host is not being read.
  var patience: Instant?
  /// The reading that another coordinator is owed before anything is reported to it: what was read in the time of the
  /// one before may lack what that one has brought about, and would look free. Nil once it was made; while libvirt
  /// does not answer, domains are those of before all the same, and the report says so.
  var handover: Handover?

  enum Handover: Sendable, Hashable { case due, begun }

  var looking: Bool { patience != nil }

  static let reportMilliseconds = 30_000
  static let handoverRetryMilliseconds = 1000

  init(now: Instant) {
    threadsDue = now
    residencyDue = now
    topologyDue = now
    reportDue = now
  }

  /// While the host is being read nothing is due but heartbeats, until the reading has outlived its deadline.
  func next(links: [Link]) -> Instant {
    let beats = links.compactMap(\.heartbeatDue)
    return beats.reduce(patience ?? threadsDue) { min($0, $1) }
  }
}

/// The host as last read.
struct HostView: Sendable, Hashable {
  var topology: HostTopology?
  var topologyHash: UInt64 = 0
  var facts: HostFacts?
  var cells: [CellState] = []
  var domains: [DomainRecord] = []
  var libvirtAnswers: Bool?
  var processes: [ObservedProcess] = []
  var load: HostLoad?
  var guests: [Guest] = []

  /// Whether the host was read once, topology and all.
  var isRead: Bool { topology != nil && facts != nil }

  /// CPUs online at the newest reading of a guest; nil when the topology is newer.
  var online: CPUSet?

  /// The topology with the newest free amounts and CPUs.
  var current: HostTopology? {
    let whole = topology?.with(cells)
    return online.flatMap { whole?.limited(to: $0) } ?? whole
  }
}

extension Agent {
  /// The longest that one reading of the host may take.
  static let readDeadlineMilliseconds = 30_000

  mutating func lookIfDue(_ now: Instant, _ output: inout Output) {
    if let patience = schedule.patience, patience <= now {
      // It cannot be ended from here, and a second one would only queue behind it.
      output.notes.append(Note(.warning, "reading the host takes long"))
      schedule.patience = now.advanced(byMilliseconds: Self.readDeadlineMilliseconds)
    }
    guard !schedule.looking, schedule.threadsDue <= now else { return }
    let residency = schedule.residencyDue <= now
    let topology = schedule.topologyDue <= now
    schedule.patience = now.advanced(byMilliseconds: Self.readDeadlineMilliseconds)
    for link in links.indices { links[link].look.begun = links[link].look.asked }
    if schedule.handover != nil { schedule.handover = .begun }
    // A placement that may silently go back is watched closely; otherwise events and a slow look are enough.
    let pause =
      journal.kept.isEmpty && runs.isEmpty
      ? settings.threadsMilliseconds : min(settings.threadsMilliseconds, settings.watchMilliseconds)
    schedule.threadsDue = now.advanced(byMilliseconds: pause)
    if residency { schedule.residencyDue = now.advanced(byMilliseconds: settings.residencyMilliseconds) }
    if topology { schedule.topologyDue = now.advanced(byMilliseconds: settings.topologyMilliseconds) }
    command(
      .observeHost(residency: residency, topology: topology), owner: .host(residency: residency, topology: topology),
      deadlineMilliseconds: Self.readDeadlineMilliseconds, &output)
  }

  mutating func completed(_ id: CommandID, _ outcome: CommandOutcome, _ now: Instant, _ output: inout Output) {
    guard let owner = inFlight.removeValue(forKey: id) else { return }
    switch owner {
    case .host(let residency, let topology):
      schedule.patience = nil
      switch outcome {
      case .observedHost(let observation):
        fold(observation, now, &output)
        beginWaiting(now, &output)
        keepUp(now, &output)
      case .failed(let refusal):
        // What was due stays due, or a first reading that failed would never be repeated.
        if residency { schedule.residencyDue = now }
        if topology { schedule.topologyDue = now }
        if schedule.handover != nil {
          schedule.threadsDue = now.advanced(byMilliseconds: Schedule.handoverRetryMilliseconds)
        }
        output.notes.append(Note(.warning, "host not read", ["reason": refusal.description]))
      case .done, .observedGuest, .observedKSM:
        break
      }
    case .run(let job):
      advance(job, outcome, now, &output)
    }
  }

  private mutating func fold(_ observation: HostObservation, _ now: Instant, _ output: inout Output) {
    let before = view
    if let topology = observation.topology {
      view.topology = topology
      view.online = nil
      view.topologyHash = topology.contentHash
    }
    view.facts = observation.facts
    view.cells = observation.cells
    view.libvirtAnswers = observation.libvirtAnswers
    view.load = observation.load
    if let domains = observation.domains { view.domains = domains }
    view.processes = observation.processes.map { process in
      observation.hasResidency ? process : process.keepingResidency(of: before.processes)
    }
    assemble()
    pruneMarks()
    if !observation.hasResidency, view.guests.map(\.withoutResidency) != before.guests.map(\.withoutResidency) {
      // Where threads, pins or guests changed, memory may have moved too: numa_maps is read now, not at its turn.
      schedule.residencyDue = now
      schedule.threadsDue = now
    }
    if view.topologyHash != before.topologyHash {
      for link in links.indices { links[link].wantsTopology = true }
    }
    let looked = links.indices.filter { links[$0].look.begun > links[$0].look.done }
    let isHandedOver = schedule.handover == .begun
    if isHandedOver { schedule.handover = nil }
    for link in looked { links[link].look.done = links[link].look.begun }
    if isHandedOver || view.differsMaterially(from: before) || schedule.reportDue <= now {
      schedule.reportDue = now.advanced(byMilliseconds: Schedule.reportMilliseconds)
      reportEverywhere(&output)
    } else {
      for link in looked { report(on: link, &output) }
    }
  }

  /// Makes guests of domains and processes.
  mutating func assemble() {
    guard let facts = view.facts else { return }
    let assembly = GuestAssembly(host: host, facts: facts)
    var guests: [Guest] = []
    for domain in view.domains {
      let process = domain.pid.flatMap { pid in view.processes.first { $0.process.incarnation.pid == pid } }
      guests.append(assembly.guest(domain, process: process?.process))
    }
    for process in view.processes {
      guard let rule = process.rule, !view.domains.contains(where: { $0.pid == process.process.incarnation.pid })
      else { continue }
      guests.append(assembly.guest(process, rule: rule))
    }
    view.guests = guests.sorted { $0.id < $1.id }
  }

  /// A domain that was seen to have left the host is not there until a reading of the host shows it again.
  mutating func drop(_ id: GuestID) {
    view.domains.removeAll { $0.uuid == id.text }
    assemble()
  }

  /// Replaces one guest by a fresher reading of it, and gives it back; nil when it is gone.
  mutating func replace(_ id: GuestID, by observation: GuestObservation) -> Guest? {
    if let domain = observation.domain {
      view.domains.removeAll { $0.uuid == domain.uuid }
      view.domains.append(domain)
    }
    if let answers = observation.libvirtAnswers { view.libvirtAnswers = answers }
    if let online = observation.online, let known = view.topology?.cpus, online != known {
      view.online = online
      schedule.topologyDue = schedule.threadsDue
    }
    for state in observation.cells {
      guard let index = view.cells.firstIndex(where: { $0.cell == state.cell }) else { continue }
      view.cells[index] = state
    }
    if let process = observation.process {
      view.processes.removeAll { $0.process.incarnation.pid == process.process.incarnation.pid }
      view.processes.append(process)
    }
    if observation.domain == nil && observation.process == nil { return nil }
    assemble()
    return view.guests.first { $0.id == id }
  }
}

extension ObservedProcess {
  /// The same reading with the pages of an earlier one of the same run.
  func keepingResidency(of earlier: [ObservedProcess]) -> ObservedProcess {
    guard let old = earlier.first(where: { $0.process.incarnation == process.incarnation }) else { return self }
    var copy = self
    copy.process.residency = old.process.residency
    copy.process.regions = old.process.regions
    copy.process.locked = old.process.locked
    return copy
  }
}

extension HostView {
  /// Whether an operator or planner would care; a few pages more or less are noise.
  func differsMaterially(from other: HostView) -> Bool {
    topologyHash != other.topologyHash || facts != other.facts || libvirtAnswers != other.libvirtAnswers
      || guests.map(\.rounded) != other.guests.map(\.rounded) || cells.map(\.rounded) != other.cells.map(\.rounded)
  }
}

extension Guest {
  /// What the cheap reading sees.
  var withoutResidency: Guest {
    var copy = self
    copy.residency = []
    copy.regions = []
    return copy
  }

  /// With residency in whole MiB.
  var rounded: Guest {
    var copy = self
    copy.residency = residency.map(\.rounded)
    copy.regions = regions.map { region in
      var region = region
      region.residency = region.residency.map(\.rounded)
      return region
    }
    return copy
  }
}

extension CellResidency {
  /// Base pages in whole MiB, huge pages as they are.
  var rounded: CellResidency {
    var copy = self
    if pageSize == .base { copy.pages = pages / 256 }
    return copy
  }
}

extension CellState {
  /// Free memory in steps of 64 MiB.
  var rounded: CellState {
    var copy = self
    copy.memoryFree = KiB(memoryFree.mib / 64)
    copy.pages = pages.filter { $0.size != .base }
    return copy
  }
}
