public import Fleet
import NUMA

/// Reads one process as the kernel shows it: threads with their masks, and where its pages are.
///
/// Threads cost one small file each and may be read every few seconds. Memory (`numa_maps`) walks the page tables of
/// the whole process under its mmap lock, so sample it rarely. A process that ends while it is read gives `gone`.
public struct ProcessReader: Sendable {
  let root: KernelRoot

  /// Listings of the threads until two agree; a process that starts threads faster is reported as last seen.
  static let listingsMaximum = 16

  /// A reader of the given machine, this one by default.
  public init(root: KernelRoot = .machine) { self.root = root }

  /// The run of a pid that lives now.
  public func incarnation(ofPID pid: Int) throws(KernelError) -> Incarnation {
    guard let stat = try ProcessStat(pid: pid, root: root), !stat.hasEnded else {
      throw .gone(Incarnation(pid: pid, startTicks: 0), call: "open /proc/\(pid)/stat")
    }
    return stat.incarnation
  }

  /// Whether that run of a process still lives; one small file.
  public func isAlive(_ incarnation: Incarnation) throws(KernelError) -> Bool {
    guard let stat = try ProcessStat(pid: incarnation.pid, root: root) else { return false }
    return stat.startTicks == incarnation.startTicks && !stat.hasEnded
  }

  /// The whole process. Without `memory`, `regions` and `residency` are empty and numa_maps is not read.
  public func observe(_ incarnation: Incarnation, memory: Bool = true) throws(KernelError) -> ProcessObservation {
    let call = "observe process \(incarnation.pid)"
    let stat = try ProcessStat(incarnation, root: root, call: call)
    let arguments = try root.arguments(ofPID: incarnation.pid)
    let (threads, amounts) = try readThreads(stat)
    let maps = memory ? try ProcessMemory(pid: incarnation.pid, root: root) : nil
    // Whatever was read in between may be another process's if this one has ended meanwhile.
    try ProcessStat(incarnation, root: root, call: call)
    return ProcessObservation(
      incarnation: incarnation, name: stat.comm, arguments: arguments, threads: threads,
      regions: maps?.regions ?? [], residency: maps?.residency ?? [], locked: amounts.locked,
      resident: amounts.resident)
  }

  /// Every thread with its role and masks, ascending by tid.
  public func threads(of incarnation: Incarnation) throws(KernelError) -> [GuestThread] {
    let call = "list the threads of process \(incarnation.pid)"
    let threads = try readThreads(ProcessStat(incarnation, root: root, call: call)).threads
    try ProcessStat(incarnation, root: root, call: call)
    return threads
  }

  /// Thread ids, ascending.
  func threadIDs(of incarnation: Incarnation) throws(KernelError) -> [Int] {
    guard let tids = root.numbersIfPresent("/proc/\(incarnation.pid)/task"), !tids.isEmpty else {
      throw .gone(incarnation, call: "list /proc/\(incarnation.pid)/task")
    }
    return tids
  }

  // MARK: Threads

  private struct Amounts {
    var locked: KiB = 0
    var resident: KiB = 0
  }

  private func readThreads(_ stat: ProcessStat) throws(KernelError) -> (threads: [GuestThread], amounts: Amounts) {
    let incarnation = stat.incarnation
    var masks = ThreadMasks()
    var threads: [GuestThread] = []
    var amounts = Amounts()
    var listed = try threadIDs(of: incarnation)
    for _ in 0..<Self.listingsMaximum {
      let known = threads
      threads = []
      for tid in listed {
        // A thread that was read in an earlier round is not read again.
        if let thread = known.first(where: { $0.tid == tid }) {
          threads.append(thread)
        } else if let thread = try readThread(tid, of: stat, &masks, &amounts) {
          threads.append(thread)
        }
      }
      let again = try threadIDs(of: incarnation)
      if again == listed { break }
      listed = again
    }
    let isMachine = stat.comm.hasPrefix("qemu") || threads.contains { $0.role != .worker }
    if isMachine {
      for index in threads.indices where threads[index].role == .worker { threads[index].role = .emulator }
    }
    return (threads, amounts)
  }

  /// One thread's status file; nil when the thread has ended.
  private func readThread(
    _ tid: Int, of stat: ProcessStat, _ masks: inout ThreadMasks, _ amounts: inout Amounts
  ) throws(KernelError) -> GuestThread? {
    let path = "/proc/\(stat.pid)/task/\(tid)/status"
    guard let bytes = try root.bytesIfPresent(path) else { return nil }
    var name = ""
    var cpus: CPUSet?
    var mems: NodeSet?
    for line in ByteLines(bytes) {
      switch line.first {
      case UInt8(ascii: "N"): if let value = line.value(of: "Name:") { name = value.text }
      case UInt8(ascii: "V"):
        if let value = line.value(of: "VmLck:") { amounts.locked = KiB(value.fields(limit: 1).first?.decimal ?? 0) }
        if let value = line.value(of: "VmRSS:") { amounts.resident = KiB(value.fields(limit: 1).first?.decimal ?? 0) }
      case UInt8(ascii: "C"):
        if let value = line.value(of: "Cpus_allowed_list:") { cpus = try masks.cpus(value, root, path) }
      case UInt8(ascii: "M"):
        if let value = line.value(of: "Mems_allowed_list:") { mems = try masks.mems(value, root, path) }
      default: continue
      }
    }
    guard let cpus else { throw .malformed(path, found: "no such line", expected: "Cpus_allowed_list") }
    // Kernels without cpusets have no Mems_allowed_list and one cell.
    return GuestThread(
      tid: tid, role: ThreadRole(threadName: name) ?? .worker, name: name, cpusAllowed: cpus, memsAllowed: mems ?? [0])
  }
}

/// The last masks parsed: threads of one process mostly share them, and parsing is what costs.
private struct ThreadMasks {
  private var cpusText: ArraySlice<UInt8> = []
  private var cpus: CPUSet = []
  private var memsText: ArraySlice<UInt8> = []
  private var mems: NodeSet = []

  mutating func cpus(_ text: ArraySlice<UInt8>, _ root: KernelRoot, _ path: String) throws(KernelError) -> CPUSet {
    if !text.elementsEqual(cpusText) {
      cpus = try root.parseList(text.text, path)
      cpusText = text
    }
    return cpus
  }

  mutating func mems(_ text: ArraySlice<UInt8>, _ root: KernelRoot, _ path: String) throws(KernelError) -> NodeSet {
    if !text.elementsEqual(memsText) {
      mems = try root.parseList(text.text, path)
      memsText = text
    }
    return mems
  }
}
