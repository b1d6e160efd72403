import CoordinatorCore
import Fleet
import NUMA

/// Values of the fleet as parts of a transcript's lines: all that decides, nothing that only decorates.
extension Pinning {
  var line: String {
    var parts = vcpus.map { "v\($0.vcpu)=\($0.cpuset)" }
    if let emulator { parts.append("emulator=\(emulator)") }
    parts += iothreads.map { "io\($0.iothread)=\($0.cpuset)" }
    if let numatune {
      let mode = numatune.mode?.rawValue ?? "-"
      parts.append("numatune=\(mode):\(numatune.nodeset?.description ?? "-")")
      parts += numatune.memnodes.map { "memnode\($0.guestCell)=\($0.mode.rawValue):\($0.nodeset)" }
    }
    parts += cputune.parameters.map { "\($0.name)=\($0.value)" }
    parts += memory.map { "mem\($0.guestCell)->\($0.cell)" }
    return "[" + parts.joined(separator: " ") + "]"
  }
}

extension Wish {
  var line: String {
    let who =
      switch origin {
      case .placed(let job): "by job \(job)"
      case .adopted(let actor): "adopted by \(actor)"
      }
    return "for \(guest) on \(host)\(incarnation.map { " run \($0)" } ?? "") \(who) \(pinning.line)"
  }
}

extension PlacedGuest {
  var line: String { "\(host)/\(guest.line)" + (wish.map { ", wanted \($0.line)" } ?? "") }
}

extension FleetEvent {
  var line: String {
    let about = [host.map(\.text), guest.map(\.text), job.map { "job \($0)" }].compactMap { $0 }.joined(separator: " ")
    return "event \(sequence) \(kind.rawValue) by \(actor)\(about.isEmpty ? "" : ", \(about)"): \(text)"
  }
}

extension PlanRequest {
  var line: String {
    switch self {
    case .repair(let host): "repair \(host?.text ?? "all hosts")"
    case .place(let guest, let host, let cells):
      "place \(guest) on \(host)" + (cells.map { " cells \($0)" } ?? "")
    case .migrate(let guest, let from, let to, let cells):
      "migrate \(guest) from \(from) to \(to)" + (cells.map { " cells \($0)" } ?? "")
    case .drain(let host): "drain \(host)"
    case .rebalance(let host, let migrations, let wideCPUs):
      "rebalance \(host?.text ?? "all hosts") for \(wideCPUs) cpus, \(migrations) migrations"
    case .fit(let shape, let count, let migrations):
      "fit \(count) of \(shape.vcpus) vcpus, \(migrations) migrations"
    case .keepRoom(let migrations): "keep room, \(migrations) migrations"
    }
  }
}

extension Plan {
  var line: String {
    let waves = waves.enumerated().map { index, wave in
      "wave \(index + 1) { " + wave.moves.map(\.line).joined(separator: "; ") + " }"
    }
    let stay = unmoved.map { "stays \($0.host)/\($0.guestName): \($0.reason)" }
    let done = wavesDone.map { ", \($0) waves done" } ?? ""
    let last = throughWave.map { ", through wave \($0)" } ?? ""
    return (["plan \(id) (parent \(parent), \(state.rawValue)\(done)\(last), \(purpose))"] + waves + stay).joined(
      separator: " ")
  }
}

extension Move {
  var line: String {
    "\(host)/\(guestName) run \(incarnation?.description ?? "-") to "
      + (isMigration ? placement.line : placement.pinning.line)
  }
}

extension Placement {
  var line: String { "\(host) \(pinning.line)" }
}

extension JobRecord {
  var line: String {
    "job \(job.id) \(state.rawValue), epoch \(job.epoch), generation \(job.generation)"
      + (plan.map { ", plan \($0)" } ?? "") + (isCancelled == true ? ", cancelled" : "")
      + (ended == nil ? "" : ", ended")
  }
}

extension Job {
  var line: String {
    let what =
      switch action {
      case .apply(let desired, let expected):
        "apply \(desired.line)" + (expected.map { " expecting \($0.line)" } ?? "")
      case .start(_, let shape, let placement): "start \(shape.name) at \(placement.line)"
      case .migrate(let uri, let placement, let expected):
        "migrate to \(placement.line) by \(uri) expecting \(expected.line)"
      case .switchKSM(let across): "KSM merge_across_nodes \(across ? 1 : 0)"
      }
    return "job \(id) for \(guest) run \(incarnation?.description ?? "-"), epoch \(epoch), generation \(generation), "
      + "\(scope.rawValue), \(driver.rawValue)\(livePages ? ", live pages" : ""): \(what)"
  }
}

extension Claim {
  var line: String {
    "claim of job \(job) on \(host) for \(guest): cpus \(dedicated.isEmpty ? "none" : "\(dedicated)")"
      + memory.map { ", \($0.amount) on cell \($0.cell)" }.joined()
      + floating.map { ", \($0.vcpus) floating on cell \($0.cell)" }.joined()
  }
}

extension CommandRecord {
  var line: String {
    let words =
      switch answer {
      case .accepted(let accepted): "accepted: \(accepted.text)"
      case .proposed(let plan): "plan \(plan)"
      case .refused(let refusal): refusal.line
      }
    return "answer to \(command) \(id.messageID) by \(actor): \(words)"
  }
}

extension AuthorizedKey {
  var line: String { "key \(publicKey.prefix(4))… of \(role.rawValue) \(owner)\(revoked ? ", revoked" : "")" }
}

extension Guest {
  var line: String { "\(name) (\(id), \(state.rawValue), run \(incarnation?.description ?? "-")) \(live.line)" }
}

extension HostView {
  var line: String {
    "\(id) \(liveness.rawValue)\(draining ? ", draining" : ""), \(topology.cells.count) cells, guests "
      + (guests.isEmpty ? "none" : guests.map(\.name).joined(separator: ",")) + ", claims of jobs "
      + (claims.isEmpty ? "none" : claims.map { "\($0.job)" }.joined(separator: ","))
  }
}

extension Refusal {
  var line: String { "refused \(code.rawValue): \(description)" }
}

extension Note {
  var line: String {
    "note \(level) \(event)" + fields.map { " \($0.key)=\"\($0.value)\"" }.joined()
  }
}
