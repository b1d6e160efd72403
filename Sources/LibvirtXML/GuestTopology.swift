import Fleet
import NUMA

/// The guest's own view of CPUs and cells that a shape on a placement has: sockets, cores, threads, guest cells.
///
/// It is part of the guest's ABI: made once for a new guest, kept where a document already states it.
struct GuestTopology {
  var vcpus: Int
  var sockets: Int
  var threads: Int
  /// Guest cells with consecutive vcpus; distances where the host's are known and there is more than one cell.
  var cells: [GuestCell]

  var cores: Int { vcpus / (sockets * threads) }

  /// - Parameter host: the chosen host, for its distances and hardware threads; without it cores have one thread.
  init(_ shape: Shape, _ placement: Placement, host: HostTopology?) {
    vcpus = shape.vcpus
    var next = 0
    cells = shape.guestCells.enumerated().map { index, cell in
      defer { next += cell.vcpus }
      return GuestCell(id: index, vcpus: CPUSet(next..<(next + cell.vcpus)), memory: cell.memory)
    }
    let counts = shape.guestCells.map(\.vcpus).filter { $0 > 0 }
    sockets = counts.allSatisfy { $0 == counts[0] } ? max(counts.count, 1) : 1
    threads = Self.threads(shape, placement, host: host)
    if counts.contains(where: { $0 % threads != 0 }) { threads = 1 }
    if let host, cells.count > 1 { addDistances(placement, host: host) }
  }

  /// Hardware threads a core when the vcpus of a dedicated guest are pinned to whole cores in order, else 1.
  private static func threads(_ shape: Shape, _ placement: Placement, host: HostTopology?) -> Int {
    guard let host, shape.cpuClass == .dedicated, shape.smt != .isolate else { return 1 }
    let pins = placement.pinning.vcpus
    guard pins.count == shape.vcpus, pins.allSatisfy({ $0.cpuset.count == 1 }), let first = pins.first?.cpuset.first,
      let count = host.pcpu(first)?.siblings.count, count > 1, pins.count % count == 0
    else { return 1 }
    let areWholeCores = stride(from: 0, to: pins.count, by: count).allSatisfy { start in
      let core = pins[start..<(start + count)].reduce(into: CPUSet()) { $0.formUnion($1.cpuset) }
      return host.pcpu(pins[start].cpuset.first ?? -1)?.siblings == core
    }
    return areWholeCores ? count : 1
  }

  private mutating func addDistances(_ placement: Placement, host: HostTopology) {
    let places = placement.cells
    for index in cells.indices {
      guard let from = places.first(where: { $0.guestCell == cells[index].id })?.cell else { return }
      cells[index].distances = cells.compactMap { other in
        guard let to = places.first(where: { $0.guestCell == other.id })?.cell else { return nil }
        // libvirt takes 10 for the cell itself only, and 255 means unreachable.
        let value = other.id == cells[index].id ? 10 : min(max(host.distance(from: from, to: to), 11), 254)
        return GuestCellDistance(to: other.id, value: value)
      }
    }
  }

  /// `<topology>` as libvirt writes it.
  var element: XMLElement {
    XMLElement("topology", ["sockets": "\(sockets)", "dies": "1", "cores": "\(cores)", "threads": "\(threads)"])
  }

  /// The number of vcpus that a `<topology>` multiplies to; nil without one.
  static func vcpus(of topology: XMLElement?) -> Int? {
    guard let topology else { return nil }
    return ["sockets", "dies", "clusters", "cores", "threads"].reduce(Int?.some(1)) { product, name in
      guard let product, let factor = Int(topology[name] ?? "1") else { return nil }
      let (result, overflow) = product.multipliedReportingOverflow(by: factor)
      return overflow ? nil : result
    }
  }
}
