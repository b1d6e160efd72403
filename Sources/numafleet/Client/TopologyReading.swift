import ClusterConfig
import Fleet
import FoundationEssentials
import LibvirtXML
import NUMA

/// One kind of host, as a command's argument tells it.
struct HostKind {
  let topology: HostTopology

  /// From a file of `virsh capabilities` or of `numafleet topology -o json`, or from `2x44x180GiB`: so many cells, with
  /// so many CPUs and so much memory each.
  init(_ argument: String) throws(CommandFailure) {
    if let drawn = try Self.spelledOut(argument) {
      topology = drawn
      return
    }
    let text = try readText(argument, kind: "topology")
    let first = text.utf8.first { $0 != UInt8(ascii: " ") && $0 != UInt8(ascii: "\n") }
    if first == UInt8(ascii: "<") {
      do throws(XMLError) { topology = try CapabilitiesDocument(parsing: text).topology } catch {
        throw Self.unreadable(argument, error.description)
      }
    } else {
      topology = try Self.decoded(text, argument)
    }
    if let contradiction = topology.contradictions().first { throw Self.unreadable(argument, contradiction) }
    guard !topology.cells.isEmpty else { throw Self.unreadable(argument, "it has no cell") }
  }

  /// What `numafleet topology -o json` prints, of which the rest does not matter.
  private struct Document: Decodable {
    let topology: HostTopology
  }

  private static func decoded(_ text: String, _ file: String) throws(CommandFailure) -> HostTopology {
    do { return try JSONDecoder().decode(Document.self, from: Data(text.utf8)).topology } catch {
      throw unreadable(file, "it is neither libvirt's capabilities nor what numafleet topology -o json prints")
    }
  }

  private static func unreadable(_ file: String, _ why: String) -> CommandFailure {
    CommandFailure(
      file: "topology file \(file): \(why)",
      remedy: "write one with: virsh capabilities, or numafleet topology HOST -o json; or give a kind such as "
        + "2x44x180GiB", exit: .usage)
  }

  /// Nil for what is no kind but a path.
  private static func spelledOut(_ text: String) throws(CommandFailure) -> HostTopology? {
    let parts = text.split(separator: "x", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3, let cells = Int(parts[0]), let cpus = Int(parts[1]) else { return nil }
    guard (1...64).contains(cells), (1...1024).contains(cpus), let memory = try? KiB(parsing: String(parts[2])),
      memory > 0, memory <= KiB(gib: 65_536)
    else {
      throw CommandFailure(
        usage: "\(text) is no kind of host; write for example 2x44x180GiB: 1 to 64 cells, 1 to 1024 CPUs of each, and "
          + "the memory of each")
    }
    return HostTopology(cells: cells, cpus: cpus, memory: memory)
  }
}

extension HostTopology {
  /// Like cells, each at the same distance from any other; two hardware threads a core where the CPUs are even.
  fileprivate init(cells: Int, cpus: Int, memory: KiB) {
    let threads = cpus % 2 == 0 ? 2 : 1
    let pcpus = (0..<cells * cpus).map { cpu in
      let core = cpu / threads * threads
      return PCPU(
        id: cpu, cell: cpu / cpus, socket: cpu / cpus, die: 0, core: cpu % cpus / threads,
        siblings: CPUSet(core...(core + threads - 1)))
    }
    self.init(
      cells: (0..<cells).map { cell in
        Cell(id: cell, memoryTotal: memory, memoryFree: memory, cpus: CPUSet(cell * cpus...((cell + 1) * cpus - 1)))
      }, pcpus: pcpus,
      distances: DistanceMatrix(
        ids: Array(0..<cells), rows: (0..<cells).map { from in (0..<cells).map { $0 == from ? 10 : 21 } }))
  }
}
