import Fleet
import NUMA
import SwiftProtobuf

extension AutomationMode: WireEnumeration {
  var proto: ProtoAutomationMode {
    switch self {
    case .off: .off
    case .shadow: .shadow
    case .on: .on
    }
  }
}

extension ProtoAutomate {
  init(_ wish: Automate) {
    if let mode = wish.mode { self.mode = mode.proto }
    if let minutes = wish.pauseMinutes { pauseMinutes = Int64(minutes) }
  }
}

extension Automate {
  init(_ proto: ProtoAutomate) throws(WireError.Kind) {
    self.init(
      mode: proto.hasMode ? try AutomationMode(proto.mode, "automate.mode") : nil,
      pauseMinutes: proto.hasPauseMinutes
        ? try FieldCheck.count(proto.pauseMinutes, "automate.pause_minutes") : nil)
  }
}

extension ProtoAutomationStatus {
  init(_ status: AutomationStatus) {
    state = .with {
      $0.mode = status.state.mode.proto
      if let until = status.state.pausedUntil { $0.pausedUntil = Int64(until) }
      $0.since = Int64(status.state.since)
      $0.actor = status.state.actor
      $0.plans = status.state.plans.map(\.number)
    }
    quiet = status.isQuiet
    hostsDue = Int64(status.hostsDue)
    movesLastDay = Int64(status.movesLastDay)
    copiedLastMinuteKib = Int64(status.copiedLastMinute.count)
    held = status.held.map { ProtoUnmovedGuest($0) }
    moves = status.moves.map { ProtoMoveRecord($0) }
    rooms = status.rooms.map { room in
      .with {
        $0.name = room.name
        $0.wanted = Int64(room.wanted)
        $0.fits = Int64(room.fits)
      }
    }
  }
}

extension AutomationStatus {
  init(_ proto: ProtoAutomationStatus) throws(WireError.Kind) {
    try FieldCheck.present(proto.hasState, "automation.state")
    self.init(
      state: try AutomationState(proto.state), isQuiet: proto.quiet,
      hostsDue: try FieldCheck.count(proto.hostsDue, "automation.hosts_due"),
      movesLastDay: try FieldCheck.count(proto.movesLastDay, "automation.moves_last_day"),
      copiedLastMinute: try FieldCheck.memory(proto.copiedLastMinuteKib, "automation.copied_last_minute_kib"),
      held: try proto.held.map { guest throws(WireError.Kind) in try UnmovedGuest(guest) },
      moves: try proto.moves.map { move throws(WireError.Kind) in try MoveRecord(move) },
      rooms: try proto.rooms.map { room throws(WireError.Kind) in
        KeptRoomStatus(
          name: room.name, wanted: try FieldCheck.count(room.wanted, "automation.rooms.wanted"),
          fits: try FieldCheck.count(room.fits, "automation.rooms.fits"))
      })
  }
}

extension AutomationState {
  init(_ proto: ProtoAutomationState) throws(WireError.Kind) {
    self.init(
      mode: try AutomationMode(proto.mode, "automation.state.mode"),
      pausedUntil: proto.hasPausedUntil
        ? try FieldCheck.count(proto.pausedUntil, "automation.state.paused_until") : nil,
      since: try FieldCheck.count(proto.since, "automation.state.since"), actor: proto.actor,
      plans: try proto.plans.map { plan throws(WireError.Kind) in
        PlanID(try FieldCheck.counter(plan, "automation.state.plans"))
      })
  }
}

extension ProtoMoveRecord {
  init(_ move: MoveRecord) {
    job = move.job.number
    guest = move.guest.text
    guestName = move.guestName
    host = move.host.text
    if let left = move.fromHost { fromHost = left.text }
    from = ProtoCellList(move.from)
    to = ProtoCellList(move.to)
    wallMilliseconds = Int64(move.wallMilliseconds)
    actor = move.actor
    copyKib = Int64(move.copy.count)
    if let elsewhere = move.elsewhere { elsewhereKib = Int64(elsewhere.count) }
    if let relief = move.relief { self.relief = ProtoRelief(relief) }
  }
}

extension MoveRecord {
  init(_ proto: ProtoMoveRecord) throws(WireError.Kind) {
    self.init(
      job: JobID(try FieldCheck.counter(proto.job, "move_record.job")),
      guest: try FieldCheck.id(proto.guest, "move_record.guest"), guestName: proto.guestName,
      host: try FieldCheck.id(proto.host, "move_record.host"),
      fromHost: proto.hasFromHost ? try FieldCheck.id(proto.fromHost, "move_record.from_host") : nil,
      from: try proto.from.checked("move_record.from"),
      to: try proto.to.checked("move_record.to"),
      wallMilliseconds: try FieldCheck.count(proto.wallMilliseconds, "move_record.wall_milliseconds"),
      actor: proto.actor, copy: try FieldCheck.memory(proto.copyKib, "move_record.copy_kib"),
      elsewhere: proto.hasElsewhereKib
        ? try FieldCheck.memory(proto.elsewhereKib, "move_record.elsewhere_kib") : nil,
      relief: proto.hasRelief ? try Relief(proto.relief) : nil)
  }
}

extension ProtoAutomationRules {
  init(_ rules: AutomationRules) {
    settleSeconds = Int64(rules.settleSeconds)
    reviewMinutes = Int64(rules.reviewMinutes)
    residenceMinutes = Int64(rules.residenceMinutes)
    minimumGainPercent = Int64(rules.minimumGainPercent)
    movesPerGuest = Int64(rules.movesPerGuest)
    copyPerMinuteKib = Int64(rules.copyPerMinute.count)
    concurrentHosts = Int64(rules.concurrentHosts)
    wideCpus = Int64(rules.wideCPUs)
    keepRoom = rules.keepRoom.map { room in
      .with {
        $0.shape = ProtoShape(room.shape)
        $0.count = Int64(room.count)
      }
    }
    concurrentMigrations = Int64(rules.concurrentMigrations)
    quietHours = rules.quietHours.map { hours in
      .with {
        $0.begins = Int64(hours.begins)
        $0.ends = Int64(hours.ends)
      }
    }
    exceptHosts = rules.exceptHosts
    exceptGuests = rules.exceptGuests
    manage = rules.manage.proto
  }
}

extension AutomationRules {
  init(_ proto: ProtoAutomationRules) throws(WireError.Kind) {
    self.init(
      settleSeconds: try FieldCheck.count(proto.settleSeconds, "policy.automation.settle_seconds"),
      reviewMinutes: try FieldCheck.count(proto.reviewMinutes, "policy.automation.review_minutes"),
      residenceMinutes: try FieldCheck.count(proto.residenceMinutes, "policy.automation.residence_minutes"),
      minimumGainPercent: try FieldCheck.count(proto.minimumGainPercent, "policy.automation.minimum_gain_percent"),
      movesPerGuest: try FieldCheck.count(proto.movesPerGuest, "policy.automation.moves_per_guest"),
      copyPerMinute: try FieldCheck.memory(proto.copyPerMinuteKib, "policy.automation.copy_per_minute_kib"),
      concurrentHosts: try FieldCheck.count(proto.concurrentHosts, "policy.automation.concurrent_hosts"),
      wideCPUs: try FieldCheck.number(proto.wideCpus, in: 0...1024, "policy.automation.wide_cpus"),
      keepRoom: try proto.keepRoom.map { room throws(WireError.Kind) in
        try FieldCheck.present(room.hasShape, "policy.automation.keep_room.shape")
        return KeptRoom(
          shape: try Shape(room.shape),
          count: try FieldCheck.number(room.count, in: 1...1000, "policy.automation.keep_room.count"))
      },
      concurrentMigrations: try FieldCheck.number(
        proto.concurrentMigrations, in: 0...100, "policy.automation.concurrent_migrations"),
      quietHours: try proto.quietHours.map { hours throws(WireError.Kind) in
        QuietHours(
          begins: try FieldCheck.count(hours.begins, "policy.automation.quiet_hours.begins"),
          ends: try FieldCheck.count(hours.ends, "policy.automation.quiet_hours.ends"))
      }, exceptHosts: proto.exceptHosts, exceptGuests: proto.exceptGuests,
      manage: try ManagedGuests(proto.manage == .unspecified ? .all : proto.manage, "policy.automation.manage"))
  }
}
