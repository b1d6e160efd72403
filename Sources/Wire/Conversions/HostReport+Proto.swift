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
    if let load = report.load { self.load = ProtoHostLoad(load) }
    looked = report.looked
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
      journal: proto.hasJournal ? try JournalHead(proto.journal) : nil,
      load: proto.hasLoad ? try HostLoad(proto.load) : nil,
      looked: try FieldCheck.counter(proto.looked, "report.looked"))
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
