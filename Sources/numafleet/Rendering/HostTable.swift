import Fleet
import NUMA

/// `host list`: one line a host.
struct HostTable {
  let hosts: [HostView]

  var text: String {
    var table = Table("HOST", "STATE", ">NODES", ">CPUS", ">MiB", ">FREE MiB", ">GUESTS", "LIBVIRT", "KERNEL", ">HEARD")
    for host in hosts {
      let total = host.topology.cells.reduce(KiB(0)) { $0 + $1.memoryTotal }
      let free = host.topology.cells.reduce(KiB(0)) { $0 + $1.memoryFree }
      let libvirt = host.facts.libvirtVersion.map { host.libvirtAnswers == false ? "\($0) down" : $0 } ?? "none"
      table.add(
        host.id.text, host.state, "\(host.topology.cells.count)", "\(host.topology.pcpus.count)",
        "\(total.mib)", "\(free.mib)", "\(host.guests.count)", libvirt, host.facts.kernelVersion,
        span(milliseconds: host.ageMilliseconds))
    }
    return table.text(
      empty: "no host has reported; start numafleet-agent there with a key that was authorized as agent")
  }
}

/// `host show`: each cell with the guests on it.
struct HostText {
  let host: HostView

  var text: String {
    let libvirt = host.facts.libvirtVersion.map { host.libvirtAnswers == false ? "\($0), does not answer" : $0 }
    let about = fields([
      ("host", host.id.text), ("state", host.state),
      ("last heard", "\(span(milliseconds: host.ageMilliseconds)) ago"), ("kernel", host.facts.kernelVersion),
      ("libvirt", libvirt ?? "not used"), ("cpus for guests", "\(host.topology.allowed)"),
    ])
    let placed = host.guests.map { PlacedGuest(host: host.id, guest: $0) }
    return [about, cells, claims, GuestTable(guests: placed).text].filter { !$0.isEmpty }.joined(separator: "\n\n")
  }

  private var cells: String {
    var table = Table("NODE", "CPUS", ">MiB", ">FREE MiB", ">GUEST MiB", "GUESTS WITH MEMORY THERE")
    for cell in host.topology.cells {
      let here = host.guests.compactMap { guest in
        guest.mibByCell.first { $0.cell == cell.id && $0.mib > 0 }.map { (guest.name, $0.mib) }
      }
      let names = here.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
      let sum = here.reduce(0) { $0 + $1.1 }
      table.add(
        "\(cell.id)", "\(cell.cpus)", "\(cell.memoryTotal.mib)", "\(cell.memoryFree.mib)", "\(sum)", names)
    }
    return table.text(empty: "it has told of no node yet")
  }

  private var claims: String {
    var table = Table(">JOB", "GUEST", "CLAIMED CPUS", "CLAIMED MEMORY")
    for claim in host.claims {
      let memory = claim.memory.map { "\($0.amount) of \($0.pageSize) on node \($0.cell)" }.joined(separator: ", ")
      table.add("\(claim.job)", claim.guest.text, "\(claim.dedicated)", memory)
    }
    return table.text(empty: "")
  }
}

extension HostView {
  /// Whether it is heard of, and whether it takes new guests.
  fileprivate var state: String {
    let hearing = foreignTerm.map { "obeys another coordinator (term \($0))" } ?? liveness.rawValue
    return draining ? "\(hearing), draining" : hearing
  }
}
