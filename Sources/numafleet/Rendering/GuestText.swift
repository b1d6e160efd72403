import Fleet
import NUMA

/// `guest show`: everything that is known of one guest.
struct GuestText {
  let placed: PlacedGuest
  private var guest: Guest { placed.guest }

  init(_ placed: PlacedGuest) { self.placed = placed }

  var text: String {
    [about, cells, pinning, threads, memory, regions].filter { !$0.isEmpty }.joined(separator: "\n\n")
  }

  private var about: String {
    let kind: String
    switch guest.kind {
    case .domain(let type): kind = "libvirt domain, \(type)\(guest.persistent ? "" : ", transient")"
    case .process(let rule): kind = "process, found by rule \(rule)"
    }
    return fields([
      ("guest", guest.name), ("id", guest.id.text), ("host", placed.host.text), ("kind", kind),
      ("state", guest.state.rawValue), ("process", guest.incarnation.map { "pid \($0.pid)" } ?? "none"),
      ("vcpus", "\(GuestWords.vcpus(guest)), online \(guest.vcpusOnline.isEmpty ? "none" : "\(guest.vcpusOnline)")"),
      ("memory", "\(guest.memory.mib) MiB in pages of \(guest.pageSize)\(guest.locked ? ", locked" : "")"),
      ("devices", guest.vfio.isEmpty ? "none passed through" : guest.vfio.joined(separator: ", ")),
      ("movability", "\(guest.movability.class.rawValue): \(guest.movability.reason)"), ("wanted", wanted),
    ])
  }

  private var wanted: String {
    switch placed.wish?.origin {
    case .placed(let job)?: "as job \(job) placed it"
    case .adopted(let actor)?: "as \(actor) adopted it"
    case nil: "as it is: numafleet has not placed this run of it"
    }
  }

  private var cells: String {
    var table = Table("GUEST CELL", "VCPUS", ">MiB", "MEMORY ON NODE", "DISTANCES")
    let cells = guest.live.memory.isEmpty ? guest.guestCells : guest.cellsToPlace
    for cell in cells {
      let distances = cell.distances.map { "\($0.to):\($0.value)" }.joined(separator: " ")
      let node = guest.live.cell(ofGuestCell: cell.id).map(String.init) ?? ""
      table.add("\(cell.id)", "\(cell.vcpus)", "\(cell.memory.mib)", node, distances)
    }
    return table.text(empty: "")
  }

  /// Four layers side by side; a `*` marks a line on which two that should agree do not.
  private var pinning: String {
    var table = Table("", "RECORD", "WANTED", "CONFIG", "LIVE", "KERNEL")
    for row in PlacementLayers(placed).rows {
      let config = guest.config == nil ? "no config" : row.config
      table.add(row.differs ? "*" : " ", row.record, row.wanted, config, row.live, row.kernel)
    }
    if let cpuset = guest.defaultCPUSet { table.add(" ", "vcpu cpuset (default)", "", "", "\(cpuset)", "") }
    return table.text(empty: "")
  }

  private var threads: String {
    var table = Table("THREAD", ">TID", "NAME", "Cpus_allowed_list", "Mems_allowed_list")
    for thread in guest.threads {
      table.add(
        thread.role.words, "\(thread.tid)", thread.name, "\(thread.cpusAllowed)", "\(thread.memsAllowed)")
    }
    return table.text(empty: "")
  }

  private var memory: String {
    var table = Table("NODE", ">PAGE SIZE", ">PAGES", ">MiB")
    for part in guest.residency where part.pages > 0 {
      let mib = part.pages * part.pageSize.kib / 1024
      table.add("\(part.cell)", "\(part.pageSize)", "\(part.pages)", "\(mib)")
    }
    return table.text(empty: "")
  }

  private var regions: String {
    var table = Table("REGION", ">MiB", "GUEST CELL", "POLICY", "MiB ON NODE")
    for region in guest.regions {
      let parts = region.residency.filter { $0.pages > 0 }
      let residency = parts.map { "\($0.cell):\($0.pages * $0.pageSize.kib / 1024)" }.joined(separator: " ")
      table.add(
        "0x" + String(region.start, radix: 16), "\(region.size.mib)", region.guestCell.map(String.init) ?? "",
        region.policy, residency)
    }
    return table.text(empty: "")
  }
}

extension ThreadRole {
  /// `vcpu 0`, `iothread 1`, `emulator`, `worker`.
  var words: String {
    switch self {
    case .vcpu(let id): "vcpu \(id)"
    case .iothread(let id): "iothread \(id)"
    case .emulator: "emulator"
    case .worker: "worker"
    }
  }
}
