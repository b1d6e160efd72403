import AgentCore
import CoordinatorCore
import Fleet
import NUMA
import Store

/// What people, owners and bad luck do to the fleet.
extension FleetUnderFaults {
  mutating func perform(_ act: Act) {
    faults.add(act.word)
    say { _ in "\(act)" }
    switch act {
    case .start(let pick): askToStart(pick, asked(pick))
    case .place(let pick):
      guard let (host, guest) = guest(pick) else { return }
      let cells = pick / 64 % 3 == 0 ? someCells(hosts[host].guests[guest].cells.count, on: host, pick) : nil
      question(
        .placeGuest(
          PlaceGuest(guest: hosts[host].guests[guest].id.text, cells: cells, dryRun: false, explain: false)),
        to: asked(pick))
    case .change(let pick): askToChange(pick, asked(pick))
    case .repair(let pick):
      question(.makePlan(.repair(host: pick & 1 == 0 ? hosts[pick % hosts.count].id : nil)), to: asked(pick))
    case .migrate(let pick):
      guard let (host, guest) = guest(pick), hosts.count > 1 else { return }
      let other = (host + 1 + pick / 512 % (hosts.count - 1)) % hosts.count
      let wish = PlaceGuest(
        guest: hosts[host].guests[guest].id.text, to: hosts[other].id, dryRun: false, explain: false)
      question(.placeGuest(wish), to: asked(pick))
    case .evacuate(let pick): question(.makePlan(.drain(host: hosts[pick % hosts.count].id)), to: asked(pick))
    case .drain(let pick): question(.drain(hosts[pick % hosts.count].id, pick / 64 & 1 == 0), to: asked(pick))
    case .forget(let pick):
      question(.forgetHost(ForgetHost(host: hosts[pick % hosts.count].id, evenWithGuests: false)), to: asked(pick))
    case .automate(let pick): question(.automate(Self.wishes[pick % Self.wishes.count]), to: asked(pick))
    case .cancel(let pick): askToCancel(pick, asked(pick))
    case .repin, .stop, .restart, .launch, .arrive, .leave, .hotplug: performByHand(act)
    case .offline, .takeMemory, .reboot, .libvirtHang, .libvirtDown, .libvirtFault, .kernelFault: strike(act)
    default: strikePrograms(act)
    }
  }

  /// What an operator says to automation, mostly that it may go on.
  private static let wishes = [
    Automate(mode: .on), Automate(mode: .on), Automate(mode: .on), Automate(mode: .shadow), Automate(mode: .off),
    Automate(mode: nil, pauseMinutes: 5),
  ]

  static let off = 4

  /// Which coordinator an operator asks: with two running, some ask the wrong one.
  private func asked(_ pick: Int) -> Int { coordinators.count > 1 && pick / 256 & 1 == 1 ? 1 : 0 }

  private func someCells(_ count: Int, on host: Int, _ pick: Int) -> [Int] {
    let cells = hosts[host].topology.cells.count
    return (0..<count).map { (pick + $0) % cells }
  }

  /// A guest somewhere in the fleet.
  func guest(_ pick: Int) -> (host: Int, guest: Int)? {
    let host = pick % hosts.count
    guard !hosts[host].guests.isEmpty else { return nil }
    return (host, pick / hosts.count % hosts[host].guests.count)
  }

  // MARK: By hand

  private mutating func performByHand(_ act: Act) {
    switch act {
    case .repin(let pick):
      guard let (host, guest) = guest(pick), hosts[host].guests[guest].isRunning else { return }
      let cpus = hosts[host].topology.cells[pick / 64 % hosts[host].topology.cells.count].cpus
      guard !cpus.isEmpty else { return }
      disturb(host, guest)
      hosts[host].guests[guest].live.setVCPU(0, cpus)
      hosts[host].guests[guest].masks[0] = cpus
    case .stop(let pick):
      guard let (host, guest) = guest(pick) else { return }
      disturb(host, guest)
      hosts[host].guests[guest].end()
    case .restart(let pick):
      guard let (host, guest) = guest(pick), hosts[host].guests[guest].isRunning else { return }
      disturb(host, guest)
      hosts[host].guests[guest].end()
      if hosts[host].fits(hosts[host].guests[guest]) { hosts[host].boot(guest) }
    case .launch(let pick):
      let host = pick % hosts.count
      let asleep = hosts[host].guests.indices.filter { !hosts[host].guests[$0].isRunning }
      guard !asleep.isEmpty else { return }
      let guest = asleep[pick / 64 % asleep.count]
      guard hosts[host].fits(hosts[host].guests[guest]) else { return }
      disturb(host, guest)
      hosts[host].boot(guest)
    case .arrive(let pick): arriveByHand(pick)
    case .leave(let pick):
      guard let (host, guest) = guest(pick) else { return }
      disturb(host, guest)
      hosts[host].guests.remove(at: guest)
    case .hotplug(let pick):
      guard let (host, guest) = guest(pick), hosts[host].guests[guest].isRunning else { return }
      let vcpu = hosts[host].guests[guest].vcpus - 1
      guard vcpu > 0 else { return }
      disturb(host, guest)
      if hosts[host].guests[guest].online.contains(vcpu) {
        hosts[host].guests[guest].online.remove(vcpu)
      } else {
        hosts[host].guests[guest].online.insert(vcpu)
        let pinned = hosts[host].guests[guest].live.cpuset(ofVCPU: vcpu) ?? hosts[host].topology.cpus
        hosts[host].guests[guest].masks[vcpu] = hosts[host].kept(pinned)
      }
    default: return
    }
    watch.acted(on: hosts[host(of: act)], host(of: act), time)
  }

  private func host(of act: Act) -> Int {
    switch act {
    case .repin(let pick), .stop(let pick), .restart(let pick), .launch(let pick), .arrive(let pick), .leave(let pick),
      .hotplug(let pick):
      pick % hosts.count
    default: 0
    }
  }

  /// A guest that nobody asked us about: started by hand, or migrated here by somebody else.
  private mutating func arriveByHand(_ pick: Int) {
    let host = pick % hosts.count
    operators.started += 1
    let number = operators.started
    let guest = ModelGuest(
      id: GuestID(Self.uuid(number)), name: "g\(number)", vcpus: 2, cells: [KiB(mib: 512)], host: hosts[host].topology,
      pinning: Pinning())
    guard hosts[host].guests.count < 12, hosts[host].fits(guest) else { return }
    hosts[host].guests.append(guest)
    hosts[host].boot(hosts[host].guests.count - 1)
  }

  /// From now on nobody can say that this guest is where a job has put it.
  mutating func disturb(_ host: Int, _ guest: Int) {
    watch.disturb(host, hosts[host].guests[guest].id)
  }

  // MARK: Hosts

  private mutating func strike(_ act: Act) {
    switch act {
    case .offline(let pick, let milliseconds):
      let host = pick % hosts.count
      let cpus = hosts[host].topology.cpus.members
      guard cpus.count > 2 else { return }
      watch.disturbAll(host)
      let cpu = cpus[pick / 64 % cpus.count]
      hosts[host].setOnline(cpu, false, like: wholeTopologies[host])
      schedule(.online(host: host, cpu: cpu), after: milliseconds)
    case .takeMemory(let pick, let milliseconds):
      let host = pick % hosts.count
      let cell = pick / 64 % hosts[host].topology.cells.count
      let kib = hosts[host].free(on: cell) / 2
      watch.excuseAll(host)
      hosts[host].taken[cell] += kib
      schedule(.memoryBack(host: host, cell: cell, kib: kib), after: milliseconds)
    case .reboot(let pick, let milliseconds):
      let host = pick % hosts.count
      agents[host].downFor = milliseconds
      crashAgent(host)
      agents[host].waiting = []
      agents[host].firstRunOfBoot = agents[host].run
      flights.removeAll { $0.host == host }
      let uri = ModelHost.uri(of: hosts[host].id)
      for index in flights.indices where flights[index].uri == uri { flights[index].isCalledOff = true }
      watch.disturbAll(host)
      hosts[host].reboot()
    case .libvirtHang(let pick, let milliseconds):
      let host = pick % hosts.count
      watch.excuseAll(host)
      hosts[host].libvirtHungUntil = max(hosts[host].libvirtHungUntil, now.milliseconds + milliseconds)
      schedule(.libvirtWakes(host: host), after: hosts[host].libvirtHungUntil - now.milliseconds)
    case .libvirtDown(let pick, let milliseconds):
      let host = pick % hosts.count
      watch.excuseAll(host)
      // What lay in its queue is gone with it.
      agents[host].waiting = []
      // A libvirtd that is started again ends the migrations that the one before had begun.
      for index in flights.indices where flights[index].host == host { flights[index].isCalledOff = true }
      hosts[host].libvirtHungUntil = 0
      hosts[host].libvirtDownUntil = now.milliseconds + milliseconds
    case .libvirtFault(let pick, let fault): hosts[pick % hosts.count].libvirtFaults.append(fault)
    case .kernelFault(let pick, let fault): hosts[pick % hosts.count].kernelFaults.append(fault)
    default: return
    }
  }

  // MARK: Programs and the way between them

  private mutating func strikePrograms(_ act: Act) {
    switch act {
    case .crashAgent(let pick, let after, let milliseconds):
      let host = pick % hosts.count
      agents[host].stepsToLive = after
      agents[host].downFor = milliseconds
    case .stopAgent(let pick, let milliseconds):
      let host = pick % hosts.count
      agents[host].stoppedUntil = max(agents[host].stoppedUntil, now.milliseconds + milliseconds)
      partition(host, .both, milliseconds: milliseconds)
    case .crashCoordinator(let after, let milliseconds):
      coordinators[0].stepsToLive = after
      coordinators[0].downFor = milliseconds
    case .stopCoordinator(let milliseconds):
      coordinators[0].stoppedUntil = max(coordinators[0].stoppedUntil, now.milliseconds + milliseconds)
    case .rival(let milliseconds): beginRival(milliseconds)
    case .journalFull(let pick, let milliseconds):
      agents[pick % hosts.count].journalFullUntil = now.milliseconds + milliseconds
    case .journalLost(let pick):
      let host = pick % hosts.count
      agents[host].downFor = 1000
      crashAgent(host)
      agents[host].durable = Journal()
      watch.lostJournal(host)
    case .storeFull(let milliseconds):
      fillStore(0, true)
      schedule(.storeFreed, after: milliseconds)
    case .wallJump(let milliseconds): now.wallMilliseconds += milliseconds
    case .partition(let pick, let side, let milliseconds):
      partition(pick % hosts.count, side, milliseconds: milliseconds)
    case .clog(let pick, let milliseconds):
      for index in agents[pick % hosts.count].links.indices {
        agents[pick % hosts.count].links[index].cloggedUntil = now.milliseconds + milliseconds
      }
    default: return
    }
  }

  /// Somebody starts a second coordinator, on a copy of the first one's store.
  private mutating func beginRival(_ milliseconds: Int) {
    guard climate.hasRival, coordinators.count == 1 || coordinators[1].core == nil else { return }
    do {
      let copy = SimulatedCoordinator(ledger: try coordinators[0].ledger.copiedInMemory(), hosts: hosts.count)
      if coordinators.count == 1 { coordinators.append(copy) } else { coordinators[1] = copy.after(coordinators[1]) }
      watch.copied(0, to: 1)
      startCoordinator(1)
      schedule(.rivalEnds, after: milliseconds)
    } catch {
      watch.broken("store", "the store cannot be copied: \(error)", time)
    }
  }

  /// The second one is found out and ended; the first is started again in a term above it, as its operator is told to.
  mutating func endRival() {
    guard coordinators.count > 1, coordinators[1].core != nil else { return }
    let rivals = coordinators[1].epoch
    say { _ in "the second coordinator is ended for good" }
    coordinators[1].core = nil
    coordinators[1].run += 1
    for host in agents.indices where agents[host].links.count > 1 {
      let connection = agents[host].links[1].connection
      schedule(.linkLost(host: host, coordinator: 1, connection: connection), after: 1)
    }
    crashCoordinator(0, downFor: 1000)
    do {
      while try coordinators[0].ledger.beginTerm().epoch < rivals {}
    } catch {
      watch.broken("store", "the term cannot be raised: \(error)", time)
    }
  }
}

extension SimulatedCoordinator {
  /// The same place with another store: runs go on being counted.
  fileprivate func after(_ other: SimulatedCoordinator) -> SimulatedCoordinator {
    var copy = self
    copy.run = other.run
    return copy
  }
}

extension ModelGuest {
  mutating func end() {
    run = nil
    resident = resident.map { $0.map { _ in 0 } }
  }
}
