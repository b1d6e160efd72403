import AgentCore
import Fleet
import NUMA
import Testing

/// One guest of a modelled host: what libvirt records of it, and what the kernel does with it.
struct ModelGuest {
  /// Nil for a process that libvirt does not know.
  var record: DomainRecord?
  var rule: String?
  var machine: MachineArguments?
  /// Nil while it does not run.
  var process: ProcessObservation?

  var id: String { record?.uuid ?? machine?.uuid ?? "" }

  /// `guest db pins 0-3;0-3 emulator 0-7 mem 0 mib 512 run 100 numatune strict:0 iothreads 1`, or with two guest
  /// cells `mem 0,1` and a strict memnode for each. A rule finds its process too when it is `ruled`.
  init(domain words: Words, topology: HostTopology) throws {
    let name = try words[0]
    let pins = try Self.cpusets(words.text("pins") ?? "0-3;0-3")
    let cells = try Self.numbers(words.text("mem") ?? "0")
    let mib = try words.int("mib") ?? 512
    var live = Pinning(vcpus: pins.enumerated().map { VCPUPin(vcpu: $0.offset, cpuset: $0.element) })
    live.emulator = words.text("emulator").flatMap { CPUSet($0) }
    live.numatune = try Self.numatune(words)
    live.cputune.shares = try words.int("shares")
    if cells.count > 1, !words.has("bare") {
      live.numatune = NUMATune(
        memnodes: cells.enumerated().map { MemNode(guestCell: $0.offset, mode: .strict, nodeset: [$0.element]) })
    }
    let iothreads = Array(1..<(try words.int("iothreads") ?? 0) + 1)
    live.iothreads = iothreads.map { IOThreadPin(iothread: $0, cpuset: topology.cpus) }
    record = DomainRecord(
      uuid: "id-\(name)", name: name, type: "kvm", state: .running, persistent: !words.has("transient"),
      pid: try words.int("run") ?? 100, vcpusMaximum: pins.count, vcpusOnline: CPUSet(0..<pins.count),
      memory: KiB(mib: mib * cells.count),
      guestCells: cells.count == 1
        ? [] : cells.indices.map { GuestCell(id: $0, vcpus: [$0], memory: KiB(mib: mib)) },
      live: live, config: words.has("transient") ? nil : live, defaultCPUSet: topology.cpus, iothreads: iothreads)
    if words.has("ruled") {
      rule = "plain-qemu"
      machine = MachineArguments(
        name: name, uuid: "id-\(name)", vcpusMaximum: pins.count, memory: KiB(mib: mib), guestCells: [],
        domainType: "kvm")
    }
    var masks = pins.enumerated().map { (ThreadRole.vcpu($0.offset), $0.element) }
    masks.append((.emulator, live.emulator ?? topology.cpus))
    masks += iothreads.map { (.iothread($0), topology.cpus) }
    process = Self.process(
      Incarnation(pid: try words.int("run") ?? 100, startTicks: 7), masks, cells, mib, strict: cells.count > 1)
  }

  /// `process qemu pins 0-3;0-3 mem 0 mib 512 run 100`: vcpu threads; with `workers` plain threads instead.
  init(process words: Words, topology: HostTopology) throws {
    let name = try words[0]
    let pins = try Self.cpusets(words.text("pins") ?? "0-3;0-3")
    let mib = try words.int("mib") ?? 512
    rule = "demo"
    if !words.has("workers") {
      machine = MachineArguments(
        name: name, uuid: "id-\(name)", vcpusMaximum: pins.count, memory: KiB(mib: mib), guestCells: [])
    }
    process = Self.process(
      Incarnation(pid: try words.int("run") ?? 100, startTicks: 7),
      pins.enumerated().map { (words.has("workers") ? .worker : .vcpu($0.offset), $0.element) },
      try Self.numbers(words.text("mem") ?? "0"), mib, strict: false)
  }

  private static func process(
    _ run: Incarnation, _ masks: [(ThreadRole, CPUSet)], _ cells: [Int], _ mib: Int, strict: Bool
  ) -> ProcessObservation {
    let regions = cells.enumerated().map { index, cell in
      MemoryRegion(
        start: 0x7000_0000_0000 - UInt64(index) << 32, size: KiB(mib: mib), guestCell: nil,
        policy: strict ? "bind:\(cell)" : "default",
        residency: [CellResidency(cell: cell, pageSize: .base, pages: mib * 256)])
    }
    return ProcessObservation(
      incarnation: run, name: "qemu", arguments: [],
      threads: masks.enumerated().map { index, mask in
        GuestThread(
          tid: run.pid + index, role: mask.0, name: "t\(index)", cpusAllowed: mask.1, memsAllowed: NodeSet(cells))
      },
      regions: regions, residency: [], locked: 0, resident: KiB(mib: mib * cells.count))
  }

  // MARK: What the kernel does

  /// The process as read now; without residency it is what the cheap reading sees.
  func observed(residency: Bool) -> ObservedProcess? {
    guard var process else { return nil }
    if residency {
      process.residency = pages.map { CellResidency(cell: $0.cell, pageSize: .base, pages: $0.pages) }
    } else {
      process.regions = []
      process.residency = []
      process.locked = 0
    }
    return ObservedProcess(process: process, rule: rule, machine: machine)
  }

  /// Pages by cell, ascending.
  var pages: [(cell: Int, pages: Int)] {
    let all = process?.regions.flatMap(\.residency) ?? []
    return NodeSet(all.map(\.cell)).members.map { cell in
      (cell, all.reduce(0) { $0 + ($1.cell == cell ? $1.pages : 0) })
    }
  }

  mutating func allow(_ cpus: CPUSet, where matches: (GuestThread) -> Bool) {
    for index in process?.threads.indices ?? 0..<0 where matches(process!.threads[index]) {
      process?.threads[index].cpusAllowed = cpus
    }
  }

  /// Moves pages of the mappings that match, all but a share of them; the number that stayed.
  mutating func movePages(
    from: NodeSet? = nil, to cell: Int, leaving percent: Int, where matches: (MemoryRegion) -> Bool = { _ in true }
  ) -> Int {
    var left = 0
    for index in process?.regions.indices ?? 0..<0 where matches(process!.regions[index]) {
      var kept: [CellResidency] = []
      var moved = 0
      for place in process!.regions[index].residency {
        guard place.cell != cell, from?.contains(place.cell) ?? true else {
          kept.append(place)
          continue
        }
        let stays = place.pages * percent / 100
        left += stays
        moved += place.pages - stays
        if stays > 0 { kept.append(CellResidency(cell: place.cell, pageSize: .base, pages: stays)) }
      }
      let there = kept.firstIndex { $0.cell == cell }
      if let there { kept[there].pages += moved }
      if there == nil, moved > 0 { kept.append(CellResidency(cell: cell, pageSize: .base, pages: moved)) }
      process?.regions[index].residency = kept.sorted { $0.cell < $1.cell }
    }
    return left
  }

  // MARK: Words

  static func cpusets(_ text: String) throws -> [CPUSet] {
    try text.split(separator: ";").map { try #require(CPUSet(String($0)), "no cpus: \($0)") }
  }

  static func numbers(_ text: String) throws -> [Int] {
    try text.split(separator: ",").map { try #require(Int($0), "no number: \($0)") }
  }

  /// `numatune strict:0` or `numatune auto`.
  static func numatune(_ words: Words) throws -> NUMATune? {
    guard let text = words.text("numatune") else { return nil }
    if text == "auto" { return NUMATune(mode: .strict, automatic: true) }
    let parts = text.split(separator: ":").map(String.init)
    let mode: NUMAMode = try #require(NUMAMode(rawValue: parts[0]))
    guard parts.count > 1 else { return NUMATune(mode: mode) }
    let nodeset: NodeSet = try #require(NodeSet(parts[1]))
    return NUMATune(mode: mode, nodeset: nodeset)
  }
}
