/// What to plan for.
public enum PlanRequest: Sendable, Hashable, Codable {
  /// Mends what `findings` names, on all hosts or one.
  case repair(host: HostID?)
  /// Places one running guest anew on its host; `cells` fixes the host cell of each guest cell in order.
  case place(guest: GuestID, host: HostID, cells: [Int]?)
  /// Migrates one running guest to another host; `cells` fixes the host cell of each guest cell in order.
  case migrate(guest: GuestID, from: HostID, to: HostID, cells: [Int]?)
  /// Migrates every guest of a host away that can be.
  case drain(host: HostID)
  /// Brings free CPUs together, on all hosts or within one, so that as many guests as possible that need `wideCPUs` of
  /// one cell would fit; with at most `migrations` moves between hosts.
  case rebalance(host: HostID?, migrations: Int, wideCPUs: Int)
  /// Makes room for `count` more guests of a shape, with at most `migrations` moves between hosts.
  case fit(shape: Shape, count: Int, migrations: Int)
  /// Makes the room that the policy's `keep_room` asks for, with at most `migrations` moves between hosts.
  case keepRoom(migrations: Int)

  /// Moves between hosts that can be asked for in one plan.
  public static let migrationsRange = 0...1000
  /// CPUs of one cell that a wide guest may be said to need.
  public static let wideCPUsRange = 1...1024
  /// Guests that can be asked to be fitted in by one plan.
  public static let countRange = 1...1000
}

extension PlanRequest {
  /// The one host whose guests it is about; nil for one that is about all.
  public var host: HostID? {
    switch self {
    case .repair(let host), .rebalance(let host, _, _): host
    case .fit, .keepRoom: nil
    case .place(_, let host, _), .migrate(_, let host, _, _), .drain(let host): host
    }
  }
}
