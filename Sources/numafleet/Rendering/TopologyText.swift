import Fleet
import NUMA

/// A host's topology, first as `numactl --hardware` prints it, then what that leaves out.
struct TopologyText {
  let view: HostView
  private var topology: HostTopology { view.topology }

  init(_ view: HostView) { self.view = view }

  var text: String {
    let parts = [hardware, processors, caches, pages, devices, settings, sources]
    return parts.filter { !$0.isEmpty }.joined(separator: "\n\n")
  }

  /// The lines of `numactl --hardware`, whose MB are MiB.
  private var hardware: String {
    let cells = topology.cells
    var lines = ["available: \(cells.count) nodes (\(topology.nodes))"]
    for cell in cells {
      lines.append("node \(cell.id) cpus:" + cell.cpus.members.map { " \($0)" }.joined())
      lines.append("node \(cell.id) size: \(cell.memoryTotal.mib) MB")
      lines.append("node \(cell.id) free: \(cell.memoryFree.mib) MB")
    }
    guard let distances = topology.distances else {
      return (lines + ["No distance information available."]).joined(separator: "\n")
    }
    lines.append("node distances:")
    lines.append("node" + distances.ids.map { padded($0, 4) }.joined())
    for (id, row) in zip(distances.ids, distances.rows) {
      lines.append(padded(id, 3) + ":" + row.map { padded($0, 4) }.joined())
    }
    return lines.joined(separator: "\n")
  }

  private func padded(_ number: Int, _ width: Int) -> String {
    let digits = "\(number)"
    return String(repeating: " ", count: max(0, width - digits.count)) + digits
  }

  private var processors: String {
    var table = Table("SOCKET", "DIE", "NODES", "CPUS", ">CORES", "SIBLINGS")
    var seen: [[Int]] = []
    for cpu in topology.pcpus where !seen.contains([cpu.socket, cpu.die]) { seen.append([cpu.socket, cpu.die]) }
    for key in seen.sorted(by: { $0.lexicographicallyPrecedes($1) }) {
      let cpus = topology.pcpus.filter { [$0.socket, $0.die] == key }
      let set = CPUSet(cpus.map(\.id))
      var cores: [CPUSet] = []
      for cpu in cpus where !cores.contains(cpu.siblings) { cores.append(cpu.siblings) }
      let siblings = cores.contains { $0.count > 1 } ? cores.map { "(\($0))" }.joined(separator: " ") : "none"
      table.add("\(key[0])", "\(key[1])", "\(topology.nodes(of: set))", "\(set)", "\(cores.count)", siblings)
    }
    return table.text(empty: "")
  }

  private var caches: String {
    var table = Table("L3", ">SIZE", "CPUS", "NODES")
    for group in topology.l3Groups {
      table.add("\(group.id)", "\(group.size)", "\(group.cpus)", "\(topology.nodes(of: group.cpus))")
    }
    return table.text(empty: "")
  }

  private var pages: String {
    var table = Table("NODE", ">PAGE SIZE", ">PAGES", ">FREE", ">FREE MiB")
    for cell in topology.cells {
      for pool in cell.pages {
        let free = pool.free * pool.size.kib / 1024
        table.add("\(cell.id)", "\(pool.size)", "\(pool.total)", "\(pool.free)", "\(free)")
      }
    }
    return table.text(empty: "")
  }

  private var devices: String {
    var table = Table("DEVICE", "NODE", "CLASS", "VENDOR:DEVICE", "DRIVER")
    for device in topology.devices {
      let kind = PCIClass(device.classID).words
      let ids = [device.vendor, device.device].map { $0.hasPrefix("0x") ? String($0.dropFirst(2)) : $0 }
      table.add(
        device.address, device.cell.map(String.init) ?? "", kind, ids.joined(separator: ":"), device.driver ?? "")
    }
    return table.text(empty: "")
  }

  private var settings: String {
    let facts = view.facts
    var rows: [(String, String)] = [
      ("host", "\(view.id), \(view.liveness.rawValue), last heard \(span(milliseconds: view.ageMilliseconds)) ago"),
      ("cpus for guests", "\(topology.allowed)"),
      ("cpus offline", topology.offline.isEmpty ? "none" : "\(topology.offline)"),
      ("cpus isolated", topology.isolated.isEmpty ? "none" : "\(topology.isolated)"),
      ("cpus nohz_full", topology.nohzFull.isEmpty ? "none" : "\(topology.nohzFull)"),
      ("kernel", facts.kernelVersion),
      ("libvirt", facts.libvirtVersion.map { "\($0)\(libvirtState)" } ?? "not used"),
      ("libvirt URI", facts.libvirtURI ?? "none"),
      ("QEMU", facts.qemuVersion ?? "not known"),
      ("cgroup version", facts.cgroupVersion.map(String.init) ?? "no cpuset controller"),
      ("NUMA balancing", facts.numaBalancing.map { $0 == 0 ? "off" : "on (\($0))" } ?? "not in this kernel"),
      ("KSM", facts.ksm.map(Self.words) ?? "not in this kernel"),
      ("other balancers", facts.foreignBalancers.isEmpty ? "none" : facts.foreignBalancers.joined(separator: ", ")),
    ]
    if let contradiction = topology.contradictions().first { rows.append(("contradiction", contradiction)) }
    return fields(rows)
  }

  private var libvirtState: String {
    switch view.libvirtAnswers {
    case true?: ""
    case false?: ", does not answer"
    case nil: ""
    }
  }

  private static func words(_ ksm: KSMState) -> String {
    let run = ["stopped", "running", "unmerging"]
    let state = run.indices.contains(ksm.run) ? run[ksm.run] : "run=\(ksm.run)"
    return "\(state), merge_across_nodes=\(ksm.mergeAcrossNodes ? 1 : 0), \(ksm.pagesShared) pages shared"
      + (ksm.saved.map { ", \($0) saved" } ?? "")
  }

  private var sources: String {
    var table = Table("PART", "SOURCE")
    for note in view.facts.sources { table.add(note.part, note.source) }
    return table.text(empty: "")
  }
}

/// Names before values, the values aligned.
func fields(_ rows: [(String, String)]) -> String {
  let width = rows.map(\.0.count).max() ?? 0
  return rows.map { name, value in
    "\(name):\(String(repeating: " ", count: width - name.count + 1))\(printable(value))".trimmingTrailingBlanks()
  }.joined(separator: "\n")
}

/// The class code of a PCI device (`0x020000`) in a word.
struct PCIClass {
  let words: String

  init(_ code: String) {
    let digits = code.hasPrefix("0x") ? code.dropFirst(2) : code[...]
    // The base classes of the PCI Code and ID Assignment Specification that matter for placement.
    let known: [(String, String)] = [
      ("0108", "NVMe"), ("0101", "IDE"), ("0106", "SATA"), ("01", "storage"), ("0207", "InfiniBand"), ("02", "network"),
      ("03", "display"), ("04", "multimedia"), ("05", "memory"), ("06", "bridge"), ("07", "communication"),
      ("08", "system"), ("0c03", "USB"), ("0c", "serial bus"), ("0b", "processor"), ("10", "encryption"),
      ("12", "accelerator"), ("00", "unclassified"),
    ]
    words = known.first { digits.lowercased().hasPrefix($0.0) }?.1 ?? code
  }
}
