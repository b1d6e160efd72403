import Fleet

/// Where a guest of a group that belongs together may go, as one choice made for the whole group.
///
/// Members that are there decide for those that come. The first member decides for all: it takes the fullest host, rack
/// or zone that has room for as many like it as the group will have, so that large rooms are left for larger groups;
/// where there is none, the roomiest.
struct GroupVenue {
  /// By position among all hosts, ascending.
  let hosts: [Int]
  /// What was chosen, and why.
  let text: String

  /// Venues that are tried, the best first. Beyond them a first member goes wherever it fits.
  static let triedMaximum = 16

  /// Venues in the order in which they are to be tried; none for a guest that no group sends anywhere.
  static func all(for demand: Demand, among rooms: [HostRoom], policy: Policy) -> [GroupVenue] {
    // With several such groups the members of one decide, and the limits of all are kept on each host.
    guard let limits = demand.limits?.limits.filter({ $0.group.rule == .together }), let first = limits.first else {
      return []
    }
    let limit = limits.first { !$0.places.isEmpty } ?? first
    let level = limit.group.level == .cell ? .host : limit.group.level
    if !limit.places.isEmpty {
      let hosts = rooms.indices.filter { limit.isThere(rooms[$0]) }
      let text = "group \(limit.group.name): its members are on \(limit.places.joined(separator: ", "))"
      return [GroupVenue(hosts: hosts, text: text)]
    }
    return openings(limit.group, at: level, for: demand, among: rooms, policy: policy)
  }

  private static func openings(
    _ group: GuestGroup, at level: GroupLevel, for demand: Demand, among rooms: [HostRoom], policy: Policy
  ) -> [GroupVenue] {
    guard let needs = SlotDemand(cells: demand.needs(policy)) else { return [] }
    let size = max(group.expectedSize(unnamed: GroupSizes.presumedMembers), 1)
    let order = rooms.indices.map { (place: rooms[$0].rules.place(at: level), host: $0) }
      .sorted { ($0.place, $0.host) < ($1.place, $1.host) }
    var venues: [(place: String, hosts: [Int], room: Int)] = []
    for (place, host) in order where demand.shortfall(of: rooms[host]) == nil {
      let room = AvailableSpace.slots(needs.widest, needs.cells.count, in: rooms[host].openSpaces(policy))
      if let last = venues.indices.last, venues[last].place == place {
        venues[last].hosts.append(host)
        venues[last].room += room
      } else {
        venues.append((place, [host], room))
      }
    }
    // Equals keep the order of their names.
    let enough = venues.filter { $0.room >= size }.sorted { ($0.room, $0.place) < ($1.room, $1.place) }
    let short = venues.filter { $0.room < size && $0.room > 0 }.sorted { (-$0.room, $0.place) < (-$1.room, $1.place) }
    return (enough + short).prefix(triedMaximum).map { venue in
      let why = venue.room >= size ? "the fullest with room for \(size)" : "the roomiest, with too little for \(size)"
      return GroupVenue(
        hosts: venue.hosts,
        text: "group \(group.name): its first member goes to \(venue.place), \(why) like it (\(venue.room) fit)")
    }
  }
}
