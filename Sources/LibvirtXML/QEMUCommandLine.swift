public import Fleet
public import NUMA

/// The arguments of a running QEMU (`/proc/PID/cmdline`), read for vcpus, memory, guest cells and their binding.
///
/// It serves the guests that libvirt does not know, and libvirt's own while it does not answer: plain
/// `key=value` options and the JSON that libvirt writes are understood. Unknown options are skipped.
public struct QEMUCommandLine: Sendable, Hashable {
  /// `-name`, `guest=`.
  public let name: String?
  /// `-uuid`.
  public let uuid: String?
  /// `-smp maxcpus=`: vcpus that may be plugged.
  public let vcpusMaximum: Int
  /// Vcpus that are there from the start.
  public let vcpusOnline: CPUSet
  /// `-m`; QEMU's default of 128 MiB without it.
  public let memory: KiB
  /// `-numa node`, ascending by id.
  public let guestCells: [GuestCell]
  /// `-object memory-backend-*`, in order.
  public let backends: [MemoryBackend]
  /// The page size of the largest backend, else of `-mem-path`.
  public let pageSize: PageSize
  /// What the backends' policies bind: memnodes for guest cells, the nodeset for a guest without; nil without any.
  public let numatune: NUMATune?
  /// Ids of `-object iothread`, in order.
  public let iothreads: [String]
  /// PCI addresses of `-device vfio-pci`, and `mdev:` with the path's last part for mediated devices.
  public let vfio: [String]
  /// `-overcommit mem-lock=on`.
  public let locked: Bool
  /// `-accel` or `-machine accel=`: `kvm` or `tcg`; nil where QEMU chooses.
  public let accelerator: String?

  /// One `-object memory-backend-*`.
  public struct MemoryBackend: Sendable, Hashable {
    /// `id`, unique within the guest.
    public let id: String
    /// `memory-backend-ram`, `-memfd` or `-file`.
    public let type: String
    /// `size`.
    public let size: KiB
    /// `host-nodes`; empty without a policy.
    public let hostNodes: NodeSet
    /// `policy` as a mode of libvirt: `bind` is strict; nil for the default policy.
    public let mode: NUMAMode?
    /// `hugetlbsize`; 2 MiB, x86-64's default, for hugetlb without a size or a file under /dev/hugepages.
    public let pageSize: PageSize
    /// `share=on`, the default of memfd.
    public let shared: Bool
  }

  /// Whether other processes may map the guest's memory.
  public var sharedMemory: Bool { backends.contains(where: \.shared) }

  /// Whether these are the arguments of a QEMU system emulator.
  public static func isQEMU(_ arguments: [String]) -> Bool {
    guard let program = arguments.first?.split(separator: "/").last else { return false }
    return program.hasPrefix("qemu-system-") || program == "qemu-kvm" || program == "kvm"
  }

  /// Reads arguments; the first is the program.
  public init(parsing arguments: [String]) throws(QEMUCommandLineError) {
    let options = Options(arguments)
    name = try options.parsed("name", implied: "guest")?["guest"]
    uuid = options.last("uuid")
    let smp = try SMP(options.last("smp"))
    vcpusMaximum = smp.maximum
    vcpusOnline = CPUSet(0..<smp.cpus)
    let size = try options.parsed("m", implied: "size")?["size"]
    memory =
      try size.map { (text) throws(QEMUCommandLineError) in try Self.memory(text, unit: 1 << 20) } ?? KiB(mib: 128)
    var backends: [MemoryBackend] = []
    var iothreads: [String] = []
    for text in options.all("object") {
      let object = try QEMUOption(text, implied: "qom-type")
      guard let type = object["qom-type"], let id = object["id"] else { continue }
      if type == "iothread" { iothreads.append(id) }
      if type.hasPrefix("memory-backend-") { backends.append(try MemoryBackend(object, type: type, id: id)) }
    }
    self.backends = backends
    pageSize =
      backends.max { $0.size < $1.size }?.pageSize ?? MemoryBackend.pageSize(ofPath: options.last("mem-path"))
    self.iothreads = iothreads
    let numa = try QEMUNUMA(options.all("numa"), smp: smp, backends: backends, memory: memory)
    guestCells = numa.cells
    let machine = try options.parsed("machine", implied: "type")
    numatune = numa.numatune(backends, whole: machine?["memory-backend"])
    accelerator = try options.parsed("accel", implied: "accel")?["accel"] ?? machine?["accel"]
    vfio = try Self.hostDevices(options.all("device"))
    let lock = try options.parsed("overcommit", implied: "")?["mem-lock"]
    locked = lock == "on" || options.last("realtime") == "mlock=on"
  }

  private static func hostDevices(_ devices: [String]) throws(QEMUCommandLineError) -> [String] {
    var found: [String] = []
    for text in devices {
      let device = try QEMUOption(text, implied: "driver")
      guard device["driver"]?.hasPrefix("vfio-") == true else { continue }
      if let host = device["host"] {
        found.append(host.split(separator: ":").count == 2 ? "0000:" + host : host)
      } else if let path = device["sysfsdev"]?.split(separator: "/").last {
        found.append(path.utf8.count == 36 ? "mdev:\(path)" : String(path))
      }
    }
    return found
  }

  /// A size with an optional suffix (b, k, M, G, T), in bytes of `unit` without one.
  static func memory(_ text: String, unit: Int) throws(QEMUCommandLineError) -> KiB {
    var digits = text[...]
    var factor = unit
    if let suffix = text.last, !suffix.isNumber {
      guard let power = ["b", "k", "m", "g", "t"].firstIndex(of: suffix.lowercased()) else {
        throw QEMUCommandLineError("\"\(text.prefix(40))\" is not a size")
      }
      digits = text.dropLast()
      factor = 1 << (10 * power)
    }
    let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
    guard (1...2).contains(parts.count), let whole = Int(parts[0]), whole >= 0 else {
      throw QEMUCommandLineError("\"\(text.prefix(40))\" is not a size")
    }
    let (bytes, overflow) = whole.multipliedReportingOverflow(by: factor)
    guard !overflow, bytes <= XMLReader.bytesMaximum else {
      throw QEMUCommandLineError("\"\(text.prefix(40))\" is more than any machine has")
    }
    // Sizes such as 1.5G: three decimal places are as many as anybody writes.
    let thousandths = parts.count == 2 ? Int(String(parts[1].prefix(3)).padded(to: 3)) ?? 0 : 0
    return KiB((bytes + factor / 1000 * thousandths + 1023) / 1024)
  }
}

/// Why arguments of a QEMU process could not be read.
public struct QEMUCommandLineError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What is wrong, without a final period.
  public let message: String
  init(_ message: String) { self.message = message }
  /// One line that says what could not be read.
  public var description: String { "the QEMU arguments cannot be read: \(message)" }
}

/// Options with their values; QEMU takes one dash or two.
private struct Options {
  private var pairs: [(name: String, value: String)] = []

  init(_ arguments: [String]) {
    var index = 1
    while index < arguments.count {
      let argument = arguments[index]
      index += 1
      guard argument.hasPrefix("-"), argument != "-" else { continue }
      let name = argument.hasPrefix("--") ? argument.dropFirst(2) : argument.dropFirst()
      // Only options that take a value are asked for, so what follows one is its value whatever it looks like.
      guard Self.known.contains(String(name)), index < arguments.count else { continue }
      pairs.append((name == "M" ? "machine" : String(name), arguments[index]))
      index += 1
    }
  }

  private static let known: Set<String> = [
    "name", "uuid", "smp", "m", "object", "numa", "machine", "M", "device", "overcommit", "realtime",
    "accel", "mem-path",
  ]

  func last(_ name: String) -> String? { pairs.last { $0.name == name }?.value }

  func parsed(_ name: String, implied: String) throws(QEMUCommandLineError) -> QEMUOption? {
    guard let value = last(name) else { return nil }
    return try QEMUOption(value, implied: implied)
  }

  func all(_ name: String) -> [String] { pairs.filter { $0.name == name }.map(\.value) }
}

extension String {
  /// The text with zeros appended up to a length.
  fileprivate func padded(to length: Int) -> String {
    self + String(repeating: "0", count: max(0, length - utf8.count))
  }
}
