public import Fleet
import NUMA

extension Placer {
  /// Reserves what a placement of a new guest takes, as a job in flight does.
  public mutating func reserve(_ placement: Placement, for shape: Shape, as guest: GuestID) {
    guard var view = room(of: placement.host)?.view else { return }
    view.claims.append(Claim.of(placement, shape: shape, guest: guest, job: 0))
    update(view)
  }

  /// Gives back what `reserve` took.
  public mutating func release(_ guest: GuestID, on host: HostID) {
    guard var view = room(of: host)?.view else { return }
    view.claims.removeAll { $0.guest == guest && $0.job == 0 }
    update(view)
  }

  /// Places many new guests at once, in whatever order places the most vcpus, and keeps nothing.
  ///
  /// Groups that belong together come first, each in one go, then the guests that are hardest to place. Then those that
  /// were refused are put first and all is placed anew ("squeaky wheel" optimization, Joslin and Clements 1999); the
  /// best pass is the answer. Decisions are in the order of the shapes; refused guests have their reason on what the
  /// others left.
  public func placeAll(_ shapes: [Shape], explain: Bool) -> [Decision] {
    var best: BatchPass?
    var order = hardestFirst(shapes)
    var last: [Int] = []
    for _ in 0..<max(min(Self.batchPassesMaximum, Self.batchDecisions / max(shapes.count, 1)), 1) {
      let pass = BatchPass(shapes, in: order, on: self)
      let refused = order.filter { pass.placements[$0] == nil }
      if pass.vcpus > best?.vcpus ?? -1 { best = pass }
      // Who is refused even first is refused for good.
      if refused.isEmpty || refused == last { break }
      last = refused
      order = refused + order.filter { pass.placements[$0] != nil }
    }
    guard let best else { return [] }
    return best.decisions(of: shapes, explain: explain)
  }

  /// Each pass takes as long as placing the guests one after another.
  private static let batchPassesMaximum = 8
  /// Decisions over all passes.
  private static let batchDecisions = 4096

  private func hardestFirst(_ shapes: [Shape]) -> [Int] {
    func rank(_ index: Int) -> (Int, Int, Int, Int) {
      let shape = shapes[index]
      let together = policy.groups.firstIndex {
        $0.rule == .together && $0.membership(name: shape.name) != nil
      }
      let cells = max(shape.guestCells.count, 1)
      return (together ?? .max, -Amounts.product(shape.vcpus, cells), -Amounts.bounded(shape.memory), index)
    }
    return shapes.indices.map { (rank: rank($0), index: $0) }.sorted { $0.rank < $1.rank }.map(\.index)
  }
}

/// One try at placing many guests in one order.
private struct BatchPass {
  /// By shape; nil where it was refused.
  private(set) var placements: [Placement?]
  private(set) var vcpus = 0
  private var placer: Placer

  init(_ shapes: [Shape], in order: [Int], on fleet: Placer) {
    placements = shapes.map { _ in nil }
    placer = fleet
    for index in order {
      let shape = shapes[index]
      guard placer.refusal(of: shape) == nil else { continue }
      let (search, _) = placer.searched(shape, explain: false, budget: Placer.batchBudget)
      guard let best = search.best else { continue }
      let placement = best.table.placement(best.cells)
      placer.reserve(placement, for: shape, as: GuestID("batch \(index)"))
      placements[index] = placement
      vcpus += shape.vcpus
    }
    yieldToOthers()
  }

  /// Takes CPUs that later guests got for themselves out of the shared masks of the ones before.
  private mutating func yieldToOthers() {
    let byHost = placements.indices.filter { placements[$0] != nil }
      .map { (host: placements[$0]?.host ?? "", index: $0) }
      .sorted { ($0.host, $0.index) < ($1.host, $1.index) }
    var rest = byHost[...]
    while let first = rest.first {
      let there = rest.prefix { $0.host == first.host }.map(\.index)
      rest = rest.dropFirst(there.count)
      for index in there {
        var others = CPUSet()
        for other in there where other != index { others.formUnion(placements[other]?.dedicated ?? []) }
        placements[index]?.yield(others)
      }
    }
  }

  /// The answer for each shape, refusals with their reason on what the others left. Like shapes lack the same.
  func decisions(of shapes: [Shape], explain: Bool) -> [Decision] {
    var placer = placer
    var refusals: [(shape: Shape, decision: Decision)] = []
    return shapes.indices.map { index in
      if let placement = placements[index] { return Decision(placement: placement, refusal: nil) }
      var shape = shapes[index]
      // Where no group is told by it, the name makes no difference.
      if placer.policy.groups.isEmpty { shape.name = "" }
      if let known = refusals.first(where: { $0.shape == shape }) { return known.decision.naming(shapes[index]) }
      let isExplained = explain && refusals.count < Placer.explainedMaximum
      let decision = placer.decide(shapes[index], explain: isExplained, budget: Placer.batchBudget)
      // Whatever turns up after all must not be promised twice.
      if let placement = decision.placement {
        placer.reserve(placement, for: shapes[index], as: GuestID("batch \(index)"))
      } else {
        refusals.append((shape, decision))
      }
      return decision
    }
  }
}

extension Decision {
  /// The refusal of a like shape, in the name of another.
  fileprivate func naming(_ shape: Shape) -> Decision {
    guard var refusal, let end = refusal.message.firstRange(of: " fits nowhere") else { return self }
    var decision = self
    refusal.message = "shape \(shape.name)" + refusal.message[end.lowerBound...]
    decision.refusal = refusal
    return decision
  }
}

extension Placer {
  /// Steps for each guest of a batch.
  fileprivate static let batchBudget = 100_000
  /// Refused shapes of a batch whose cells are told one by one.
  fileprivate static let explainedMaximum = 16
}
