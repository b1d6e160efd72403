import AgentCore
import Fleet
import NUMA
import Testing

/// An agent on a modelled host with coordinators that say what a script's lines say. `Transcripts/README.md` lists
/// the words.
struct Scene {
  var host: ModelHost
  var agent: Agent
  var now = Instant(milliseconds: 1_000_000, wallMilliseconds: 1_700_000_000_000)
  /// As the agent's disk has it.
  var journal = Journal()
  /// Commands whose completion is still to come, oldest first.
  var inFlight: [Command] = []
  var done: [Command] = []
  var outputs: [Agent.Output] = []
  /// The newest word about each job.
  var reports: [JobID: JobReport] = [:]  // lookup only
  var messages: UInt64 = 0
  var boots = 1
  var links = 1
  /// Whether the journal cannot be written.
  var diskIsFull = false
  /// What the coordinator of each link said last of itself.
  var terms: [Int: (epoch: Int, boot: String)] = [:]  // lookup only

  init() throws {
    host = try ModelHost(Words([]))
    agent = Agent(settings: Self.settings(links: 1, boot: 1), journal: Journal(), now: now)
  }

  static func settings(links: Int, boot: Int) -> Agent.Settings {
    Agent.Settings(
      softwareVersion: "1.0", hostname: "a", boot: BootID("boot-\(boot)"), links: links, threadsMilliseconds: 2000,
      residencyMilliseconds: 5000, topologyMilliseconds: 30_000)
  }

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
    case "do":
      return try lines((0..<(rest.all.first.flatMap { Int($0) } ?? 1)).map { _ in try carryOut() })
    case "finish":
      return try lines(finish())
    case "fail":
      let code = Refusal.Code(rawValue: rest.all.first ?? "kernelRefused") ?? .kernelRefused
      return try lines([fail(Refusal(code, "it did not work", remedy: "look at the host"))])
    case "again":
      let command = try #require(done.last, "nothing was done yet")
      return lines([step(.completed(command.id, host.carryOut(command.effect)))])
    case "restart":
      boots += 1
      inFlight = []
      agent = Agent(settings: Self.settings(links: links, boot: boots), journal: journal, now: now)
      return lines([step(.tick)])
    case "show":
      return "deadline in \(agent.nextDeadline.milliseconds - now.milliseconds) ms"
    default:
      if try change(word, rest) { return "" }
      return lines([step(try event(word, rest))])
    }
  }

  private func lines(_ outputs: [Agent.Output]) -> String { outputs.flatMap(\.lines).joined(separator: "\n") }

  mutating func step(_ event: Agent.Event) -> Agent.Output {
    let output = agent.step(event, at: now)
    outputs.append(output)
    if diskIsFull, output.journal != nil {
      // Nothing of the output leaves but its notes.
      var shown = step(.journalFailed(Refusal(.storeUnavailable, "the disk is full", remedy: "mend it")))
      shown.notes = output.notes + shown.notes
      return shown
    }
    if let written = output.journal { journal = written }
    inFlight += output.commands
    for message in output.messages {
      if case .jobReport(let report) = message.envelope.payload { reports[report.job] = report }
    }
    return output
  }

  /// The host carries out the oldest command.
  mutating func carryOut() throws -> Agent.Output {
    let command = try #require(inFlight.first, "no command is in flight")
    inFlight.removeFirst()
    done.append(command)
    return step(.completed(command.id, host.carryOut(command.effect)))
  }

  mutating func fail(_ refusal: Refusal) throws -> Agent.Output {
    let command = try #require(inFlight.first, "no command is in flight")
    inFlight.removeFirst()
    done.append(command)
    return step(.completed(command.id, .failed(refusal)))
  }

  /// The host carries out all commands and those that follow from them.
  mutating func finish() throws -> [Agent.Output] {
    var outputs: [Agent.Output] = []
    while !inFlight.isEmpty {
      outputs.append(try carryOut())
      try #require(outputs.count < 200, "the agent never rests")
    }
    return outputs
  }

  /// Changes of the host behind the agent's back; false when the word is none of them.
  private mutating func change(_ word: String, _ words: Words) throws -> Bool {
    switch word {
    case "host": host = try ModelHost(words)
    case "guest": host.guests.append(try ModelGuest(domain: words, topology: host.topology))
    case "process": host.guests.append(try ModelGuest(process: words, topology: host.topology))
    case "agent":
      links = try words.int("links") ?? 1
      agent = Agent(settings: Self.settings(links: links, boot: 1), journal: journal, now: now)
    case "libvirt": host.libvirtAnswers = words.has("none") ? nil : words.has("up")
    case "ksm":
      host.ksm = ModelKSM(
        run: try words.int("run") ?? 1, across: !words.has("within"), saved: KiB(mib: try words.int("saved") ?? 40))
      host.ksm?.meddling = try words.int("meddling") ?? 0
      host.ksm?.stopping = try words.int("stopping") ?? 0
    case "hide": try host.change(try words[0]) { $0.process = nil }
    case "offline": host.takeOffline(try #require(Int(try words[0])))
    case "kernel": host.facts.kernelVersion = try words[0]
    case "disk": diskIsFull = words.has("full")
    case "deaf": host.deaf = words.has("on")
    case "leave": host.leaving = try ModelGuest.numbers(try words[0])
    case "shutoff":
      try host.change(try words[0]) { guest in
        guest.record?.state = .shutoff
        guest.record?.pid = nil
        guest.process = nil
      }
    case "paused": try host.change(try words[0]) { $0.record?.state = .paused }
    case "device": try host.change(try words[0]) { $0.record?.vfio = ["0000:3b:00.0"] }
    case "vanish": host.guests.removeAll { $0.id == "id-\(words.all.first ?? "")" }
    case "rerun":
      let pid = try #require(Int(try words[1]))
      try host.change(try words[0]) {
        $0.record?.pid = pid
        $0.process?.incarnation.pid = pid
      }
    case "repin":
      let (vcpu, cpus) = (Int(try words[1]), try #require(CPUSet(try words[2])))
      try host.change(try words[0]) { guest in guest.allow(cpus) { $0.role == .vcpu(vcpu ?? 0) } }
      if words.has("virsh") {
        try host.change(try words[0]) { $0.record?.live.vcpus[vcpu ?? 0].cpuset = cpus }
      }
    case "stray":
      let cell = try #require(Int(try words[1]))
      let leaving = 100 - (try words.int("percent") ?? 100)
      try host.change(try words[0]) { _ = $0.movePages(to: cell, leaving: leaving) }
    case "noise":
      let pages = try #require(Int(try words[1]))
      try host.change(try words[0]) { $0.process?.regions[0].residency[0].pages += pages }
    default: return false
    }
    return true
  }
}
