import Fleet
import NUMA

/// `-smp`: how many vcpus there are and may be, and the sockets they are on.
struct SMP {
  let cpus: Int
  let maximum: Int
  let sockets: Int
  let dies: Int
  let cores: Int
  let threads: Int

  /// Reads the value; without one QEMU has one vcpu.
  init(_ text: String?) throws(QEMUCommandLineError) {
    let option = try QEMUOption(text ?? "1", implied: "cpus")
    func number(_ key: String) throws(QEMUCommandLineError) -> Int? {
      guard let value = option[key] else { return nil }
      guard let number = Int(value), (0...Guest.vcpusLimit).contains(number) else {
        throw QEMUCommandLineError("-smp \(key)= is \"\(value.prefix(20))\"")
      }
      return number == 0 ? nil : number
    }
    let stated = (try number("sockets"), try number("cores"), try number("threads"))
    // Whoever may run a process writes these, so their product must not overflow.
    func product(_ factors: [Int?]) throws(QEMUCommandLineError) -> Int {
      var product = 1
      for factor in factors {
        product *= factor ?? 1
        guard product <= Guest.vcpusLimit else { throw QEMUCommandLineError("-smp asks for \(product) vcpus or more") }
      }
      return product
    }
    dies = try product([try number("dies"), try number("clusters")])
    let all = try product([stated.0, dies, stated.1, stated.2])
    let (initial, possible) = (try number("cpus"), try number("maxcpus"))
    let total = possible ?? initial ?? all
    // Missing parts are filled cores first, then sockets, as machine types from 6.2 do.
    threads = stated.2 ?? 1
    if let cores = stated.1 {
      self.cores = cores
      sockets = stated.0 ?? max(1, total / (dies * cores * threads))
    } else {
      sockets = stated.0 ?? 1
      cores = max(1, total / (sockets * dies * threads))
    }
    maximum = total
    cpus = min(initial ?? total, total)
  }

  /// The socket of a vcpu by its index.
  func socket(of vcpu: Int) -> Int { vcpu / (dies * cores * threads) }
}

/// `-numa`: guest cells, their vcpus, memory and backends, and the distances between them.
struct QEMUNUMA {
  private(set) var cells: [GuestCell] = []
  private var memdevs: [(guestCell: Int, backend: String)] = []
  private var distances: [(from: Int, to: Int, value: Int)] = []

  init(
    _ values: [String], smp: SMP, backends: [QEMUCommandLine.MemoryBackend], memory: KiB
  ) throws(QEMUCommandLineError) {
    let options = try values.map { (text) throws(QEMUCommandLineError) in try QEMUOption(text, implied: "type") }
    for option in options where option["type"] == "node" { try addNode(option, backends) }
    for option in options where option["type"] == "cpu" { try addCPUs(option, smp) }
    for option in options where option["type"] == "dist" {
      distances.append(
        (try Self.number(option["src"]), try Self.number(option["dst"]), try Self.number(option["val"])))
    }
    cells.sort { $0.id < $1.id }
    fillGaps(smp, memory)
    for index in cells.indices where !distances.isEmpty {
      let id = cells[index].id
      cells[index].distances = cells.map { other in
        // QEMU takes a one-way distance for both ways.
        let stated =
          distances.first { $0.from == id && $0.to == other.id }
          ?? distances.first { $0.to == id && $0.from == other.id }
        return GuestCellDistance(to: other.id, value: stated?.value ?? (other.id == id ? 10 : 20))
      }
    }
  }

  private mutating func addNode(
    _ option: QEMUOption, _ backends: [QEMUCommandLine.MemoryBackend]
  ) throws(QEMUCommandLineError) {
    let id = try option["nodeid"].map { (text) throws(QEMUCommandLineError) in try Self.number(text) } ?? cells.count
    guard !cells.contains(where: { $0.id == id }) else { throw QEMUCommandLineError("-numa node \(id) is given twice") }
    var vcpus = CPUSet()
    for text in option.all("cpus") {
      do { vcpus.formUnion(try CPUSet(parsing: text)) } catch { throw QEMUCommandLineError("-numa cpus=: \(error)") }
    }
    var memory: KiB = 0
    if let memdev = option["memdev"] {
      memdevs.append((id, memdev))
      memory = backends.first { $0.id == memdev }?.size ?? 0
    } else if let size = option["mem"] {
      memory = try QEMUCommandLine.memory(size, unit: 1 << 20)
    }
    cells.append(GuestCell(id: id, vcpus: vcpus, memory: memory))
  }

  /// `-numa cpu,node-id=N,socket-id=S…`: all vcpus whose place matches what is stated.
  private mutating func addCPUs(_ option: QEMUOption, _ smp: SMP) throws(QEMUCommandLineError) {
    let node = try Self.number(option["node-id"])
    guard let index = cells.firstIndex(where: { $0.id == node }) else {
      throw QEMUCommandLineError("-numa cpu names node \(node), which no -numa node has made")
    }
    let keys = ["socket-id", "die-id", "core-id", "thread-id"]
    var wanted: [Int?] = []
    for key in keys {
      wanted.append(try option[key].map { (text) throws(QEMUCommandLineError) in try Self.number(text) })
    }
    for vcpu in 0..<smp.maximum {
      let place = [
        smp.socket(of: vcpu), vcpu / (smp.cores * smp.threads) % smp.dies, vcpu / smp.threads % smp.cores,
        vcpu % smp.threads,
      ]
      if zip(wanted, place).allSatisfy({ $0 == nil || $0 == $1 }) { cells[index].vcpus.insert(vcpu) }
    }
  }

  /// What QEMU does where no node has vcpus or memory: sockets in turn, and memory in equal parts.
  private mutating func fillGaps(_ smp: SMP, _ memory: KiB) {
    guard !cells.isEmpty else { return }
    if cells.allSatisfy({ $0.vcpus.isEmpty }) {
      for vcpu in 0..<smp.maximum { cells[smp.socket(of: vcpu) % cells.count].vcpus.insert(vcpu) }
    }
    if cells.allSatisfy({ $0.memory == 0 }), memdevs.isEmpty {
      for index in cells.indices { cells[index].memory = KiB(memory.count / cells.count) }
    }
  }

  /// What the backends bind, in libvirt's words; nil when no backend has a policy.
  func numatune(_ backends: [QEMUCommandLine.MemoryBackend], whole: String?) -> NUMATune? {
    if let backend = backends.first(where: { $0.id == whole }), let mode = backend.mode {
      return NUMATune(mode: mode, nodeset: backend.hostNodes)
    }
    let memnodes = memdevs.compactMap { memdev -> MemNode? in
      guard let backend = backends.first(where: { $0.id == memdev.backend }), let mode = backend.mode else {
        return nil
      }
      return MemNode(guestCell: memdev.guestCell, mode: mode, nodeset: backend.hostNodes)
    }
    return memnodes.isEmpty ? nil : NUMATune(memnodes: memnodes)
  }

  private static func number(_ text: String?) throws(QEMUCommandLineError) -> Int {
    guard let text, let number = Int(text), (0..<NodeKind.idLimit).contains(number) else {
      throw QEMUCommandLineError("-numa has \"\(text?.prefix(20) ?? "nothing")\" where a number must be")
    }
    return number
  }
}

extension QEMUCommandLine.MemoryBackend {
  init(_ object: QEMUOption, type: String, id: String) throws(QEMUCommandLineError) {
    self.id = id
    self.type = type
    size =
      try object["size"].map { (text) throws(QEMUCommandLineError) in try QEMUCommandLine.memory(text, unit: 1) } ?? 0
    var nodes = NodeSet()
    for text in object.all("host-nodes") {
      do { nodes.formUnion(try NodeSet(parsing: text)) } catch { throw QEMUCommandLineError("host-nodes: \(error)") }
    }
    hostNodes = nodes
    mode =
      switch object["policy"] {
      case "bind": .strict
      case "preferred": .preferred
      case "interleave": .interleave
      default: nil
      }
    if let size = object["hugetlbsize"] {
      pageSize = PageSize(kib: max(4, try QEMUCommandLine.memory(size, unit: 1).count))
    } else {
      pageSize = object["hugetlb"] == "on" ? .huge2M : Self.pageSize(ofPath: object["mem-path"])
    }
    shared = object["share"].map { $0 == "on" || $0 == "yes" } ?? (type == "memory-backend-memfd")
  }
  /// The page size that a memory path tells: 1 GiB pages are mounted apart, on a path that says so.
  static func pageSize(ofPath path: String?) -> PageSize {
    guard let path, path.hasPrefix("/dev/hugepages") else { return .base }
    return path.hasPrefix("/dev/hugepages1G") ? .huge1G : .huge2M
  }
}
