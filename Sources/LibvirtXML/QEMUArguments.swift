public import Fleet
public import NUMA

/// The QEMU arguments that give a guest the same CPUs, memory and cells as the libvirt XML of its placement.
///
/// QEMU pins no threads by itself: whoever starts it with these pins its vcpus afterwards.
public struct QEMUArguments: Sendable, Hashable {
  /// The arguments in order, for `qemu-system-*`.
  public let arguments: [String]

  /// - Parameter host: the chosen host; with it the guest sees the host's distances and hardware threads.
  /// - Throws: `conflict` when the placement misses a guest cell.
  public init(shape: Shape, placement: Placement, host: HostTopology? = nil) throws(XMLError) {
    let places = try DomainDocument.places(shape, placement)
    let topology = GuestTopology(shape, placement, host: host)
    var result = [
      "-smp", "\(shape.vcpus),sockets=\(topology.sockets),dies=1,cores=\(topology.cores),threads=\(topology.threads)",
      "-m", "size=\(shape.memory.count)k",
    ]
    for id in 0..<shape.iothreads { result += ["-object", "iothread,id=iothread\(id + 1)"] }
    for cell in topology.cells {
      var node = "node,nodeid=\(cell.id)"
      for range in cell.vcpus.description.split(separator: ",") { node += ",cpus=\(range)" }
      if cell.memory > 0 {
        let memnode = placement.pinning.numatune?.memnodes.first { $0.guestCell == cell.id }
        let place = places.first { $0.guestCell == cell.id }
        let nodeset = memnode?.nodeset ?? placement.pinning.numatune?.nodeset ?? NodeSet(place.map { [$0.cell] } ?? [])
        let mode = memnode?.mode ?? placement.pinning.numatune?.mode ?? shape.mode
        result += ["-object", Self.backend(cell, pageSize: shape.pageSize, mode: mode, nodeset: nodeset)]
        node += ",memdev=ram-node\(cell.id)"
      }
      result += ["-numa", node]
    }
    for cell in topology.cells {
      for distance in cell.distances where distance.to != cell.id {
        result += ["-numa", "dist,src=\(cell.id),dst=\(distance.to),val=\(distance.value)"]
      }
    }
    arguments = result
  }

  /// For a shell: one option with its value a line, joined by backslashes.
  public var text: String {
    stride(from: 0, to: arguments.count, by: 2).map {
      arguments[$0..<min($0 + 2, arguments.count)].joined(separator: " ")
    }
    .joined(separator: " \\\n")
  }

  /// The memory backend of one guest cell. As under libvirt, restrictive leaves the policy to the cpuset.
  private static func backend(_ cell: GuestCell, pageSize: PageSize, mode: NUMAMode, nodeset: NodeSet) -> String {
    var text = pageSize > .base ? "memory-backend-memfd" : "memory-backend-ram"
    text += ",id=ram-node\(cell.id),size=\(cell.memory.count)k"
    if pageSize > .base { text += ",hugetlb=on,hugetlbsize=\(pageSize.kib)k,share=off,prealloc=on" }
    guard mode != .restrictive, !nodeset.isEmpty else { return text }
    for range in nodeset.description.split(separator: ",") { text += ",host-nodes=\(range)" }
    let policy = mode == .strict ? "bind" : mode.rawValue
    return text + ",policy=\(policy)"
  }
}
