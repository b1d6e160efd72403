/// The exchanges worth making on a host of two cells whose guests may be moved between them.
///
/// How the guests lie afterwards is chosen best each time: an exchange gains what the best split of all that is then on
/// the host leaves free.
struct HostExchanges {
  /// What tells hosts apart: the space without any guest that may be moved, and those guests.
  struct Signature: Hashable {
    var frame: SplitReach.Frame
    /// By kind: guests that may lie on either cell, and those of any kind that may leave. What spans both cells is
    /// part of the frame until it leaves.
    var split: [UInt8]
    var leaving: [UInt8]
  }

  let kinds: [FleetLayout.Kind]
  let wide: Int
  private let deep: CellExchanges.Limits
  private var limits: CellExchanges.Limits
  /// Where memory counts too, which takes ten times as long.
  private static let shallow = CellExchanges.Limits(takenIn: [3, 2, 1], lost: 1)
  /// Kinds that fit on such hosts, the largest first.
  private let order: [Int]
  private let unit: Int
  /// The kind with most memory for each of its CPUs.
  private let densest: FleetLayout.Kind
  private var units: [UInt16] = []
  private var found: [CellExchanges.Choice] = []

  init(kinds: [FleetLayout.Kind], wide: Int, limits: CellExchanges.Limits, unit: Int) {
    densest = kinds.max { $0.memory * $1.cpus < $1.memory * $0.cpus } ?? FleetLayout.Kind(cells: 1, cpus: 1, memory: 0)
    self.kinds = kinds
    self.wide = wide
    deep = limits
    self.limits = limits
    self.unit = unit
    order = kinds.indices.filter { kinds[$0].cells <= 2 }.sorted {
      (kinds[$0].cpus * kinds[$0].cells, $0) > (kinds[$1].cpus * kinds[$1].cells, $1)
    }
  }

  /// Gains are counted from the best split without any exchange, which is `wideSlots`.
  mutating func choices(
    of host: Signature, in exchanges: inout ExchangeTable
  ) -> (wideSlots: Int, choices: [CellExchanges.Choice]) {
    found.removeAll(keepingCapacity: true)
    units.removeAll(keepingCapacity: true)
    let unit = isPlain(host) ? unit : 0
    limits = unit > 0 ? deep : Self.shallow
    guard let now = reach(host, unit).wideSlots(host.frame, wide: wide) else { return (0, []) }
    giveAway(from: 0, host, host.frame, now, unit, &exchanges)
    return (now, found)
  }

  /// Whether memory can be left out: no split that CPUs allow takes more of it than there is.
  private func isPlain(_ host: Signature) -> Bool {
    guard unit > 0 else { return false }
    var (cpus, memory) = (0, 0)
    for kind in order where kinds[kind].cells == 2 {
      cpus += Int(host.leaving[kind]) * kinds[kind].cpus
      memory += Int(host.leaving[kind]) * kinds[kind].memory
    }
    let frame = host.frame
    return (max(frame.cpus0, frame.cpus1) + cpus) / unit < 120
      && (frame.memory0 + memory) * densest.cpus >= densest.memory * (frame.cpus0 + cpus)
      && (frame.memory1 + memory) * densest.cpus >= densest.memory * (frame.cpus1 + cpus)
  }

  /// What lies on the host when the guests in `units` have left.
  private func reach(_ host: Signature, _ unit: Int) -> SplitReach {
    var reach = SplitReach(unit: unit)
    for kind in order where kinds[kind].cells == 1 {
      let given = units.reduce(0) { $0 + (Int($1) == kind ? 1 : 0) }
      for _ in given..<max(Int(host.split[kind]), given) {
        reach.add(cpus: kinds[kind].cpus, memory: kinds[kind].memory)
      }
    }
    return reach
  }

  private func added(_ kind: Int, _ sign: Int, to frame: SplitReach.Frame) -> SplitReach.Frame {
    guard kinds[kind].cells == 2 else { return frame }
    var frame = frame
    frame.cpus0 += sign * kinds[kind].cpus
    frame.cpus1 += sign * kinds[kind].cpus
    frame.memory0 += sign * kinds[kind].memory
    frame.memory1 += sign * kinds[kind].memory
    return frame
  }

  /// The most whole blocks with one more guest of a kind.
  private func wideSlots(adding kind: Int, _ reach: SplitReach, _ frame: SplitReach.Frame) -> Int? {
    if kinds[kind].cells == 2 { return reach.wideSlots(added(kind, -1, to: frame), wide: wide) }
    var more = reach
    more.add(cpus: kinds[kind].cpus, memory: kinds[kind].memory)
    return more.wideSlots(frame, wide: wide)
  }

  private mutating func giveAway(
    from first: Int, _ host: Signature, _ frame: SplitReach.Frame, _ now: Int, _ unit: Int,
    _ exchanges: inout ExchangeTable
  ) {
    let given = units.count
    let floor = max(0, given == 0 ? now - limits.lost : given == 1 ? now : now + 1)
    let reach = reach(host, unit)
    if let slots = reach.wideSlots(frame, wide: wide), slots >= floor {
      takeIn(from: 0, reach, frame, slots: slots, floor: floor, now: now, given: given, &exchanges)
    }
    guard given + 1 < limits.takenIn.count else { return }
    for index in first..<order.count {
      let kind = order[index]
      let count = units.reduce(0) { $0 + (Int($1) == kind ? 1 : 0) }
      guard count < Int(host.leaving[kind]) else { continue }
      units.append(UInt16(kind))
      giveAway(from: index, host, added(kind, 1, to: frame), now, unit, &exchanges)
      units.removeLast()
    }
  }

  private mutating func takeIn(
    from first: Int, _ reach: SplitReach, _ frame: SplitReach.Frame, slots: Int, floor: Int, now: Int, given: Int,
    _ exchanges: inout ExchangeTable
  ) {
    var isFull = true
    let left = limits.takenIn[given] - (units.count - given)
    if left > 0 {
      for index in order.indices {
        let kind = order[index]
        if kinds[kind].cpus * kinds[kind].cells > frame.cpus0 + frame.cpus1 - reach.cpus { continue }
        if units[..<given].contains(UInt16(kind)) { continue }
        guard index >= first || isFull, let after = wideSlots(adding: kind, reach, frame), after >= floor else {
          continue
        }
        if after == slots { isFull = false }
        if index < first { continue }
        var more = reach
        if kinds[kind].cells == 1 { more.add(cpus: kinds[kind].cpus, memory: kinds[kind].memory) }
        units.append(UInt16(kind + kinds.count))
        takeIn(
          from: index, more, added(kind, -1, to: frame), slots: after, floor: floor, now: now, given: given, &exchanges)
        units.removeLast()
      }
    }
    guard isFull, !(slots == now && units.isEmpty) else { return }
    // What was given away but would still leave as much need not have been.
    for unit in units[..<given] {
      if let kept = wideSlots(adding: Int(unit), reach, frame), kept >= slots { return }
    }
    found.append(
      CellExchanges.Choice(exchange: Int32(exchanges.number(of: units[...])), gain: Int32(slots - now)))
  }
}
