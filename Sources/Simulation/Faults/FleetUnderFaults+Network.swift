import AgentCore
import CoordinatorCore
import Fleet
import Wire

/// The way between agents and coordinators: worse than TCP, because the cores must not rely on anything it promises.
extension FleetUnderFaults {
  /// Until an agent tries again to reach a coordinator.
  static let redialMilliseconds = 1000...5000
  /// Until either end notices that nothing comes through any more.
  static let deadPeerMilliseconds = 6000

  mutating func send(_ bytes: [UInt8], toCoordinator coordinator: Int, from host: Int) {
    let link = agents[host].links[coordinator]
    guard link.isUp else { return }
    post(
      .toCoordinator(host: host, coordinator: coordinator, connection: link.connection, bytes), bytes, host,
      coordinator,
      isBlocked: link.blockedToCoordinatorUntil > now.milliseconds)
  }

  mutating func send(_ bytes: [UInt8], toAgent host: Int, from coordinator: Int) {
    guard let connection = coordinators[coordinator].sessions[host] else { return }
    let link = agents[host].links[coordinator]
    post(
      .toAgent(host: host, coordinator: coordinator, connection: connection, bytes), bytes, host, coordinator,
      isBlocked: link.blockedToAgentUntil > now.milliseconds)
  }

  private mutating func post(
    _ occurrence: Occurrence, _ bytes: [UInt8], _ host: Int, _ coordinator: Int, isBlocked: Bool
  ) {
    digest.fold(bytes)
    let isQuiet = time >= quietFrom
    var link = agents[host].links[coordinator]
    defer { agents[host].links[coordinator] = link }
    let isLost = link.dice.chance(perMille: climate.lostPerMille)
    if isBlocked || (isLost && !isQuiet) {
      faults.add("lost")
      return
    }
    let copies = !isQuiet && link.dice.chance(perMille: climate.doubledPerMille) ? 2 : 1
    if copies > 1 { faults.add("doubled") }
    for _ in 0..<copies {
      var delay = link.dice.wait(mean: climate.delayMilliseconds)
      if !isQuiet, link.dice.chance(perMille: climate.straggling) {
        delay = delay * 100 + 500
        faults.add("delayed")
      }
      delay += max(0, link.cloggedUntil - now.milliseconds)
      schedule(occurrence, after: delay)
    }
  }

  // MARK: Arriving

  mutating func arrive(_ bytes: [UInt8], host: Int, from coordinator: Int, connection: Int) {
    guard !isStopped(agent: host, .toAgent(host: host, coordinator: coordinator, connection: connection, bytes)) else {
      return
    }
    let link = agents[host].links[coordinator]
    guard agents[host].core != nil, link.isUp, link.connection == connection else { return }
    do throws(WireError) {
      let envelope = try EnvelopeCodec.decodeToAgent(bytes)
      step(agent: host, .received(envelope, link: coordinator))
    } catch {
      watch.broken("wire", "a message to \(hosts[host].id) cannot be read: \(error)", time)
    }
  }

  mutating func arrive(_ bytes: [UInt8], coordinator: Int, from host: Int, connection: Int) {
    let occurrence = Occurrence.toCoordinator(host: host, coordinator: coordinator, connection: connection, bytes)
    guard !isStopped(coordinator: coordinator, occurrence), coordinators[coordinator].core != nil else { return }
    let link = agents[host].links[coordinator]
    guard link.isUp, link.connection == connection else { return }
    do throws(WireError) {
      let envelope = try EnvelopeCodec.decodeToCoordinator(bytes)
      coordinators[coordinator].sessions[host] = connection
      step(coordinator, .received(envelope, from: hosts[host].id))
    } catch {
      watch.broken("wire", "a message of \(hosts[host].id) cannot be read: \(error)", time)
    }
  }

  // MARK: Connections

  mutating func dial(_ host: Int, _ coordinator: Int) {
    let link = agents[host].links[coordinator]
    guard agents[host].core != nil, !link.isUp else { return }
    let isBlocked = max(link.blockedToAgentUntil, link.blockedToCoordinatorUntil) > now.milliseconds
    // Nobody is there: its start makes all dial again.
    guard coordinators.indices.contains(coordinator), coordinators[coordinator].core != nil else { return }
    guard !isBlocked else { return redial(host, coordinator) }
    agents[host].links[coordinator].isUp = true
    agents[host].links[coordinator].connection += 1
    step(agent: host, .connected(link: coordinator))
  }

  mutating func redial(_ host: Int, _ coordinator: Int) {
    let wait = agents[host].links[coordinator].dice.within(Self.redialMilliseconds)
    schedule(.dial(host: host, coordinator: coordinator), after: wait)
  }

  /// A connection is gone, and the agent is told.
  mutating func lose(_ host: Int, _ coordinator: Int, _ connection: Int) {
    guard agents[host].links[coordinator].isUp, agents[host].links[coordinator].connection == connection else { return }
    agents[host].links[coordinator].isUp = false
    if coordinators.indices.contains(coordinator) { coordinators[coordinator].sessions[host] = nil }
    guard agents[host].core != nil else { return }
    step(agent: host, .disconnected(link: coordinator))
    redial(host, coordinator)
  }

  /// Nothing comes through for so long; connections that this outlasts are lost.
  mutating func partition(_ host: Int, _ side: Act.Side, milliseconds: Int) {
    let end = now.milliseconds + milliseconds
    for index in agents[host].links.indices {
      if side != .toAgent { agents[host].links[index].blockedToCoordinatorUntil = end }
      if side != .toCoordinator { agents[host].links[index].blockedToAgentUntil = end }
      guard milliseconds > Self.deadPeerMilliseconds else { continue }
      let connection = agents[host].links[index].connection
      schedule(.linkLost(host: host, coordinator: index, connection: connection), after: Self.deadPeerMilliseconds)
    }
  }
}
