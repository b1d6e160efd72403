public import PlacementEngine

/// Judges a packing from its requests and hosts alone: room on every cell, cells of their own, and the rules of groups.
/// It shares no code with what placed the guests.
public func violations(
  of slots: [(host: Int, cells: [Int])?], for requests: [TrialRequests.Request], on hosts: [FleetIndex.Host],
  groups: Bool
) -> [String] {
  var found: [String] = []
  var free = hosts.map(\.free)
  var rackOfGroup: [Int: Int] = [:]
  var hostsOfGroup: [Int: Set<Int>] = [:]
  var domainOfRack: [Int: [Int: Int]] = [:]
  for (request, slot) in zip(requests, slots) {
    guard let slot else { continue }
    let needs = request.demand.cells
    guard free.indices.contains(slot.host), slot.cells.count == needs.count, Set(slot.cells).count == needs.count,
      slot.cells.allSatisfy({ free[slot.host].indices.contains($0) })
    else {
      found.append("request \(request.name) has no place of its own on host \(slot.host): cells \(slot.cells)")
      continue
    }
    for (need, cell) in zip(needs, slot.cells) {
      free[slot.host][cell].cpus -= need.cpus
      free[slot.host][cell].memory -= need.memory
      if free[slot.host][cell].cpus < 0 || free[slot.host][cell].memory < 0 {
        found.append("request \(request.name) does not fit on host \(slot.host) cell \(cell)")
      }
    }
    guard groups, let rule = request.rule else { continue }
    let rack = hosts[slot.host].rack
    switch rule {
    case .sameRack:
      if rackOfGroup[request.group, default: rack] != rack {
        found.append("request \(request.name): group \(request.group) is on two racks")
      }
      rackOfGroup[request.group] = rack
    case .distinctHosts:
      if !hostsOfGroup[request.group, default: []].insert(slot.host).inserted {
        found.append("request \(request.name): group \(request.group) is twice on host \(slot.host)")
      }
    case .distinctRacks(let domain):
      if domainOfRack[request.group]?[rack] ?? domain != domain {
        found.append("request \(request.name): two domains of group \(request.group) on rack \(rack)")
      }
      domainOfRack[request.group, default: [:]][rack] = domain
    }
  }
  return found
}
