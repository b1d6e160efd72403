import Fleet
import NUMA

private enum AutomationKey: String, SectionKey {
  case settle_seconds, review_minutes, residence_minutes, minimum_gain_percent, moves_per_guest, copy_per_minute
  case concurrent_hosts, wide_cpus, keep_room, concurrent_migrations, quiet_hours, except_hosts, except_guests, manage
}

private enum KeptRoomKey: String, SectionKey {
  case shape, count
}

extension AutomationRules {
  init(_ value: Value) throws(ConfigurationError) {
    let section = try Section<AutomationKey>(value)
    self.init()
    settleSeconds = try section[.settle_seconds]?.number(in: 1...3600) ?? settleSeconds
    reviewMinutes = try section[.review_minutes]?.number(in: 1...10_080) ?? reviewMinutes
    residenceMinutes = try section[.residence_minutes]?.number(in: 0...10_080) ?? residenceMinutes
    minimumGainPercent = try section[.minimum_gain_percent]?.number(in: 0...100) ?? minimumGainPercent
    movesPerGuest = try section[.moves_per_guest]?.number(in: 0...1000) ?? movesPerGuest
    copyPerMinute = try section[.copy_per_minute]?.amount(in: 0...KiB(gib: 65_536)) ?? copyPerMinute
    concurrentHosts = try section[.concurrent_hosts]?.number(in: 1...1000) ?? concurrentHosts
    wideCPUs = try section[.wide_cpus]?.number(in: 0...1024) ?? wideCPUs
    if let value = section[.keep_room] {
      for item in try value.items() { keepRoom.append(try KeptRoom(item)) }
      if keepRoom.count > KeptRoom.shapesMaximum {
        let text = "keep_room has \(keepRoom.count) items; allowed: up to \(KeptRoom.shapesMaximum)"
        throw value.position.error(text)
      }
    }
    concurrentMigrations = try section[.concurrent_migrations]?.number(in: 0...100) ?? concurrentMigrations
    for item in try section[.quiet_hours]?.items() ?? [] { quietHours.append(try QuietHours(item)) }
    for item in try section[.except_hosts]?.items() ?? [] { exceptHosts.append(try item.text(allowing: 256)) }
    for item in try section[.except_guests]?.items() ?? [] { exceptGuests.append(try item.text(allowing: 256)) }
    manage = try section[.manage]?.choice() ?? manage
  }
}

extension KeptRoom {
  init(_ value: Value) throws(ConfigurationError) {
    let section = try Section<KeptRoomKey>(value)
    let shape = try section.required(.shape, example: "{guest_cells: [{vcpus: 16, memory: 64GiB}]}")
    self.init(
      shape: try Shape(shape),
      count: try section.required(.count, example: "2").number(in: PlanRequest.countRange))
  }
}

extension QuietHours {
  /// Reads `HH:MM-HH:MM`.
  init(_ value: Value) throws(ConfigurationError) {
    let text = try value.text(allowing: 16)
    let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { Self.minutes($0) }
    guard ends.count == 2, let begins = ends[0], let last = ends[1] else {
      throw value.position.error("\(text) is no part of a day; allowed: HH:MM-HH:MM in UTC, such as '22:00-06:00'")
    }
    self.init(begins: begins, ends: last)
  }

  private static func minutes(_ text: Substring) -> Int? {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, parts.allSatisfy({ $0.utf8.count == 2 }), let hours = Int(parts[0]),
      let rest = Int(parts[1]),
      (0...23).contains(hours), (0...59).contains(rest)
    else { return nil }
    return hours * 60 + rest
  }
}
