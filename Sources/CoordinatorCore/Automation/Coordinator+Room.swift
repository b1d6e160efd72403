import Fleet
import NUMA
import PlacementEngine

/// Room is kept in the fleet for guests to come: where there is less than the policy wants, guests are moved within
/// hosts and between them until there is as much. One such plan is under way at a time.
extension Coordinator {
  /// Something has changed somewhere; the fleet never comes to rest as a host does, so only the first change counts.
  mutating func disturbRoom(_ now: Instant) {
    guard !policy.automation.keepRoom.isEmpty else { return automation.room.due = nil }
    let settled = now.advanced(byMilliseconds: policy.automation.settleSeconds * 1000)
    let due = automation.room.earliest.map { max(settled, $0) } ?? settled
    automation.room.due = automation.room.due.map { min($0, due) } ?? due
  }

  /// Asks for a plan if there is less room than there should be.
  mutating func reviewRoom(_ now: Instant, _ output: inout Output) {
    guard !working.contains(where: \.keepsRoom) else {
      automation.room.due = now.advanced(byMilliseconds: Automation.retryMilliseconds)
      return
    }
    automation.room.avoided = []
    automation.room.held = []
    automation.room.earliest = now.advanced(byMilliseconds: RoomReview.restMilliseconds)
    automation.room.due = now.advanced(byMilliseconds: reviewSpan)
    guard let lacking = roomStatus.first(where: { $0.fits < $0.wanted }) else { return }
    planRoom("\(lacking.fits) of \(lacking.wanted) \(lacking.name) fit", now, &output)
  }

  private mutating func planRoom(_ why: String, _ now: Instant, _ output: inout Output) {
    let (limits, busy) = (moveLimits(now), busyHosts)
    var closed: [HostID] = []
    var leaving: [UnmovedGuest] = []
    for entry in hosts {
      if automation.room.avoided.contains(entry.id) || obstacle(on: entry, busy) != nil {
        closed.append(entry.id)
        continue
      }
      for guest in entry.guests {
        guard let reason = limits.refusal(of: guest) ?? unmanaged(guest, on: entry) else { continue }
        leaving.append(UnmovedGuest(guest: guest.id, guestName: guest.name, host: entry.id, reason: reason))
      }
    }
    let token = automation.ask()
    automation.asked = Automation.Asked(token: token, host: nil, why: why, leaving: leaving)
    let migrations = policy.automation.concurrentMigrations * RoomReview.rounds
    let input = PlanningInput(
      inventory: inventory(now), policy: policy, parent: lastPlan, request: .keepRoom(migrations: migrations),
      leaving: leaving.map(\.guest), closed: closed, rates: copyRates)
    output.planning.append(PlanningTask(token: token, input: input))
  }

  /// The plan for the room has come back.
  mutating func reviewedRoom(_ plan: Plan, _ asked: Automation.Asked, _ now: Instant, _ output: inout Output) {
    var (chosen, held, _) = moveLimits(now).choose(from: plan) { guest in memory(of: guest, in: plan) }
    automation.room.held = held + plan.unmoved
    if plan.moves.isEmpty {
      automation.room.earliest = now.advanced(byMilliseconds: RoomReview.fruitlessMilliseconds)
      return
    }
    automation.room.due = automation.room.earliest
    guard !chosen.moves.isEmpty, restMilliseconds(now) == 0 else { return }
    let touched = Set(chosen.moves.flatMap { [$0.host, $0.placement.host] })  // lookup only
    for index in hosts.indices where touched.contains(hosts[index].id) {
      guard let refusal = harm(on: index, now) else { continue }
      automation.room.held += chosen.left(for: refusal)
      guard automation.room.avoided.count < RoomReview.avoidedMaximum else { return }
      // Perhaps other hosts do as well.
      automation.room.avoided.append(hosts[index].id)
      return planRoom(asked.why, now, &output)
    }
    if let refusal = staleness(of: chosen, scope: nil, now) {
      automation.room.held += chosen.left(for: refusal)
      return
    }
    chosen.unmoved = plan.unmoved
    carryOut(chosen, because: asked.why, on: nil, now, &output)
  }

  private func memory(of guest: GuestID, in plan: Plan) -> KiB {
    guard let move = plan.moves.first(where: { $0.guest == guest }), let index = index(of: move.host) else { return 0 }
    return hosts[index].guests.first { $0.id == guest }?.memory ?? 0
  }

  /// The room that shall be kept, and how much of it there is.
  var roomStatus: [KeptRoomStatus] {
    let rooms = policy.automation.keepRoom
    if rooms.isEmpty { return [] }
    return zip(rooms, placer.fitting(rooms)).map { room, fits in
      KeptRoomStatus(name: room.shape.name, wanted: room.count, fits: fits)
    }
  }
}

extension Plan {
  /// Whether automation made it to keep room.
  var keepsRoom: Bool { purpose.hasPrefix("auto: \(Self.keepRoomPurpose)") }

  /// Its guests, all left for one reason.
  func left(for refusal: Refusal) -> [UnmovedGuest] { moves.map { $0.left(refusal.description) } }
}
