import Fleet
import NUMA

extension ProtoHostReport {
  init(_ report: HostReport) {
    facts = ProtoHostFacts(report.facts)
    topologyHash = report.topologyHash
    if let topology = report.topology { self.topology = ProtoHostTopology(topology) }
    cells = report.cells.map { ProtoCellState($0) }
    guests = report.guests.map { ProtoGuest($0) }
    if let answers = report.libvirtAnswers { libvirtAnswers = answers }
    if let head = report.journal { journal = ProtoJournalHead(head) }
  }
}

extension HostReport {
  init(_ proto: ProtoHostReport) throws(WireError.Kind) {
    try FieldCheck.present(proto.hasFacts, "report.facts")
    self.init(
      facts: try HostFacts(proto.facts), topologyHash: proto.topologyHash,
      topology: proto.hasTopology ? try HostTopology(proto.topology) : nil,
      cells: try proto.cells.map { cell throws(WireError.Kind) in try CellState(cell) },
      guests: try proto.guests.map { guest throws(WireError.Kind) in try Guest(guest) },
      libvirtAnswers: proto.hasLibvirtAnswers ? proto.libvirtAnswers : nil,
      journal: proto.hasJournal ? try JournalHead(proto.journal) : nil)
  }
}

extension ProtoJournalHead {
  init(_ head: JournalHead) {
    generations = head.generations.map { mark in
      var proto = ProtoGuestMark()
      proto.guest = mark.guest.text
      proto.generation = mark.generation.number
      return proto
    }
    inHand = head.inHand.map(\.number)
    unacknowledged = head.unacknowledged.map(\.number)
  }
}

extension JournalHead {
  init(_ proto: ProtoJournalHead) throws(WireError.Kind) {
    self.init(
      generations: try proto.generations.map { mark throws(WireError.Kind) in
        Mark(
          guest: try FieldCheck.id(mark.guest, "journal.generations.guest"),
          generation: Generation(try FieldCheck.counter(mark.generation, "journal.generations.generation")))
      },
      inHand: try proto.inHand.map { id throws(WireError.Kind) in
        JobID(try FieldCheck.counter(id, "journal.in_hand"))
      },
      unacknowledged: try proto.unacknowledged.map { id throws(WireError.Kind) in
        JobID(try FieldCheck.counter(id, "journal.unacknowledged"))
      })
  }
}

extension ProtoCellState {
  init(_ state: CellState) {
    cell = Int64(state.cell)
    memoryFreeKib = Int64(state.memoryFree.count)
    pages = state.pages.map { ProtoPagePool($0) }
  }
}

extension CellState {
  init(_ proto: ProtoCellState) throws(WireError.Kind) {
    self.init(
      cell: try FieldCheck.cell(proto.cell, "cell_state.cell"),
      memoryFree: try FieldCheck.memory(proto.memoryFreeKib, "cell_state.memory_free_kib"),
      pages: try proto.pages.map { pool throws(WireError.Kind) in try PagePool(pool) })
  }
}

extension ProtoHostFacts {
  init(_ facts: HostFacts) {
    kernelVersion = facts.kernelVersion
    if let version = facts.libvirtVersion { libvirtVersion = version }
    if let version = facts.qemuVersion { qemuVersion = version }
    if let uri = facts.libvirtURI { libvirtUri = uri }
    if let version = facts.cgroupVersion { cgroupVersion = Int64(version) }
    if let balancing = facts.numaBalancing { numaBalancing = Int64(balancing) }
    if let ksm = facts.ksm { self.ksm = ProtoKSMState(ksm) }
    foreignBalancers = facts.foreignBalancers
    sources = facts.sources.map { note in
      var proto = ProtoSourceNote()
      proto.part = note.part
      proto.source = note.source
      return proto
    }
  }
}

extension HostFacts {
  init(_ proto: ProtoHostFacts) throws(WireError.Kind) {
    self.init(
      kernelVersion: proto.kernelVersion, libvirtVersion: proto.hasLibvirtVersion ? proto.libvirtVersion : nil,
      qemuVersion: proto.hasQemuVersion ? proto.qemuVersion : nil,
      libvirtURI: proto.hasLibvirtUri ? proto.libvirtUri : nil,
      cgroupVersion: proto.hasCgroupVersion
        ? try FieldCheck.number(proto.cgroupVersion, in: 1...2, "facts.cgroup_version") : nil,
      numaBalancing: proto.hasNumaBalancing
        ? try FieldCheck.count(proto.numaBalancing, "facts.numa_balancing") : nil,
      ksm: proto.hasKsm ? try KSMState(proto.ksm) : nil, foreignBalancers: proto.foreignBalancers,
      sources: proto.sources.map { SourceNote(part: $0.part, source: $0.source) })
  }
}

extension ProtoKSMState {
  init(_ state: KSMState) {
    run = Int64(state.run)
    mergeAcrossNodes = state.mergeAcrossNodes
    pagesShared = Int64(state.pagesShared)
  }
}

extension KSMState {
  init(_ proto: ProtoKSMState) throws(WireError.Kind) {
    self.init(
      run: try FieldCheck.count(proto.run, "ksm.run"), mergeAcrossNodes: proto.mergeAcrossNodes,
      pagesShared: try FieldCheck.count(proto.pagesShared, "ksm.pages_shared"))
  }
}
