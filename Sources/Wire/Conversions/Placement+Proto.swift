import Fleet
import NUMA

extension ProtoShape {
  init(_ shape: Shape) {
    name = shape.name
    guestCells = shape.guestCells.map { cell in
      var proto = ProtoShapeCell()
      proto.vcpus = Int64(cell.vcpus)
      proto.memoryKib = Int64(cell.memory.count)
      proto.dedicatedVcpus = Int64(cell.dedicatedVCPUs)
      return proto
    }
    cpuClass = shape.cpuClass.proto
    smt = shape.smt.proto
    pageSizeKib = Int64(shape.pageSize.kib)
    mode = shape.mode.proto
    near = shape.near
    emulatorPcpus = Int64(shape.emulatorPCPUs)
    iothreads = Int64(shape.iothreads)
    hosts = shape.hosts.map(\.text)
    labels = shape.labels
    tolerates = shape.tolerates
  }
}

extension Shape {
  init(_ proto: ProtoShape) throws(WireError.Kind) {
    self.init(
      name: proto.name,
      guestCells: try proto.guestCells.map { cell throws(WireError.Kind) in
        ShapeCell(
          vcpus: try FieldCheck.vcpu(cell.vcpus, "shape.guest_cells.vcpus"),
          memory: try FieldCheck.memory(cell.memoryKib, "shape.guest_cells.memory_kib"),
          dedicatedVCPUs: try FieldCheck.vcpu(cell.dedicatedVcpus, "shape.guest_cells.dedicated_vcpus"))
      },
      cpuClass: try CPUClass(proto.cpuClass, "shape.cpu_class"), smt: try SMTPolicy(proto.smt, "shape.smt"),
      pageSize: try FieldCheck.pageSize(proto.pageSizeKib, "shape.page_size_kib"),
      mode: try NUMAMode(proto.mode, "shape.mode"), near: proto.near,
      emulatorPCPUs: try FieldCheck.cpu(proto.emulatorPcpus, "shape.emulator_pcpus"),
      iothreads: try FieldCheck.vcpu(proto.iothreads, "shape.iothreads"),
      hosts: try proto.hosts.map { host throws(WireError.Kind) in try FieldCheck.id(host, "shape.hosts") },
      labels: proto.labels, tolerates: proto.tolerates)
  }
}

extension ProtoPlacement {
  init(_ placement: Placement) {
    host = placement.host.text
    cells = placement.cells.map { ProtoGuestCellPlacement($0) }
    pinning = ProtoPinning(placement.pinning)
    dedicated = placement.dedicated.description
    score = Int64(placement.score)
    terms = placement.terms.map { ProtoScoreTerm($0) }
  }
}

extension ProtoScoreTerm {
  init(_ term: ScoreTerm) {
    name = term.name
    value = Int64(term.value)
    detail = term.detail
  }
}

extension ScoreTerm {
  init(_ proto: ProtoScoreTerm) throws(WireError.Kind) {
    self.init(name: proto.name, value: try FieldCheck.signed(proto.value, "score_term.value"), detail: proto.detail)
  }
}

extension Placement {
  init(_ proto: ProtoPlacement) throws(WireError.Kind) {
    try FieldCheck.present(proto.hasPinning, "placement.pinning")
    self.init(
      host: try FieldCheck.id(proto.host, "placement.host"),
      cells: try proto.cells.map { cell throws(WireError.Kind) in try GuestCellPlacement(cell) },
      pinning: try Pinning(proto.pinning), dedicated: try IDList.set(proto.dedicated, "placement.dedicated"),
      score: try FieldCheck.signed(proto.score, "placement.score"),
      terms: try proto.terms.map { term throws(WireError.Kind) in try ScoreTerm(term) })
  }
}

extension ProtoDecision {
  init(_ decision: Decision) {
    if let placement = decision.placement { self.placement = ProtoPlacement(placement) }
    if let refusal = decision.refusal { self.refusal = ProtoRefusal(refusal) }
    if let explanation = decision.explanation { self.explanation = ProtoExplanation(explanation) }
  }
}

extension Decision {
  init(_ proto: ProtoDecision) throws(WireError.Kind) {
    self.init(
      placement: proto.hasPlacement ? try Placement(proto.placement) : nil,
      refusal: proto.hasRefusal ? try Refusal(proto.refusal) : nil,
      explanation: proto.hasExplanation ? try Explanation(proto.explanation) : nil)
  }
}

extension ProtoExplanation {
  init(_ explanation: Explanation) {
    chosen = explanation.chosen.map { ProtoCellNote($0) }
    refused = explanation.refused.map { ProtoCellNote($0) }
    counts = explanation.counts
    if let movability = explanation.movability { self.movability = ProtoMovability(movability) }
  }
}

extension Explanation {
  init(_ proto: ProtoExplanation) throws(WireError.Kind) {
    self.init(
      chosen: try proto.chosen.map { note throws(WireError.Kind) in try CellNote(note) },
      refused: try proto.refused.map { note throws(WireError.Kind) in try CellNote(note) },
      counts: proto.counts, movability: proto.hasMovability ? try Movability(proto.movability) : nil)
  }
}

extension ProtoCellNote {
  init(_ note: CellNote) {
    host = note.host.text
    if let cell = note.cell { self.cell = Int64(cell) }
    if let guestCell = note.guestCell { self.guestCell = Int64(guestCell) }
    text = note.text
  }
}

extension CellNote {
  init(_ proto: ProtoCellNote) throws(WireError.Kind) {
    self.init(
      host: try FieldCheck.id(proto.host, "cell_note.host"),
      cell: proto.hasCell ? try FieldCheck.cell(proto.cell, "cell_note.cell") : nil,
      guestCell: proto.hasGuestCell ? try FieldCheck.cell(proto.guestCell, "cell_note.guest_cell") : nil,
      text: proto.text)
  }
}
