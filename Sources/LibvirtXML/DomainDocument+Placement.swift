public import Fleet
public import NUMA

/// Writes placements into a domain document.
extension DomainDocument {
  /// The document with a shape and its placement written into it: memory, vcpus, pins, numatune with memnodes,
  /// guest topology, hugepages and iothreads. Everything else stays, byte by byte.
  ///
  /// Pins of an earlier placement are replaced, not added to. A shape of one guest cell gets `<numa>` and a memnode
  /// only when the document already has `<numa>` or the placement's numatune names memnodes, because a memnode takes
  /// live moves through libvirt away from a guest.
  ///
  /// - Parameter host: the chosen host; with it the guest sees the host's distances and hardware threads.
  /// - Throws: `conflict` when the document asks for other pages than the shape, or the placement misses a guest cell.
  public func merging(
    shape: Shape, placement: Placement, host: HostTopology? = nil
  ) throws(XMLError) -> DomainDocument {
    let places = try Self.places(shape, placement)
    let pinning = placement.pinning
    var topology = GuestTopology(shape, placement, host: host)
    let hasCells = shape.guestCells.count > 1 || !guestCells.isEmpty || !(pinning.numatune?.memnodes.isEmpty ?? true)
    if !hasCells { topology.cells = [] }
    // Distances that a guest already has are its ABI.
    if guestCells.count == topology.cells.count, guestCells.contains(where: { !$0.distances.isEmpty }) {
      for index in topology.cells.indices { topology.cells[index].distances = guestCells[index].distances }
    }
    var edit = DomainEdit(self)
    try edit.setMemory(shape.memory)
    try edit.setPageSize(shape.pageSize)
    let union = pinning.vcpus.reduce(into: CPUSet()) { $0.formUnion($1.cpuset) }
    edit.setVCPUs(shape.vcpus, defaultCPUSet: union.isEmpty ? nil : union)
    edit.setIOThreads(atLeast: shape.iothreads)
    edit.setPins(
      vcpus: pinning.vcpus, emulator: pinning.emulator, iothreads: pinning.iothreads, cputune: pinning.cputune)
    let nodes = NodeSet(places.map(\.cell))
    let memnodes = places.map { MemNode(guestCell: $0.guestCell, mode: shape.mode, nodeset: [$0.cell]) }
    edit.setNUMATune(
      pinning.numatune ?? NUMATune(mode: shape.mode, nodeset: nodes, memnodes: hasCells ? memnodes : []))
    try edit.setGuestTopology(topology)
    return try edit.finished()
  }

  /// The placement's cells, one for each guest cell that has memory.
  static func places(_ shape: Shape, _ placement: Placement) throws(XMLError) -> [GuestCellPlacement] {
    if let contradiction = shape.contradictions().first {
      throw XMLError(.conflict, in: "domain", contradiction)
    }
    var places: [GuestCellPlacement] = []
    for (index, cell) in shape.guestCells.enumerated() {
      guard let place = placement.cells.first(where: { $0.guestCell == index }) else {
        throw XMLError(.conflict, in: "domain", "the placement has no host cell for guest cell \(index)")
      }
      if cell.memory > 0 { places.append(place) }
    }
    return places
  }

  /// The document with what a pinning wishes: its pins, scheduler parameters and numatune; what it does not name
  /// stays. It is for the persistent definition, where libvirt has no call for a memnode.
  ///
  /// Without a numatune, `memory` says where guest cells go: as memnodes of a guest with guest cells, as the nodeset
  /// of one without; the mode stays, and is strict where there was none.
  ///
  /// - Throws: `conflict` when the wish names a vcpu, iothread or guest cell that the domain does not have.
  public func settingConfig(pinning wish: Pinning) throws(XMLError) -> DomainDocument {
    if let stray = wish.vcpus.first(where: { !(0..<vcpusMaximum).contains($0.vcpu) }) {
      throw XMLError(.conflict, in: "domain", "vcpu \(stray.vcpu) shall be pinned, the domain has \(vcpusMaximum)")
    }
    if let stray = wish.iothreads.first(where: { !iothreads.contains($0.iothread) }) {
      throw XMLError(
        .conflict, in: "domain", "iothread \(stray.iothread) shall be pinned, the domain has none of that id")
    }
    let vcpus = wish.vcpus + pinning.vcpus.filter { wish.cpuset(ofVCPU: $0.vcpu) == nil }
    let threads = wish.iothreads + pinning.iothreads.filter { wish.cpuset(ofIOThread: $0.iothread) == nil }
    var edit = DomainEdit(self)
    edit.setPins(
      vcpus: vcpus.sorted { $0.vcpu < $1.vcpu }, emulator: wish.emulator ?? pinning.emulator,
      iothreads: threads.sorted { $0.iothread < $1.iothread }, cputune: wish.cputune)
    let placed = try numatune(placing: wish.memory)
    if let tune = wish.numatune ?? placed {
      try checkMemnodes(tune)
      edit.setNUMATune(tune)
    }
    return try edit.finished()
  }

  /// The numatune with which the domain's next start puts guest cells on these host cells; nil when none is named.
  public func numatune(placing places: [GuestCellPlacement]) throws(XMLError) -> NUMATune? {
    guard !places.isEmpty else { return nil }
    var tune = pinning.numatune ?? NUMATune()
    let mode = tune.mode ?? tune.memnodes.first?.mode ?? .strict
    tune.automatic = false
    if guestCells.isEmpty {
      guard places.allSatisfy({ $0.guestCell == 0 }) else {
        throw XMLError(.conflict, in: "domain", "it has no guest cells, so only guest cell 0 can be placed")
      }
      return NUMATune(mode: mode, nodeset: NodeSet(places.map(\.cell)))
    }
    let kept = tune.memnodes.filter { memnode in !places.contains { $0.guestCell == memnode.guestCell } }
    let placed = places.map { place in
      let before = tune.memnodes.first { $0.guestCell == place.guestCell }
      return MemNode(guestCell: place.guestCell, mode: before?.mode ?? mode, nodeset: [place.cell])
    }
    let union = (kept + placed).reduce(into: NodeSet()) { $0.formUnion($1.nodeset) }
    let isComplete = guestCells.allSatisfy { cell in
      cell.memory == 0 || (kept + placed).contains { $0.guestCell == cell.id }
    }
    let nodeset = isComplete ? union : union.union(tune.nodeset ?? [])
    return NUMATune(mode: mode, nodeset: nodeset, memnodes: kept + placed)
  }

  func checkMemnodes(_ tune: NUMATune) throws(XMLError) {
    for memnode in tune.memnodes where !guestCells.contains(where: { $0.id == memnode.guestCell }) {
      throw XMLError(
        .conflict, in: "domain", "a memnode names guest cell \(memnode.guestCell), which the domain does not have")
    }
  }

  /// The smallest document of a new guest that libvirt can start: a shape's name and sizes, no disk, no network.
  ///
  /// - Parameters:
  ///   - type: `kvm`, `qemu` or `test`, see `CapabilitiesDocument.guestTypes`.
  ///   - architecture: the guest's, for example `x86_64`.
  public init(newGuest shape: Shape, type: String, architecture: String) throws(XMLError) {
    let os = XMLElement("os", [:], [XMLElement("type", ["arch": architecture], text: "hvm")])
    var parts = [
      XMLElement("name", text: shape.name),
      XMLElement("memory", ["unit": "KiB"], text: "\(shape.memory.count)"),
      XMLElement("vcpu", text: "\(shape.vcpus)"), os,
    ]
    // A guest of these finds its cells in ACPI tables only.
    if ["x86_64", "i686", "aarch64"].contains(architecture) {
      parts.append(XMLElement("features", [:], [XMLElement("acpi")]))
    }
    let domain = XMLLayout(unit: "  ").lay(XMLElement("domain", ["type": type], parts), depth: 0)
    var text: [UInt8] = []
    domain.write(into: &text, from: [])
    try self.init(parsing: String(decoding: text, as: UTF8.self) + "\n")
  }
}
