import Fleet
import NUMA

extension Guest {
  /// Whether it holds CPUs and memory now.
  var isRunning: Bool { state == .running || state == .paused }

  /// Vcpus up to the maximum with their masks: the kernel's where a thread is known, else libvirt's record.
  var vcpuMasks: [Footprint.VCPUMask] {
    let masks = threads.compactMap { thread in
      if case .vcpu(let vcpu) = thread.role { (vcpu: vcpu, mask: thread.cpusAllowed) } else { nil }
    }.sorted { $0.vcpu < $1.vcpu }
    if masks.isEmpty, hasOnlyWorkers {
      // A process that names no vcpus, plain QEMU without debug-threads among them, runs with all its threads.
      return threads.prefix(Guest.vcpusLimit).enumerated().map { index, thread in
        Footprint.VCPUMask(vcpu: index, online: true, mask: thread.cpusAllowed)
      }
    }
    var next = 0
    return (0..<vcpuCount).map { vcpu in
      while next < masks.count, masks[next].vcpu < vcpu { next += 1 }
      let known = next < masks.count && masks[next].vcpu == vcpu ? masks[next].mask : nil
      let online = vcpusOnline.isEmpty || vcpusOnline.contains(vcpu)
      return Footprint.VCPUMask(vcpu: vcpu, online: online, mask: known ?? live.cpuset(ofVCPU: vcpu) ?? defaultCPUSet)
    }
  }

  /// Whether every online vcpu has the mask that a pinning gives it; never so where threads cannot be told apart.
  func runsVCPUs(as pinning: Pinning) -> Bool {
    !hasOnlyWorkers && vcpuMasks.allSatisfy { !$0.online || $0.mask == pinning.cpuset(ofVCPU: $0.vcpu) }
  }

  /// Where the emulator's main thread may run: by the kernel, else by libvirt's record; nil where nothing is known.
  var emulatorMask: CPUSet? {
    threads.first { $0.role == .emulator }?.cpusAllowed ?? live.emulator ?? defaultCPUSet
  }

  /// Vcpus that may exist, within the limit whatever was reported.
  var vcpuCount: Int {
    hasOnlyWorkers
      ? min(threads.count, Guest.vcpusLimit)
      : min(max(vcpusMaximum, (vcpusOnline.last ?? -1) + 1, 0), Guest.vcpusLimit)
  }

  /// Whether libvirt does not know it.
  var isProcess: Bool {
    if case .process = kind { return true }
    return false
  }

  /// Whether its threads are neither vcpus nor otherwise known: a process that is not a VM.
  var hasOnlyWorkers: Bool {
    isProcess && !threads.contains { if case .vcpu = $0.role { true } else { false } }
  }

  /// The guest's cells for placing, ascending, of at most `vcpuCount` vcpus; vcpus in no guest cell join the first.
  var boundedCells: [GuestCell] {
    let all = CPUSet(0..<vcpuCount)
    guard !guestCells.isEmpty else { return [GuestCell(id: 0, vcpus: all, memory: memory)] }
    var cells = guestCells.sorted { $0.id < $1.id }
    var rest = all
    for index in cells.indices {
      cells[index].vcpus = cells[index].vcpus.intersection(rest)
      rest = rest.subtracting(cells[index].vcpus)
    }
    cells[0].vcpus.formUnion(rest)
    return cells
  }

  /// Resident KiB of each guest cell's RAM by host cell.
  ///
  /// Regions that name their guest cell are best; without, a guest of one cell has the whole process. Else pages belong
  /// to the guest cell whose memnode is their cell, and as the last resort to all guest cells by their memory.
  func residentByGuestCell(_ cells: [GuestCell], on topology: HostTopology) -> [[Int]] {
    let ids = topology.cells.map(\.id)
    func add(_ pages: [CellResidency], to row: inout [Int]) {
      for entry in pages {
        guard let index = ids.firstIndex(of: entry.cell) else { continue }
        row[index] = min(row[index] + Amounts.kib(pages: entry.pages, of: entry.pageSize), Amounts.memoryLimit)
      }
    }
    var rows = cells.map { _ in ids.map { _ in 0 } }
    let named = regions.contains { $0.guestCell != nil }
    if named {
      for region in regions {
        if let row = cells.firstIndex(where: { $0.id == region.guestCell }) { add(region.residency, to: &rows[row]) }
      }
      return rows
    }
    if cells.count == 1 {
      add(residency.isEmpty ? regions.flatMap(\.residency) : residency, to: &rows[0])
      return rows
    }
    var whole = ids.map { _ in 0 }
    if regions.isEmpty {
      add(residency, to: &whole)
    } else {
      for region in regions { add(region.residency, to: &whole) }
    }
    let bound = cells.map { memnode(of: $0.id) }
    let total = cells.reduce(0) { $0 + Amounts.bounded($1.memory) }
    for (index, id) in ids.enumerated() {
      let owners = cells.indices.filter { bound[$0] == id }
      let sharers = owners.isEmpty ? Array(cells.indices) : owners
      let sum = owners.isEmpty ? total : owners.reduce(0) { $0 + Amounts.bounded(cells[$1].memory) }
      for sharer in sharers {
        rows[sharer][index] = Amounts.share(of: whole[index], part: Amounts.bounded(cells[sharer].memory), total: sum)
      }
    }
    return rows
  }

  /// Where memory that is not resident yet will go: the memnode, else the nodeset, else every cell with memory.
  func boundWeights(of guestCell: Int, on topology: HostTopology) -> [Int] {
    let tune = live.numatune
    let bound = tune?.memnodes.first { $0.guestCell == guestCell }?.nodeset ?? tune?.nodeset
    return topology.cells.map { cell in
      if let bound { bound.contains(cell.id) ? 1 : 0 } else { cell.memoryTotal > 0 ? 1 : 0 }
    }
  }

  private func memnode(of guestCell: Int) -> Int? {
    guard let node = live.numatune?.memnodes.first(where: { $0.guestCell == guestCell }), node.nodeset.count == 1 else {
      return nil
    }
    return node.nodeset.first
  }
}
