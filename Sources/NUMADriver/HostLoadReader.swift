public import Fleet
public import NUMA

/// Reads how busy the host and its cells are: pressure, CPU time, page cache and memory traffic.
///
/// Time and traffic are counters, so a load is what lies between two looks; the kernel averages pressure itself.
public struct HostLoadReader: Sendable {
  let root: KernelRoot

  /// A reader of the given machine, this one by default.
  public init(root: KernelRoot = .machine) { self.root = root }

  /// Counters at one moment.
  public struct Counters: Sendable, Hashable {
    /// Clock ticks of each CPU since boot, ascending by CPU.
    var cpus: [CPUTime] = []
    /// Bytes of each L3 cache's CPUs since boot, ascending by cache.
    var traffic: [CacheTraffic] = []
  }

  struct CPUTime: Sendable, Hashable {
    var cpu: Int
    var busy: Int
    var total: Int
  }

  struct CacheTraffic: Sendable, Hashable {
    var cache: Int
    var bytes: Int
  }

  /// The counters now: one file, and a few of resctrl where it is mounted.
  public func counters() throws(KernelError) -> Counters {
    Counters(cpus: try readCPUTimes(), traffic: try readTraffic())
  }

  /// The load between two looks that lie so far apart; without an earlier one, what needs no two.
  public func load(
    of topology: HostTopology, since earlier: Counters?, until now: Counters, milliseconds: Int
  ) throws(KernelError) -> HostLoad {
    let memory = try readPressure("memory")
    var cells: [CellLoad] = []
    for cell in topology.cells {
      let cache = try KernelTopology(root: root).fileCache(ofCell: cell.id)
      cells.append(
        CellLoad(
          cell: cell.id, busy: earlier.flatMap { Self.busy(cell.cpus, $0, now) }, fileCache: cache,
          bandwidth: earlier.flatMap { Self.bandwidth(cell, topology, $0, now, milliseconds) }))
    }
    return HostLoad(
      cpuPressure: try readPressure("cpu").some, memoryPressure: memory.some, memoryStalled: memory.full, cells: cells)
  }

  private static func busy(_ cpus: CPUSet, _ earlier: Counters, _ now: Counters) -> Int? {
    var (busy, total) = (0, 0)
    for time in now.cpus where cpus.contains(time.cpu) {
      guard let before = earlier.cpus.first(where: { $0.cpu == time.cpu }) else { continue }
      // A CPU that was offline in between begins anew, and idle time is known to go back by a tick.
      busy += max(time.busy - before.busy, 0)
      total += max(time.total - before.total, 0)
    }
    return total > 0 ? min(busy * 100 / total, 100) : nil
  }

  private static func bandwidth(
    _ cell: Cell, _ topology: HostTopology, _ earlier: Counters, _ now: Counters, _ milliseconds: Int
  ) -> Int? {
    guard milliseconds > 0 else { return nil }
    var bytes: Int?
    for group in topology.l3Groups where !group.cpus.isEmpty && group.cpus.isSubset(of: cell.cpus) {
      guard let after = now.traffic.first(where: { $0.cache == group.id }),
        let before = earlier.traffic.first(where: { $0.cache == group.id })
      else { continue }
      // Groups come and go with their counts, and counters begin anew.
      bytes = (bytes ?? 0) + max(after.bytes - before.bytes, 0)
    }
    return bytes.map { $0 / 1024 * 1000 / milliseconds / 1024 }
  }

  // MARK: Files

  /// `some avg10=1.53 avg60=…` and `full …`, in whole percent; nil where the kernel has no PSI.
  private func readPressure(_ resource: String) throws(KernelError) -> (some: Int?, full: Int?) {
    // Kernels started with psi=0 have the files and refuse to read them.
    guard let bytes = try? root.bytesIfPresent("/proc/pressure/\(resource)") else { return (nil, nil) }
    var (some, full): (Int?, Int?) = (nil, nil)
    for line in ByteLines(bytes) {
      let fields = line.fields(limit: 2)
      guard fields.count == 2, let value = fields[1].value(of: "avg10=") else { continue }
      let percent = value.split(separator: UInt8(ascii: ".")).first.flatMap { $0.decimal }.map { min($0, 100) }
      if fields[0].elementsEqual("some".utf8) { some = percent }
      if fields[0].elementsEqual("full".utf8) { full = percent }
    }
    return (some, full)
  }

  private func readCPUTimes() throws(KernelError) -> [CPUTime] {
    var times: [CPUTime] = []
    for line in ByteLines(try root.bytesIfPresent("/proc/stat", expecting: 1 << 14) ?? []) {
      // cpu0 user nice system idle iowait irq softirq steal guest guest_nice; guest time is part of user time.
      let fields = line.fields(limit: 9)
      guard let name = fields.first, name.starts(with: "cpu".utf8) else { break }
      guard let cpu = name.dropFirst(3).decimal else { continue }
      let ticks = fields.dropFirst().map { $0.decimal ?? 0 }
      guard ticks.count >= 4 else { continue }
      let total = ticks.reduce(0, +)
      let idle = ticks[3] + (ticks.count > 4 ? ticks[4] : 0)
      times.append(CPUTime(cpu: cpu, busy: total - idle, total: total))
    }
    return times
  }

  /// The bytes of all monitoring groups: a control group's count has its monitoring groups' in it.
  private func readTraffic() throws(KernelError) -> [CacheTraffic] {
    let top = "/sys/fs/resctrl"
    var traffic: [CacheTraffic] = []
    guard root.exists("\(top)/mon_data") else { return [] }
    for group in [""] + (try root.entriesIfPresent(top) ?? []).map({ "/\($0)" }) {
      guard group != "/mon_data", group != "/mon_groups", group != "/info" else { continue }
      for domain in try root.entriesIfPresent("\(top)\(group)/mon_data") ?? [] {
        // mon_L3_00; where the hardware cannot count now, the text is Unavailable or Error.
        guard domain.hasPrefix("mon_L3_"), let cache = Int(domain.dropFirst(7)),
          let text = try root.textIfPresent("\(top)\(group)/mon_data/\(domain)/mbm_total_bytes"),
          let bytes = Int(text), bytes >= 0
        else { continue }
        if let index = traffic.firstIndex(where: { $0.cache == cache }) {
          traffic[index].bytes = traffic[index].bytes.addingReportingOverflow(bytes).partialValue
        } else {
          traffic.append(CacheTraffic(cache: cache, bytes: bytes))
        }
      }
    }
    return traffic.sorted { $0.cache < $1.cache }
  }
}
