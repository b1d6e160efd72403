import AgentCore
import Fleet
import NUMA

/// A guest on its way between two hosts.
struct Flight: Sendable {
  let host: Int
  let guest: GuestID
  let uri: String
  let command: CommandID
  var isCalledOff = false
}

/// Migrations between modelled hosts: the copy takes its time, either end may fail meanwhile, and the guest is handed
/// over in one moment or not at all.
extension FleetUnderFaults {
  /// How often the real agent asks again.
  private static let settlingInterval = 1000

  /// Whether a migration was called off, or its guest has ended meanwhile: with QEMU ends what libvirt does with it.
  func isOver(_ command: Command, _ host: Int) -> Bool {
    guard let flight = flights.first(where: { $0.host == host && $0.command == command.id }) else { return false }
    let guest = hosts[host].index(of: flight.guest).map { hosts[host].guests[$0] }
    return flight.isCalledOff || guest?.run != command.run
  }

  /// Hands the guest over, or tells why it stays.
  mutating func migrate(_ command: Command, _ host: Int) -> (CommandOutcome, CallFault?) {
    guard case .migrate(let domain, let uri, let pinning, _) = command.effect else {
      return (.failed(ModelHost.refusal(.unsupported, "no migration")), nil)
    }
    let isOver = isOver(command, host)
    flights.removeAll { $0.host == host && $0.command == command.id }
    if isOver {
      return (.failed(ModelHost.refusal(.libvirtRefused, "operation aborted: migration out job: canceled")), nil)
    }
    let fault = hosts[host].libvirtFaults.isEmpty ? nil : hosts[host].libvirtFaults.removeFirst()
    switch fault {
    case .lies: return (.done(detail: "done", pagesLeft: 0), fault)
    case .fails, .doesHalf:
      return (
        .failed(ModelHost.refusal(.libvirtRefused, "operation failed: migration out job: unexpectedly failed")), fault
      )
    case .failsAfterwards:
      _ = handOver(GuestID(domain), to: uri, pinning, command, from: host)
      return (.failed(ModelHost.refusal(.libvirtRefused, "internal error: the call failed after it had worked")), fault)
    case nil: return (handOver(GuestID(domain), to: uri, pinning, command, from: host), nil)
    }
  }

  private mutating func handOver(
    _ id: GuestID, to uri: String, _ pinning: Pinning, _ command: Command, from source: Int
  ) -> CommandOutcome {
    func failed(_ text: String) -> CommandOutcome { .failed(ModelHost.refusal(.libvirtRefused, text)) }
    guard let index = hosts[source].index(of: id) else {
      return .failed(ModelHost.refusal(.guestGone, "no domain with that uuid"))
    }
    let guest = hosts[source].guests[index]
    guard guest.isRunning else { return failed("domain is not running") }
    guard let target = hosts.firstIndex(where: { ModelHost.uri(of: $0.id) == uri }), target != source,
      hosts[target].libvirtAnswers(at: now.milliseconds)
    else { return failed("unable to connect to \(uri)") }
    guard hosts[target].index(of: id) == nil else { return failed("domain is already active there") }
    let cpus = hosts[target].topology.cpus
    guard pinning.vcpus.allSatisfy({ !$0.cpuset.isDisjoint(with: cpus) }) else {
      return failed("Invalid argument: no such cpu")
    }
    var arrived = ModelGuest(
      id: id, name: guest.name, vcpus: guest.vcpus, cells: guest.cells, host: hosts[target].topology, pinning: pinning)
    arrived.online = guest.online
    guard hosts[target].fits(arrived) else { return failed("cannot allocate memory") }
    hosts[source].guests.remove(at: index)
    hosts[target].guests.append(arrived)
    hosts[target].boot(hosts[target].guests.count - 1)
    say { fleet in "  guest \(arrived.name) runs on \(fleet.hosts[target].id)" }
    watch.arrived(id, agents[source].durable, from: source, on: hosts[target], target, time)
    return .done(detail: "done", pagesLeft: 0)
  }

  /// libvirt aborts what it has begun, where it answers at all; what lies in its queue is not there yet.
  mutating func callOff(_ domain: String, _ host: Int) {
    guard hosts[host].libvirtAnswers(at: now.milliseconds) else { return }
    for index in flights.indices where flights[index].host == host && flights[index].guest.text == domain {
      faults.add("calledOff")
      flights[index].isCalledOff = true
    }
  }

  // MARK: Settling

  mutating func beginSettling(_ command: Command, _ host: Int) {
    let run = agents[host].run
    let back = max(hosts[host].libvirtDownUntil, hosts[host].libvirtHungUntil) - now.milliseconds
    guard back < command.deadlineMilliseconds else {
      let refusal = ModelHost.refusal(.libvirtDown, "libvirt does not answer")
      return schedule(.ends(host: host, run: run, command.id, .failed(refusal)), after: command.deadlineMilliseconds)
    }
    schedule(.acts(host: host, run: run, command), after: max(0, back) + dice.within(1...Self.settlingInterval))
  }

  /// What becomes of it; nil while a guest is under way, which is called off unless it may take its time.
  mutating func settle(_ command: Command, _ host: Int, _ run: Int) -> CommandOutcome? {
    guard case .settleMigration(let domain, let patience) = command.effect else { return nil }
    guard hosts[host].libvirtAnswers(at: now.milliseconds) else {
      return .failed(ModelHost.refusal(.libvirtDown, "libvirt does not answer"))
    }
    let own = flights.indices.filter { flights[$0].host == host && flights[$0].guest.text == domain }
    guard !own.isEmpty else { return .done(detail: "no migration is under way", pagesLeft: 0) }
    if patience == 0 { for index in own { flights[index].isCalledOff = true } }
    schedule(.acts(host: host, run: run, command), after: Self.settlingInterval)
    return nil
  }
}
