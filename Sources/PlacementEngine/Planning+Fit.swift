public import Fleet
import NUMA

/// Plans that make room for guests to come.
extension Placer {
  /// Places the guests one after another; for each that finds no room, takes guests off cells where least is missing,
  /// to other cells of their host before other hosts.
  static func planFit(_ shape: Shape, count: Int, migrations: Int, _ input: PlanningInput) -> Plan {
    plan(for: [KeptRoom(shape: shape, count: count)], "fit", migrations: migrations, input)
  }

  /// The same for all the room that the policy wants kept: what one rule finds or is given, the next may not have.
  static func planKeepRoom(migrations: Int, _ input: PlanningInput) -> Plan {
    plan(for: input.policy.automation.keepRoom, Plan.keepRoomPurpose, migrations: migrations, input)
  }

  private static func plan(
    for rooms: [KeptRoom], _ purpose: String, migrations: Int, _ input: PlanningInput
  ) -> Plan {
    var plan = Plan(parent: input.parent, purpose: purpose)
    var making = RoomMaking(input, migrations: migrations)
    let now = making.model.placer.fitting(rooms)
    var waves = HostWaves(migrationsAtOnce: input.policy.automation.concurrentMigrations)
    for (index, room) in rooms.enumerated() {
      let name = room.shape.name
      plan.purpose += "\(index == 0 ? "" : ";") \(room.count) x \(name)"
      if let refusal = making.model.placer.refusal(of: room.shape) {
        plan.unmoved.append(
          UnmovedGuest(guest: "", guestName: name, host: "", reason: refusal.description))
        continue
      }
      making.turn(to: room.shape)
      var fitted = 0
      while fitted < room.count {
        let id = GuestID("fitted in \(index).\(fitted)")
        if !making.model.take(room.shape, as: id) {
          guard let moves = making.makeRoom(), making.model.take(room.shape, as: id) else { break }
          for move in moves { waves.add(move) }
        }
        fitted += 1
      }
      plan.purpose += ": \(now[index]) \(now[index] == 1 ? "fits" : "fit") now, \(fitted) after it"
      if fitted < room.count {
        plan.unmoved.append(.unfitted(name, fitted: fitted, of: room.count, migrations: migrations))
      }
    }
    plan.waves = waves.waves
    return plan
  }

  /// How many guests of each rule fit as the fleet is, beside those of the rules before it.
  public func fitting(_ rooms: [KeptRoom]) -> [Int] {
    var placer = self
    return rooms.enumerated().map { index, room in
      for count in 0..<room.count {
        guard let placement = placer.spot(for: room.shape) else { return count }
        placer.reserve(placement, for: room.shape, as: GuestID("fitted in \(index).\(count)"))
      }
      return room.count
    }
  }
}

extension UnmovedGuest {
  /// Guests to come that no room could be made for.
  fileprivate static func unfitted(_ name: String, fitted: Int, of count: Int, migrations: Int) -> Self {
    UnmovedGuest(
      guest: "", guestName: name, host: "",
      reason: "no host can be given room for more than \(fitted) of \(count) with \(migrations) moves between hosts "
        + "at most; see numafleet capacity --by-host")
  }
}
