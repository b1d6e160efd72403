import Fleet
import NUMA

/// `events`: one line an event.
struct EventLine {
  let event: FleetEvent

  var text: String {
    let about = [event.host.map { "host \($0)" }, event.guest.map { "guest \($0)" }, event.job.map { "job \($0)" }]
    let parts = ["\(event.sequence)", "\(Moment(wallMilliseconds: event.wallMilliseconds))", event.kind.rawValue]
    let words = parts + about.compactMap { $0 } + ["by \(event.actor):", event.text]
    return printable(words.joined(separator: " "))
  }
}

/// `key list`: one line a key.
struct KeyTable {
  let keys: [AuthorizedKey]

  var text: String {
    var table = Table("OWNER", "ROLE", "STATE", "SINCE", "PUBLIC KEY")
    for key in keys {
      let since = "\(Moment(wallMilliseconds: key.since))"
      table.add(key.owner, key.role.rawValue, key.revoked ? "revoked" : "valid", since, key.publicKey)
    }
    return table.text(empty: "no key is authorized; `numafleet key authorize NAME PUBLIC --role agent` does it")
  }
}

/// `status`.
struct StatusText {
  let status: CoordinatorStatus

  var text: String {
    let store = status.storeOutage.map { outage in
      "takes no writes since \(Moment(wallMilliseconds: outage.since)): \(outage.refusal.description) "
        + "(\(outage.eventsNotLogged) events were not logged)"
    }
    let rows = [
      ("coordinator", "version \(status.softwareVersion), epoch \(status.epoch)"),
      ("hosts", "\(status.hosts), of these unreachable \(status.hostsUnreachable)"), ("guests", "\(status.guests)"),
      ("jobs in flight", "\(status.jobsInFlight)"), ("last event", "\(status.lastEvent)"),
    ]
    return fields(rows + (store.map { [("store", $0)] } ?? []))
  }
}

/// `policy show`.
struct PolicyText {
  let policy: Policy

  var text: String {
    func list(_ texts: [String]) -> String { texts.isEmpty ? "none" : texts.joined(separator: "; ") }
    let hosts = policy.hosts.map { rules in
      let places = [rules.rack.map { "rack \($0)" }, rules.zone.map { "zone \($0)" }].compactMap { $0 }
      let words =
        places + rules.labels + rules.taints.map { "taint \($0)" } + (rules.draining ? ["draining"] : [])
        + (rules.bandwidth.map { ["bandwidth \($0) MiB/s"] } ?? [])
      return "\(rules.host): \(words.joined(separator: ", "))"
    }
    let groups = policy.groups.map { group in
      let members = (group.members + group.domains.map { "[\($0.joined(separator: ", "))]" }).joined(separator: ", ")
      return "\(group.name): \(group.rule.rawValue) by \(group.level.rawValue), \(members)"
    }
    func limit(_ amount: Int, _ words: String) -> [String] { amount > 0 ? ["\(amount) \(words)"] : [] }
    let rules = policy.pressure
    let limits =
      limit(rules.busyPercent, "% busy") + limit(rules.bandwidth, "MiB/s") + limit(rules.waitingPercent, "% waiting")
    let pressed = limits.isEmpty ? "never" : limits.joined(separator: ", ")
    let drivers = policy.driverByHost.map { "\($0.host): \($0.driver.rawValue)" }.joined(separator: ", ")
    return fields([
      ("reserve per node", "\(policy.reserve.pcpusPerCell) cpus, \(policy.reserve.memoryPerCell)"),
      ("overcommit", "\(policy.overcommitPercent) %"), ("smt", policy.smt.rawValue),
      (
        "weights",
        "contention \(policy.weights.contention), locality \(policy.weights.locality), "
          + "fragmentation \(policy.weights.fragmentation)"
      ), ("pressed from", pressed),
      ("live pages", policy.livePages.isEmpty ? "no guest" : policy.livePages.joined(separator: ", ")),
      ("driver", policy.driver.rawValue), ("driver by host", drivers.isEmpty ? "no exception" : drivers),
      ("scope", policy.scope.rawValue), ("fold guest cells", "\(policy.foldGuestCells)"),
      ("hosts", list(hosts)), ("groups", list(groups)),
      ("drift", policy.drift.rawValue),
      ("drift by guest", list(policy.driftByGuest.map { "\($0.guest): \($0.drift.rawValue)" })),
      ("automation manages", policy.automation.manage.rawValue),
    ])
  }
}
