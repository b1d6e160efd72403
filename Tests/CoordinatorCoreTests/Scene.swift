import CoordinatorCore
import Fleet
import NUMA
import PlacementEngine
import Testing

/// A coordinator among hosts and operators that do what a script's lines say. `Transcripts/README.md` lists the words.
struct Scene {
  var world = World()
  var policy = Policy(reserve: Reserve(pcpusPerCell: 0, memoryPerCell: 0))
  /// What the policy file says, as far as the store is concerned; nil keeps nothing.
  var policyText: String?
  var settings = Coordinator.Settings(softwareVersion: "1.0", boot: "us")
  var now = Instant(milliseconds: 1_000_000, wallMilliseconds: 1_700_000_000_000)
  var durable = Durable()
  var coordinator: Coordinator?
  /// Jobs that left the coordinator, as their agents have them.
  var sent: [Job] = []
  var planning: [Coordinator.PlanningTask] = []
  var inquiries: [Coordinator.Inquiry] = []
  var outputs: [Coordinator.Output] = []
  var messages: UInt64 = 0
  /// What the store takes: everything, trials only, or nothing.
  enum Room: String { case free, almost, full }
  var room = Room.free

  /// Carries out one line, and gives the output as text.
  mutating func run(_ line: String) throws -> String {
    var words = line.split(separator: " ").map(String.init)
    if let first = words.first, first.hasPrefix("+"), let more = Int(first.dropFirst()) {
      now = now.advanced(byMilliseconds: more)
      words.removeFirst()
    }
    let word = words.removeFirst()
    let rest = Words(words)
    switch word {
    case "host": try world.addHost(rest)
    case "guest": try world.setGuest(rest)
    case "gone": try remove(rest)
    case "leave": try world.leave(try migration(rest))
    case "arrive": try world.arrive(try migration(rest), rest)
    case "libvirt": try world.change(HostID(try rest[0])) { $0.libvirtAnswers = rest.has("up") }
    case "ksm":
      let state = KSMState(
        run: 1, mergeAcrossNodes: !rest.has("within"), pagesShared: 9, saved: KiB(mib: try rest.int("saved") ?? 40))
      try world.change(HostID(try rest[0])) { $0.ksm = state }
    case "load":
      let busy = rest.all.dropFirst().compactMap { Int($0) }
      try world.change(HostID(try rest[0])) {
        $0.load = HostLoad(cells: busy.enumerated().map { CellLoad(cell: $0.offset, busy: $0.element) })
      }
    case "boot": try world.change(HostID(try rest[0])) { ($0.boot, $0.sequence) = (BootID(try rest[1]), 0) }
    case "policy": try setPolicy(rest)
    case "limit": settings.hostsMax = try #require(try rest.int("hosts"))
    case "restart":
      var begun = Coordinator(
        settings: settings, policy: policy, policyText: policyText, restoring: durable.beginTerm(), now: now)
      let output = begun.begin(at: now)
      coordinator = begun
      return take(output)
    case "store":
      room = try #require(Room(rawValue: try rest[0]))
    case "show": return try show(rest)
    default: return take(step(try event(word, rest)))
    }
    return ""
  }

  mutating func step(_ event: Coordinator.Event) -> Coordinator.Output {
    var machine =
      coordinator
      ?? Coordinator(settings: settings, policy: policy, policyText: policyText, restoring: durable.restored, now: now)
    let output = machine.step(event, at: now)
    coordinator = machine
    return output
  }

  private mutating func take(_ output: Coordinator.Output) -> String {
    outputs.append(output)
    if room != .free, !output.writes.isEmpty { return withhold(output) }
    durable.commit(output.writes)
    for message in output.messages {
      switch message.payload {
      case .job(let job):
        sent.removeAll { $0.id == job.id }
        sent.append(job)
      case .welcome(let welcome): try? world.change(message.host) { $0.epoch = welcome.epoch }
      case .jobAcknowledged, .sendReport, .refused, .alive, .look, .cancel: break
      }
    }
    planning += output.planning
    inquiries += output.inquiries
    let isWell = output.retriesStore && room != .full
    return (output.lines + (isWell ? [take(step(.storeRecovered))] : [])).joined(separator: "\n")
  }

  /// What the loop does with an output that could not be stored.
  private mutating func withhold(_ output: Coordinator.Output) -> String {
    let full = Refusal(.storeUnavailable, "the store is full", remedy: "free some space")
    let refused = output.replies.filter { if case .events = $0.payload { false } else { true } }
    let failed = step(.storeFailed(full, durable.restored))
    return (output.lines.map { "withheld: \($0)" } + refused.map { "reply \($0.token) \(full.line)" } + [take(failed)])
      .filter { !$0.isEmpty }.joined(separator: "\n")
  }

  private func migration(_ words: Words) throws -> Job {
    let number = UInt64(try #require(Int(try words[0])))
    return try #require(sent.first { $0.id == JobID(number) }, "no such job was sent")
  }

  private mutating func remove(_ words: Words) throws {
    let parts = try words[0].split(separator: "/").map(String.init)
    try world.change(HostID(parts[0])) { $0.guests.removeAll { $0.name == parts[1] } }
  }

  private mutating func setPolicy(_ words: Words) throws {
    if let guests = words.text("live-pages") { policy.livePages = guests.split(separator: ",").map(String.init) }
    if let guest = words.text("except") { policy.automation.exceptGuests = [guest] }
    if let cpus = try words.int("wide") { policy.automation.wideCPUs = cpus }
    if let vcpus = try words.int("room") {
      // Room for one guest of so many vcpus with CPUs of their own on one cell.
      let cell = ShapeCell(vcpus: vcpus, memory: KiB(mib: 256))
      policy.automation.keepRoom = [
        KeptRoom(shape: Shape(name: "wide", guestCells: [cell], cpuClass: .dedicated), count: 1)
      ]
    }
    if let count = try words.int("migrations") { policy.automation.concurrentMigrations = count }
    if let mib = try words.int("copy") { policy.automation.copyPerMinute = KiB(mib: mib) }
    if let minutes = try words.int("residence") { policy.automation.residenceMinutes = minutes }
    if let drift = words.text("drift") { policy.drift = try #require(DriftRule(rawValue: drift)) }
    if let manage = words.text("manage") { policy.automation.manage = try #require(ManagedGuests(rawValue: manage)) }
    if words.has("quiet") { policy.automation.quietHours = [QuietHours(begins: 22 * 60, ends: 23 * 60)] }
    if let text = words.text("text") { policyText = text }
    if let scope = words.text("scope") { policy.scope = try #require(Scope(rawValue: scope)) }
    if let driver = words.text("driver") { policy.driver = try #require(DriverChoice(rawValue: driver)) }
    if let members = words.text("apart") {
      policy.groups = [GuestGroup(name: "group", rule: .apart, level: .host, members: [members])]
    }
    if let host = words.text("drain") { policy.hosts = [HostRules(host: HostID(host), draining: true)] }
  }

  /// What the coordinator believes, where no output says it.
  private func show(_ words: Words) throws -> String {
    switch try words[0] {
    case "inventory":
      return (coordinator?.inventory(now).hosts ?? []).map(\.line).joined(separator: "\n")
    case "deadline":
      return "deadline " + (coordinator?.nextDeadline.map { "in \($0.milliseconds - now.milliseconds) ms" } ?? "none")
    default:
      throw Unreadable(line: words.all.joined(separator: " "))
    }
  }

  struct Unreadable: Error { let line: String }
}
