import Fleet
import NUMA

extension ProtoPlan {
  init(_ plan: Plan) {
    id = plan.id.number
    parent = plan.parent.number
    purpose = plan.purpose
    wallMilliseconds = Int64(plan.wallMilliseconds)
    waves = plan.waves.map { wave in
      var proto = ProtoWave()
      proto.moves = wave.moves.map { ProtoMove($0) }
      return proto
    }
    unmoved = plan.unmoved.map { ProtoUnmovedGuest($0) }
    state = plan.state.proto
    if let done = plan.wavesDone { wavesDone = Int64(done) }
    if let last = plan.throughWave { throughWave = Int64(last) }
  }
}

extension Plan {
  init(_ proto: ProtoPlan) throws(WireError.Kind) {
    self.init(
      id: PlanID(try FieldCheck.counter(proto.id, "plan.id")),
      parent: PlanID(try FieldCheck.counter(proto.parent, "plan.parent")), purpose: proto.purpose,
      wallMilliseconds: try FieldCheck.count(proto.wallMilliseconds, "plan.wall_milliseconds"),
      waves: try proto.waves.map { wave throws(WireError.Kind) in
        Wave(moves: try wave.moves.map { move throws(WireError.Kind) in try Move(move) })
      },
      unmoved: try proto.unmoved.map { guest throws(WireError.Kind) in try UnmovedGuest(guest) },
      state: try PlanState(proto.state, "plan.state"),
      wavesDone: proto.hasWavesDone ? try FieldCheck.count(proto.wavesDone, "plan.waves_done") : nil,
      throughWave: proto.hasThroughWave ? try FieldCheck.count(proto.throughWave, "plan.through_wave") : nil)
  }
}

extension ProtoUnmovedGuest {
  init(_ unmoved: UnmovedGuest) {
    self.init()
    guest = unmoved.guest.text
    guestName = unmoved.guestName
    host = unmoved.host.text
    reason = unmoved.reason
  }
}

extension UnmovedGuest {
  init(_ proto: ProtoUnmovedGuest) throws(WireError.Kind) {
    self.init(
      guest: try FieldCheck.id(proto.guest, "unmoved.guest"), guestName: proto.guestName,
      host: try FieldCheck.id(proto.host, "unmoved.host"), reason: proto.reason)
  }
}

extension ProtoMove {
  init(_ move: Move) {
    guest = move.guest.text
    guestName = move.guestName
    host = move.host.text
    if let incarnation = move.incarnation { self.incarnation = ProtoIncarnation(incarnation) }
    from = move.from.map { ProtoGuestCellPlacement($0) }
    placement = ProtoPlacement(move.placement)
    expected = ProtoPinning(move.expected)
    movability = ProtoMovability(move.movability)
    copyKib = Int64(move.copy.count)
    reason = move.reason
    if let explanation = move.explanation { self.explanation = ProtoExplanation(explanation) }
    gain = (move.gain ?? []).map { ProtoScoreTerm($0) }
    if let seconds = move.seconds { self.seconds = Int64(seconds) }
    if let relief = move.relief { self.relief = ProtoRelief(relief) }
    if let keepsVCPUs = move.keepsVCPUs { keepsVcpus = keepsVCPUs }
  }
}

extension Move {
  init(_ proto: ProtoMove) throws(WireError.Kind) {
    try FieldCheck.present(proto.hasPlacement, "move.placement")
    try FieldCheck.present(proto.hasExpected, "move.expected")
    try FieldCheck.present(proto.hasMovability, "move.movability")
    self.init(
      guest: try FieldCheck.id(proto.guest, "move.guest"), guestName: proto.guestName,
      host: try FieldCheck.id(proto.host, "move.host"),
      incarnation: proto.hasIncarnation ? try Incarnation(proto.incarnation) : nil,
      from: try proto.from.map { cell throws(WireError.Kind) in try GuestCellPlacement(cell) },
      placement: try Placement(proto.placement), expected: try Pinning(proto.expected),
      movability: try Movability(proto.movability), copy: try FieldCheck.memory(proto.copyKib, "move.copy_kib"),
      reason: proto.reason, explanation: proto.hasExplanation ? try Explanation(proto.explanation) : nil)
    if !proto.gain.isEmpty { gain = try proto.gain.map { term throws(WireError.Kind) in try ScoreTerm(term) } }
    seconds = proto.hasSeconds ? try FieldCheck.count(proto.seconds, "move.seconds") : nil
    relief = proto.hasRelief ? try Relief(proto.relief) : nil
    keepsVCPUs = proto.hasKeepsVcpus ? proto.keepsVcpus : nil
  }
}

extension ProtoCellList {
  init(_ cells: [Int]) {
    self.init()
    self.cells = cells.map { Int64($0) }
  }

  func checked(_ field: StaticString) throws(WireError.Kind) -> [Int] {
    try cells.map { cell throws(WireError.Kind) in try FieldCheck.cell(cell, field) }
  }
}

extension ProtoPlanRequest {
  init(_ planRequest: PlanRequest) {
    switch planRequest {
    case .repair(let host):
      var proto = ProtoRepairRequest()
      if let host { proto.host = host.text }
      request = .repair(proto)
    case .place(let guest, let host, let cells):
      var proto = ProtoPlaceRequest()
      proto.guest = guest.text
      proto.host = host.text
      if let cells { proto.cells = ProtoCellList(cells) }
      request = .place(proto)
    case .migrate(let guest, let from, let to, let cells):
      var proto = ProtoMigrateRequest()
      proto.guest = guest.text
      proto.from = from.text
      proto.to = to.text
      if let cells { proto.cells = ProtoCellList(cells) }
      request = .migrate(proto)
    case .drain(let host):
      var proto = ProtoDrainRequest()
      proto.host = host.text
      request = .drain(proto)
    case .rebalance(let host, let migrations, let wideCPUs):
      var proto = ProtoRebalanceRequest()
      if let host { proto.host = host.text }
      proto.migrations = Int32(migrations)
      proto.wideCpus = Int32(wideCPUs)
      request = .rebalance(proto)
    case .fit(let shape, let count, let migrations):
      var proto = ProtoFitRequest()
      proto.shape = ProtoShape(shape)
      proto.count = Int32(count)
      proto.migrations = Int32(migrations)
      request = .fit(proto)
    case .keepRoom(let migrations):
      var proto = ProtoKeepRoomRequest()
      proto.migrations = Int32(migrations)
      request = .keepRoom(proto)
    }
  }
}

extension PlanRequest {
  init(_ proto: ProtoPlanRequest) throws(WireError.Kind) {
    switch proto.request {
    case .repair(let repair):
      self = .repair(host: repair.hasHost ? try FieldCheck.id(repair.host, "repair.host") : nil)
    case .place(let place):
      self = .place(
        guest: try FieldCheck.id(place.guest, "place.guest"), host: try FieldCheck.id(place.host, "place.host"),
        cells: place.hasCells ? try place.cells.checked("place.cells") : nil)
    case .migrate(let migrate):
      self = .migrate(
        guest: try FieldCheck.id(migrate.guest, "migrate.guest"), from: try FieldCheck.id(migrate.from, "migrate.from"),
        to: try FieldCheck.id(migrate.to, "migrate.to"),
        cells: migrate.hasCells ? try migrate.cells.checked("migrate.cells") : nil)
    case .drain(let drain): self = .drain(host: try FieldCheck.id(drain.host, "drain.host"))
    case .rebalance(let rebalance):
      self = .rebalance(
        host: rebalance.hasHost ? try FieldCheck.id(rebalance.host, "rebalance.host") : nil,
        migrations: try Self.number(rebalance.migrations, in: Self.migrationsRange, "rebalance.migrations"),
        wideCPUs: try Self.number(rebalance.wideCpus, in: Self.wideCPUsRange, "rebalance.wide_cpus"))
    case .fit(let fit):
      try FieldCheck.present(fit.hasShape, "fit.shape")
      self = .fit(
        shape: try Shape(fit.shape), count: try Self.number(fit.count, in: Self.countRange, "fit.count"),
        migrations: try Self.number(fit.migrations, in: Self.migrationsRange, "fit.migrations"))
    case .keepRoom(let room):
      self = .keepRoom(
        migrations: try Self.number(room.migrations, in: Self.migrationsRange, "keep_room.migrations"))
    case nil: throw .unknownValue(field: "plan_request")
    }
  }

  private static func number(
    _ value: Int32, in range: ClosedRange<Int>, _ field: StaticString
  ) throws(WireError.Kind) -> Int {
    try FieldCheck.number(Int64(value), in: Int64(range.lowerBound)...Int64(range.upperBound), field)
  }
}
