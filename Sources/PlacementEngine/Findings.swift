public import Fleet
import NUMA

/// What is wrong on one host: its settings first, then its cells, then guests by id, each in the order of kinds.
///
/// A finding needs more than one cell to be about locality, so a host of one cell has none of those. `policy` tells
/// which CPUs are shared and whether a config is meant to follow the running guest.
public func findings(in host: HostView, policy: Policy) -> [Finding] {
  let examination = HostExamination(host, policy: policy)
  guard examination.isSound else { return examination.hostFindings() }
  return examination.hostFindings() + examination.cellFindings()
    + examination.guests.flatMap { examination.findings(of: $0) }
}

/// One host with all that several guests' findings need, made once.
struct HostExamination {
  let host: HostView
  let policy: Policy
  let room: HostRoom
  /// Running guests by id.
  private(set) var guests: [ExaminedGuest] = []
  /// CPUs that some guest has for itself.
  private(set) var dedicated = CPUSet()

  /// Whether the topology can be believed.
  var isSound: Bool { room.unfit == nil }

  init(_ host: HostView, policy: Policy) {
    self.host = host
    self.policy = policy
    var view = host
    // What was wrong when the host was last heard of is still worth telling.
    view.liveness = .connected
    room = HostRoom(view, policy: policy)
    guard room.unfit == nil else { return }
    guests = host.guests.sorted { $0.id < $1.id }.compactMap { ExaminedGuest($0, on: host.topology) }
    for index in guests.indices { guests[index].claimCPUs(given: room) }
    for guest in guests { dedicated.formUnion(guest.footprint.dedicated ?? []) }
  }
}

/// One running guest as its threads and pages lie on the host.
struct ExaminedGuest {
  let guest: Guest
  let footprint: Footprint
  let cells: [GuestCell]
  /// Cells that each online vcpu may run on, ascending by vcpu.
  let reach: [(vcpu: Int, cells: NodeSet)]
  /// CPUs that it acts as if it had for itself: pinned 1:1, or fewer than the shared CPUs of a cell.
  private(set) var narrow = CPUSet()
  /// CPUs of all masks that stay within one cell.
  private(set) var confined = CPUSet()

  init?(_ guest: Guest, on topology: HostTopology) {
    guard let footprint = Footprint(of: guest, on: topology) else { return nil }
    self.guest = guest
    self.footprint = footprint
    cells = guest.boundedCells
    let allowed = topology.allowed.intersection(topology.cpus)
    reach = footprint.vcpus.filter(\.online).map { ($0.vcpu, topology.nodes(of: $0.mask ?? allowed)) }
  }

  /// Vcpus that more than one cell is open to.
  var floating: [Int] { reach.filter { $0.cells.count > 1 }.map(\.vcpu) }
  /// Whether every vcpu is held to one cell.
  var isPinned: Bool { !reach.isEmpty && floating.isEmpty }

  /// Tells CPUs that the guest shares as the policy wants from those it crowds into.
  mutating func claimCPUs(given room: HostRoom) {
    if let dedicated = footprint.dedicated {
      narrow = dedicated
      confined = dedicated
      if footprint.isDedicated { return }
    }
    for (vcpu, open) in zip(footprint.vcpus.filter(\.online), reach) {
      guard let mask = vcpu.mask, open.cells.count == 1, let id = open.cells.first, let index = room.index(ofCell: id)
      else { continue }
      confined.formUnion(mask)
      let shared = room.cells[index].shared
      if shared.isEmpty || !shared.isSubset(of: mask) { narrow.formUnion(mask) }
    }
  }
}
