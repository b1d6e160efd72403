/// Places many guests at once, in whatever order places the most vcpus.
///
/// The order that requests come in is replaced by one that puts groups of one rack first and the guests that are
/// hardest to place before the easy ones. Then, as often as it helps, the guests that were refused are put first and
/// all is placed anew ("squeaky wheel" optimization, Joslin and Clements 1999). The best pass is the answer.
public struct BatchPlacement: Sendable {
  /// A guest to place.
  public struct Request: Sendable {
    public let demand: SlotDemand
    public let rule: GroupRule?
    public let group: Int
    public init(_ demand: SlotDemand, rule: GroupRule?, group: Int) {
      self.demand = demand
      self.rule = rule
      self.group = group
    }
  }

  /// By request; nil where it was refused.
  public private(set) var slots: [FleetIndex.Slot?]
  public private(set) var vcpusPlaced = 0
  /// Whether nobody was refused, for who wants all or nothing.
  public var placesAll: Bool { !slots.contains { $0 == nil } }

  /// Places anew at most so many times; each pass takes as long as the online one.
  private static let passesMaximum = 16

  /// The best pass over `fleet`, which stays as it is.
  public init(_ requests: [Request], on fleet: FleetIndex) {
    slots = Array(repeating: nil, count: requests.count)
    var prepared = fleet
    for request in requests { prepared.learn(request.demand) }
    let members = Self.members(requests)
    var order = Self.hardestFirst(requests, members)
    for _ in 0..<Self.passesMaximum {
      var placement = GroupPlacement(prepared)
      var found: [FleetIndex.Slot?] = Array(repeating: nil, count: requests.count)
      var vcpus = 0
      for index in order {
        let request = requests[index]
        found[index] = placement.place(
          request.demand, rule: request.rule, group: request.group, members: members[index])
        vcpus += found[index] == nil ? 0 : request.demand.total.cpus
      }
      if vcpus > vcpusPlaced { (slots, vcpusPlaced) = (found, vcpus) }
      let refused = order.filter { found[$0] == nil }
      if refused.isEmpty { return }
      order = Self.moved(refused, first: order, requests)
    }
  }

  /// Members of the group of each request that must stay on one rack; 1 for others.
  private static func members(_ requests: [Request]) -> [Int] {
    let groups = requests.indices.filter { requests[$0].rule == .sameRack }
      .sorted { (requests[$0].group, $0) < (requests[$1].group, $1) }
    var members = Array(repeating: 1, count: requests.count)
    var rest = groups[...]
    while let first = rest.first {
      let end = rest.firstIndex { requests[$0].group != requests[first].group } ?? rest.endIndex
      for index in rest[..<end] { members[index] = end - rest.startIndex }
      rest = rest[end...]
    }
    return members
  }

  /// Groups of one rack, the largest first and each together, then all others by what they need.
  private static func hardestFirst(_ requests: [Request], _ members: [Int]) -> [Int] {
    func rank(_ index: Int) -> (Int, Int, Int, Int, Int) {
      let request = requests[index]
      let size = request.demand.total.cpus * request.demand.cells.count
      guard request.rule == .sameRack else { return (1, -size, -request.demand.total.memory, 0, index) }
      return (0, -members[index], request.group, -size, index)
    }
    return requests.indices.sorted { rank($0) < rank($1) }
  }

  /// The order with those that were refused at its head; a group of one rack comes along whole.
  private static func moved(_ refused: [Int], first order: [Int], _ requests: [Request]) -> [Int] {
    var isFirst = Array(repeating: false, count: requests.count)
    for index in refused { isFirst[index] = true }
    let groups = refused.filter { requests[$0].rule == .sameRack }.map { requests[$0].group }
    for index in order where requests[index].rule == .sameRack && groups.contains(requests[index].group) {
      isFirst[index] = true
    }
    return order.filter { isFirst[$0] } + order.filter { !isFirst[$0] }
  }
}
