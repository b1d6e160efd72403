public import Fleet
import NUMA

extension Policy {
  /// Validates the text of a policy file; what it leaves out has the default of `Policy.init`.
  public init(parsing text: String, file: String, overriding settings: [String] = []) throws(ConfigurationError) {
    let document = try Document(text, file: file, overriding: settings)
    let section = try document.section(.policy, PolicyKey.self)
    self.init()
    if let value = section[.reserve] { reserve = try Reserve(value) }
    overcommitPercent = try section[.overcommit_percent]?.number(in: 100...6400) ?? overcommitPercent
    smt = try section[.smt]?.choice() ?? smt
    if let value = section[.weights] { weights = try Weights(value) }
    if let value = section[.pressure] { pressure = try PressureRules(value) }
    if let value = section[.live_pages] {
      for item in try value.items() { livePages.append(try item.text(allowing: 256)) }
    }
    driver = try section[.driver]?.choice() ?? driver
    if let value = section[.driver_by_host] {
      for item in try value.items() {
        let entry = try HostDriver(item)
        guard !driverByHost.contains(where: { $0.host == entry.host }) else {
          throw item.position.error("host \(entry.host) is given twice in driver_by_host; keep one")
        }
        driverByHost.append(entry)
      }
    }
    scope = try section[.scope]?.choice() ?? scope
    foldGuestCells = try section[.fold_guest_cells]?.flag() ?? foldGuestCells
    if let value = section[.hosts] { hosts = try HostRules.list(value) }
    if let value = section[.automation] { automation = try AutomationRules(value) }
    drift = try section[.drift]?.choice() ?? drift
    for item in try section[.drift_by_guest]?.items() ?? [] { driftByGuest.append(try GuestDrift(item)) }
    if let value = section[.groups] {
      for item in try value.items() {
        let group = try GuestGroup(item)
        guard !groups.contains(where: { $0.name == group.name }) else {
          throw item.position.error("group \(group.name) is given twice in groups; keep one")
        }
        groups.append(group)
      }
    }
  }
}

private enum PolicyKey: String, SectionKey {
  case kind, reserve, overcommit_percent, smt, weights, pressure, live_pages, driver, driver_by_host, scope
  case fold_guest_cells, hosts, groups, automation, drift, drift_by_guest
}

private enum ReserveKey: String, SectionKey {
  case pcpus_per_cell, memory_per_cell
}

private enum WeightsKey: String, SectionKey {
  case contention, locality, fragmentation
}

private enum PressureKey: String, SectionKey {
  case busy_percent, bandwidth, waiting_percent
}

private enum GuestDriftKey: String, SectionKey {
  case guest, drift
}

private enum HostDriverKey: String, SectionKey {
  case host, driver
}

extension Reserve {
  init(_ value: Value) throws(ConfigurationError) {
    let section = try Section<ReserveKey>(value)
    self.init()
    pcpusPerCell = try section[.pcpus_per_cell]?.number(in: 0...1024) ?? pcpusPerCell
    memoryPerCell = try section[.memory_per_cell]?.amount(in: 0...KiB(gib: 1024)) ?? memoryPerCell
  }
}

extension Weights {
  init(_ value: Value) throws(ConfigurationError) {
    let section = try Section<WeightsKey>(value)
    self.init()
    contention = try section[.contention]?.number(in: 0...1000) ?? contention
    locality = try section[.locality]?.number(in: 0...1000) ?? locality
    fragmentation = try section[.fragmentation]?.number(in: 0...1000) ?? fragmentation
    if contention + locality + fragmentation == 0 {
      throw value.position.error(
        "all weights are 0, so that any cell is as good as any other; give one of them 1...1000")
    }
  }
}

extension PressureRules {
  init(_ value: Value) throws(ConfigurationError) {
    let section = try Section<PressureKey>(value)
    self.init()
    busyPercent = try section[.busy_percent]?.number(in: 0...99) ?? busyPercent
    bandwidth = try section[.bandwidth]?.number(in: 0...Self.bandwidthMax) ?? bandwidth
    waitingPercent = try section[.waiting_percent]?.number(in: 0...99) ?? waitingPercent
  }
}

extension GuestDrift {
  init(_ value: Value) throws(ConfigurationError) {
    let section = try Section<GuestDriftKey>(value)
    let guest = try section.required(.guest, example: "db-*").text(allowing: 256)
    self.init(guest: guest, drift: try section.required(.drift, example: "mend").choice())
  }
}

extension HostDriver {
  init(_ value: Value) throws(ConfigurationError) {
    let section = try Section<HostDriverKey>(value)
    let host = try section.required(.host, example: "host-a").word()
    self.init(host: HostID(host), driver: try section.required(.driver, example: "kernel").choice())
  }
}
