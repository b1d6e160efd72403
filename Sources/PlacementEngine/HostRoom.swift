import Fleet
import NUMA

/// What one host has left, cell by cell: the topology without the reserve, what its guests hold, and claims in flight.
///
/// A reference, because what it holds never changes: fleets are copied whole for every plan that is tried.
final class HostRoom: Sendable {
  let view: HostView
  /// In the order of the topology's cells; empty when `unfit` says that nothing may be placed at all.
  let cells: [CellRoom]
  /// Guests that run, by id.
  let footprints: [Footprint]
  /// What each of them needed when it came, by what it shows now.
  let demands: [SlotDemand?]
  /// What the operator says of the host.
  let rules: HostRules
  /// Guests of groups that are there or on their way.
  let members: [GroupMember]
  /// Distances between cells by index, row-major.
  let distances: [Int]
  /// When its cells are pressed.
  let limits: PressureRules
  /// How long tasks wait for a CPU beyond what is allowed, in thousandths.
  let waiting: Int
  /// What the guest that was taken off uses, by cell; empty where nothing was measured.
  let uses: [HostStrain.Use]
  /// Why nothing may be placed on the host.
  let unfit: Shortfall?

  /// The room for a new guest, or for `guest` as if it did not run. What a guest holds is taken from an earlier room of
  /// the host where neither has changed since: reading that from a guest is most of the work.
  init(_ view: HostView, policy: Policy, without guest: GuestID? = nil, after earlier: HostRoom? = nil) {
    self.view = view
    rules = policy.rules(of: view.id)
    limits = policy.pressure(on: view.id)
    waiting = limits.waiting(view.load)
    let topology = view.topology
    let contradictions = topology.isBounded ? topology.contradictions() : ["ids are beyond what the kernel has"]
    if view.liveness != .connected {
      unfit = Shortfall(.hostUnreachable, need: 0, has: view.ageMilliseconds / 1000)
    } else if let first = contradictions.first {
      unfit = Shortfall(.contradiction, detail: first)
    } else {
      unfit = nil
    }
    guard unfit == nil else {
      (cells, footprints, demands, distances, uses) = ([], [], [], [], [])
      members = GroupMember.all(of: view, [], policy: policy, without: guest)
      return
    }
    let known = earlier.flatMap { $0.view.topology.hasSameCPUs(as: topology) ? $0 : nil }
    var all: [Footprint] = []
    var demands: [SlotDemand?] = []
    for guest in view.guests.sorted(by: { $0.id < $1.id }) {
      let place = known?.place(ofUnchanged: guest)
      guard let footprint = place.flatMap({ known?.footprints[$0] }) ?? Footprint(of: guest, on: topology) else {
        continue
      }
      all.append(footprint)
      demands.append(place.flatMap { known?.demands[$0] } ?? footprint.demand(policy))
    }
    self.demands = zip(all, demands).compactMap { $0.guest == guest ? nil : .some($1) }
    let strain = HostStrain(of: view, all, without: guest)
    uses = strain?.uses ?? []
    footprints = guest == nil ? all : all.filter { $0.guest != guest }
    members = GroupMember.all(of: view, footprints, policy: policy, without: guest)
    let held = Self.holdings(
      of: footprints, claims: view.claims.filter { $0.guest != guest }, on: topology, policy: policy)
    cells = topology.cells.indices.map {
      CellRoom(
        of: topology.cells[$0], on: topology, policy: policy, held: held[$0], strain: strain?.cells[$0])
    }
    distances = topology.cells.flatMap { from in topology.cells.map { topology.distance(from: from.id, to: $0.id) } }
  }

  /// Where what a guest holds is, if that was read from the very same guest.
  private func place(ofUnchanged guest: Guest) -> Int? {
    let index = footprints.partitionIndex { $0.guest >= guest.id }
    guard index < footprints.count, footprints[index].guest == guest.id,
      view.guests.contains(where: { $0.id == guest.id && $0 == guest })
    else { return nil }
    return index
  }

  /// Whether nothing new may be placed there.
  var isDraining: Bool { view.draining || rules.draining }

  /// The distance between two cells by index, the mean of both ways times two, so that it is a whole number.
  func bothWays(_ a: Int, _ b: Int) -> Int { distances[a * cells.count + b] + distances[b * cells.count + a] }

  /// The index of a cell by id.
  func index(ofCell id: Int) -> Int? { cells.firstIndex { $0.id == id } }

  private static func holdings(
    of footprints: [Footprint], claims: [Claim], on topology: HostTopology, policy: Policy
  ) -> [CellHoldings] {
    var dedicated = CPUSet()
    for footprint in footprints {
      guard let own = footprint.dedicated else { continue }
      dedicated.formUnion(own)
      // Nobody else can tell from the pins that the idle threads of an isolated guest's cores are meant to be idle.
      if policy.smt == .isolate {
        for cpu in own.members { dedicated.formUnion(topology.pcpu(cpu)?.siblings ?? []) }
      }
    }
    for claim in claims { dedicated.formUnion(claim.dedicated) }
    return topology.cells.indices.map { index in
      let cell = topology.cells[index]
      var held = CellHoldings(dedicated: dedicated.intersection(cell.cpus))
      let base = cell.basePool
      for footprint in footprints {
        held.load += footprint.load[index]
        held.confined += footprint.confined[index]
        if footprint.pageSize == .base || footprint.pageSize == base { held.committed += footprint.committed[index] }
      }
      for claim in claims {
        let footprint = footprints.first { $0.guest == claim.guest }
        for floating in claim.floating where floating.cell == cell.id {
          let vcpus = min(max(floating.vcpus, 0), Guest.vcpusLimit)
          let arriving = max(vcpus * 1000 - (footprint?.confined[index] ?? 0), 0)
          held.load += arriving
          held.confined += arriving
        }
        for memory in claim.memory where memory.cell == cell.id {
          let amount = Amounts.bounded(memory.amount)
          let arriving = max(amount - (footprint?.resident(onCellAt: index) ?? 0), 0)
          if memory.pageSize == .base || memory.pageSize == base {
            // What of the claim has arrived already shows in the guest's own footprint.
            held.committed += max(amount - (footprint?.committed[index] ?? 0), 0)
            held.arriving += arriving
          } else {
            held.arrivingPages.append((memory.pageSize, arriving))
          }
        }
      }
      return held
    }
  }
}

extension HostTopology {
  /// Whether the same threads run on the same cells, as far as guests' masks and memory tell.
  func hasSameCPUs(as other: HostTopology) -> Bool {
    allowed == other.allowed && pcpus == other.pcpus
      && cells.elementsEqual(other.cells) {
        $0.id == $1.id && $0.cpus == $1.cpus && $0.memoryTotal == $1.memoryTotal
      }
  }

  /// Whether all ids can be members of sets; nothing else of a reported topology may be touched before.
  var isBounded: Bool {
    cells.allSatisfy { (0..<NodeKind.idLimit).contains($0.id) }
      && pcpus.allSatisfy { (0..<CPUKind.idLimit).contains($0.id) }
  }
}
