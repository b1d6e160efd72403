import Fleet
import NUMA

/// Plans that make room for guests to come.
extension Placer {
  /// Places the guests one after another; for each that finds no room, takes guests off cells where least is missing,
  /// to other cells of their host before other hosts.
  static func planFit(_ shape: Shape, count: Int, migrations: Int, _ input: PlanningInput) -> Plan {
    var plan = Plan(parent: input.parent, purpose: "fit \(count) x \(shape.name)")
    let model = FleetModel(input)
    if let refusal = model.placer.refusal(of: shape) {
      plan.unmoved = [UnmovedGuest(guest: "", guestName: shape.name, host: "", reason: refusal.description)]
      return plan
    }
    var making = RoomMaking(model, for: shape, migrations: migrations, leaving: input.leaving, budget: input.budget)
    var waves = HostWaves()
    var (now, fitted) = (0, 0)
    while fitted < count {
      let id = GuestID("fitted in \(fitted)")
      if making.model.take(shape, as: id) {
        if waves.waves.isEmpty { now += 1 }
      } else {
        guard let moves = making.makeRoom(), making.model.take(shape, as: id) else { break }
        for move in moves { waves.add(move) }
      }
      fitted += 1
    }
    plan.waves = waves.waves
    plan.purpose += ": \(now) \(now == 1 ? "fits" : "fit") now, \(fitted) after it"
    if fitted < count {
      plan.unmoved = [
        UnmovedGuest(
          guest: "", guestName: shape.name, host: "",
          reason:
            "no host can be given room for more than \(fitted) of \(count) with \(migrations) moves between hosts "
            + "at most; see numafleet capacity --by-host")
      ]
    }
    return plan
  }
}
