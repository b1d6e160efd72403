import Fleet
import NUMA

/// One running guest as the judge sees it.
struct AuditedGuest {
  let guest: Guest
  let id: GuestID
  let pageSize: PageSize
  /// Guest cells with their vcpus and memory in KiB; one that spans the guest when it has none.
  let cells: [GuestCell]
  /// CPUs that nobody else may have.
  var owned: CPUSet
  /// Vcpus that have one of them each.
  private(set) var owners: CPUSet
  /// The mask of each online vcpu; nil where nothing confines it.
  var masks: [CPUSet?]
  /// KiB of each guest cell on each host cell that has any.
  var memory: [[(cell: Int, kib: Int)]]
  /// KiB of each guest cell on each host cell once all is touched.
  private var promises: [[(cell: Int, kib: Int)]]

  init(_ guest: Guest, on topology: HostTopology) {
    self.guest = guest
    id = guest.id
    pageSize = guest.pageSize
    let highest = max(guest.vcpusMaximum - 1, guest.vcpusOnline.last ?? -1)
    let everyVCPU = CPUSet(0..<max(min(highest + 1, 4096), 0))
    if guest.guestCells.isEmpty {
      cells = [GuestCell(id: 0, vcpus: everyVCPU, memory: guest.memory)]
    } else {
      cells = guest.guestCells.sorted { $0.id < $1.id }
    }
    var masks: [CPUSet?] = []
    var spare: [CPUSet] = []
    var single: [(vcpu: Int, cpu: CPUSet)] = []
    let threads = guest.threads
    let hasVCPUs = threads.contains { if case .vcpu = $0.role { true } else { false } }
    if case .process = guest.kind, !hasVCPUs {
      masks = threads.prefix(4096).map(\.cpusAllowed)
      for (index, mask) in masks.enumerated() { if let mask, mask.count == 1 { single.append((index, mask)) } }
    } else {
      for vcpu in everyVCPU.members {
        let mask =
          threads.first { $0.role == .vcpu(vcpu) }?.cpusAllowed ?? guest.live.vcpus.first { $0.vcpu == vcpu }?.cpuset
          ?? guest.defaultCPUSet
        if let mask, mask.count == 1 { single.append((vcpu, mask)) }
        if guest.vcpusOnline.isEmpty || guest.vcpusOnline.contains(vcpu) {
          masks.append(mask)
        } else if let mask, mask.count == 1 {
          spare.append(mask)
        }
      }
    }
    self.masks = masks
    let main = threads.first { $0.role == .emulator }?.cpusAllowed ?? guest.live.emulator ?? guest.defaultCPUSet
    let owned = Self.owned(masks, spare: spare, emulator: main)
    self.owned = owned
    owners = CPUSet(single.filter { $0.cpu.isSubset(of: owned) }.map(\.vcpu))
    let memory = Self.memory(of: guest, cells)
    self.memory = memory
    promises = zip(cells, memory).map { cell, there in
      let total = there.reduce(0) { $0 + $1.kib }
      if total > 0 { return there.map { ($0.cell, Self.portion(Self.sane(cell.memory.count), $0.kib, total)) } }
      let nodes =
        guest.live.numatune?.memnodes.first { $0.guestCell == cell.id }?.nodeset ?? guest.live.numatune?.nodeset
        ?? NodeSet(topology.cells.filter { $0.memoryTotal.count > 0 }.map(\.id))
      let known = nodes.members.filter { id in topology.cells.contains { $0.id == id } }
      return known.map { ($0, Self.sane(cell.memory.count) / known.count) }
    }
  }

  /// Resident KiB on a host cell.
  func resident(on cell: Int) -> Int { memory.joined().reduce(0) { $0 + ($1.cell == cell ? $1.kib : 0) } }
  /// KiB promised on a host cell.
  func promised(on cell: Int) -> Int { promises.joined().reduce(0) { $0 + ($1.cell == cell ? $1.kib : 0) } }

  /// The host cell with most of a guest cell's memory; where it is bound when none is resident.
  func home(of index: Int) -> Int? {
    let most = memory[index].max { ($0.kib, -$0.cell) < ($1.kib, -$1.cell) }
    if let most, most.kib > 0 { return most.cell }
    return promises[index].count == 1 ? promises[index][0].cell : nil
  }

  /// Resident KiB of a guest cell that are not on a host cell.
  func away(_ index: Int, from cell: Int) -> Int {
    memory[index].reduce(0) { $0 + ($1.cell == cell ? 0 : $1.kib) }
  }

  /// The same guest with no page anywhere.
  var withoutMemory: AuditedGuest {
    var copy = self
    copy.memory = memory.map { _ in [] }
    return copy
  }

  /// Takes on what a move gives it.
  mutating func take(_ move: Move) {
    owned = move.placement.dedicated
    let pins = move.placement.pinning.vcpus
    if !pins.isEmpty {
      let online = pins.filter { guest.vcpusOnline.isEmpty || guest.vcpusOnline.contains($0.vcpu) }
      masks = online.map(\.cpuset)
    } else if let emulator = move.placement.pinning.emulator {
      masks = masks.map { _ in emulator }
    }
    for target in move.placement.pinning.memory {
      guard let index = cells.firstIndex(where: { $0.id == target.guestCell }) else { continue }
      memory[index] = [(target.cell, memory[index].reduce(0) { $0 + $1.kib })]
      promises[index] = [(target.cell, Self.sane(cells[index].memory.count))]
    }
  }

  /// A number of KiB that cannot overflow whatever was reported.
  static func sane(_ kib: Int) -> Int { max(0, min(kib, 1 << 42)) }

  /// KiB of pages.
  static func kib(_ pages: Int, _ size: PageSize) -> Int {
    let product = max(pages, 0).multipliedReportingOverflow(by: max(size.kib, 0))
    return product.overflow ? 1 << 42 : sane(product.partialValue)
  }

  private static func portion(_ whole: Int, _ part: Int, _ total: Int) -> Int {
    let product = UInt64(whole).multipliedFullWidth(by: UInt64(part))
    return Int(UInt64(total).dividingFullWidth(product).quotient)
  }

  /// The only CPU of a vcpu is its own where no other vcpu may run, nor, if any vcpu shares, the emulator.
  private static func owned(_ masks: [CPUSet?], spare: [CPUSet], emulator: CPUSet?) -> CPUSet {
    let known = masks.compactMap { $0 }
    guard known.count == masks.count, known.allSatisfy({ !$0.isEmpty }) else { return [] }
    var owned = CPUSet()
    var others = CPUSet()
    for (index, mask) in known.enumerated() {
      let isAlone = mask.count == 1 && !known.indices.contains { $0 != index && known[$0] == mask }
      if isAlone { owned.formUnion(mask) } else { others.formUnion(mask) }
    }
    if !others.isEmpty {
      guard let emulator else { return [] }
      others.formUnion(emulator)
    }
    owned = owned.subtracting(others)
    return owned.isEmpty ? [] : spare.filter { $0.isDisjoint(with: others) }.reduce(owned) { $0.union($1) }
  }

  private static func memory(of guest: Guest, _ cells: [GuestCell]) -> [[(cell: Int, kib: Int)]] {
    func sum(_ pages: [CellResidency]) -> [(cell: Int, kib: Int)] {
      var sums: [(cell: Int, kib: Int)] = []
      for entry in pages {
        let amount = kib(entry.pages, entry.pageSize)
        if let index = sums.firstIndex(where: { $0.cell == entry.cell }) {
          sums[index].kib = sane(sums[index].kib + amount)
        } else {
          sums.append((entry.cell, amount))
        }
      }
      return sums.sorted { $0.cell < $1.cell }
    }
    if guest.regions.contains(where: { $0.guestCell != nil }) {
      return cells.map { cell in sum(guest.regions.filter { $0.guestCell == cell.id }.flatMap(\.residency)) }
    }
    if cells.count == 1 {
      return [sum(guest.residency.isEmpty ? guest.regions.flatMap(\.residency) : guest.residency)]
    }
    let all = sum(guest.regions.isEmpty ? guest.residency : guest.regions.flatMap(\.residency))
    // Unnamed pages belong to the guest cells bound to where they are, or to all, by their memory.
    let bound = cells.map { cell -> Int? in
      let nodes = guest.live.numatune?.memnodes.first { $0.guestCell == cell.id }?.nodeset
      return nodes?.count == 1 ? nodes?.first : nil
    }
    return cells.indices.map { index in
      all.compactMap { entry in
        let holders = cells.indices.filter { bound[$0] == entry.cell }
        let sharers = holders.isEmpty ? Array(cells.indices) : holders
        guard sharers.contains(index) else { return nil }
        let total = sharers.reduce(0) { $0 + sane(cells[$1].memory.count) }
        return total == 0 ? nil : (entry.cell, portion(entry.kib, sane(cells[index].memory.count), total))
      }
    }
  }
}
