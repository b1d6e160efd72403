import CoordinatorCore
import Fleet
import NUMA
import PlacementEngine
import Testing

extension Scene {
  mutating func event(_ word: String, _ words: Words) throws -> Coordinator.Event {
    switch word {
    case "tick": return .tick
    case "left": return .left(try token(words))
    case "reload":
      return .reloaded(policy, text: policyText)
    case "ask":
      return .asked(
        try request(try words[2], words.from(3).before("as")), actor: try words[1], token: try token(words),
        id: try words.int("as").flatMap { RequestID(boot: "run", messageID: UInt64($0)) })
    case "plan" where try words[0] == "auto":
      let index = try #require(planning.firstIndex { $0.token.isAutomation }, "automation plans nothing")
      let task = planning.remove(at: index)
      return .planned(Placer.plan(task.input), token: task.token)
    case "plan":
      let index = try #require(planning.firstIndex { $0.token == (try? token(words)) }, "nothing to plan")
      let task = planning.remove(at: index)
      var plan = Placer.plan(task.input)
      if words.has("split") { plan.waves = plan.moves.map { Wave(moves: [$0]) } }
      return .planned(plan, token: task.token)
    case "answer":
      let index = try #require(inquiries.firstIndex { $0.token == (try? token(words)) }, "nothing to answer")
      let inquiry = inquiries.remove(at: index)
      return .answered(inquiry.answer(), token: inquiry.token)
    default:
      return try fromAgent(word, HostID(try words[0]), words)
    }
  }

  private func token(_ words: Words) throws -> Coordinator.Token {
    Coordinator.Token(UInt64(try #require(Int(try words[0]))))
  }

  // MARK: Agents

  private mutating func fromAgent(_ word: String, _ host: HostID, _ words: Words) throws -> Coordinator.Event {
    let sequence = UInt64(try words.int("seq") ?? Int(try world[host].sequence) + 1)
    try world.change(host) { $0.sequence = max($0.sequence, sequence) }
    if word == "report" { try world.change(host) { $0.lastReport = sequence } }
    messages += 1
    return .received(
      Envelope(
        messageID: messages, epoch: try words.int("term").map { Epoch(UInt64($0)) } ?? world[host].epoch,
        boot: BootID(try words.text("boot") ?? world[host].boot.text),
        sequence: sequence, payload: try payload(word, host, words)), from: host)
  }

  private func payload(_ word: String, _ host: HostID, _ words: Words) throws -> ToCoordinator {
    switch word {
    case "hello":
      return .hello(
        Hello(
          softwareVersion: "1.0", topologyHash: words.has("knows") ? try world[host].topology.contentHash : 0,
          highestEpoch: Epoch(UInt64(try words.int("epoch") ?? 0)), epochOwner: words.text("owner").map { BootID($0) },
          capabilities: (words.has("able") ? AgentCapabilities.alive : []).union(words.has("looks") ? .looks : [])
            .union(words.has("switches") ? [.alive, .ksm] : []).union(words.has("cancels") ? .cancels : [])))
    case "report":
      var report = try world.report(
        of: host, withTopology: words.has("topology"), contradictory: words.has("contradictory"))
      report.journal = try journal(words)
      report.looked = UInt64(try words.int("looked") ?? 0)
      return .report(report)
    case "heartbeat":
      return .heartbeat(lastReport: UInt64(try words.int("last") ?? Int(try world[host].lastReport)))
    case "garbled":
      return .refused(
        Refusal(.unsupported, "job.action has a value that this version does not know", remedy: "upgrade"),
        job: words.all.dropFirst().first.flatMap { UInt64($0) }.map { JobID($0) })
    case "running", "verified", "refused", "diverged":
      return .jobReport(try jobReport(word, host, words))
    default:
      throw Unreadable(line: word)
    }
  }

  /// `marks id-db:7,id-x:2 hand 4,5`.
  private func journal(_ words: Words) throws -> JournalHead? {
    guard words.has("marks") || words.has("hand") else { return nil }
    let marks = try (words.text("marks") ?? "").split(separator: ",").map { pair in
      let parts = pair.split(separator: ":")
      return JournalHead.Mark(
        guest: GuestID(String(parts[0])), generation: Generation(try #require(UInt64(parts[1]))))
    }
    let jobs = (words.text("hand") ?? "").split(separator: ",").compactMap { UInt64($0).map { JobID($0) } }
    return JournalHead(generations: marks, inHand: Array(jobs.prefix(1)), unacknowledged: Array(jobs.dropFirst()))
  }

  /// `verified a 1 [steps N] [guest ID] [unseen]`: host a's agent about job 1; the guest is reported as it is in the
  /// world, if it was read back.
  private func jobReport(_ word: String, _ host: HostID, _ words: Words) throws -> JobReport {
    let number = UInt64(try #require(Int(try words[1])))
    let job = sent.first { $0.id == JobID(number) }
    let guest = GuestID(words.text("guest") ?? job?.guest.text ?? "id-nobody")
    let refusal = Refusal(
      Refusal.Code(rawValue: words.text("code") ?? "rolledBack") ?? .rolledBack, "the pin did not hold",
      remedy: "look at the host")
    let outcome: JobOutcome =
      switch word {
      case "running": .running(detail: "step 1 of 2")
      case "refused": .refused(refusal)
      case "diverged": .diverged(refusal)
      default: .verified
      }
    let steps = (0..<(try words.int("steps") ?? 1)).map { StepRecord(name: "step \($0)", milliseconds: 5, detail: "") }
    return JobReport(
      job: JobID(number), guest: guest,
      generation: Generation(UInt64(try words.int("gen") ?? Int(job?.generation.number ?? 1))), outcome: outcome,
      driver: words.has("untried") ? nil : .libvirt,
      steps: steps,
      observed: word == "running" || words.has("unseen") ? nil : try world[host].guests.first { $0.id == guest })
  }

  // MARK: Operators

  private func request(_ word: String, _ words: Words) throws -> OperatorRequest {
    switch word {
    case "hosts": return .hosts
    case "host": return .host(HostID(try words[0]))
    case "guests": return .guests(host: words.all.first.map { HostID($0) })
    case "guest": return .guest(try words[0])
    case "findings": return .findings(of: words.all.first)
    case "plans": return .plans
    case "showPlan": return .plan(PlanID(UInt64(try #require(Int(try words[0])))))
    case "apply":
      return .applyPlan(PlanID(UInt64(try #require(Int(try words[0])))), throughWave: try words.int("wave"))
    case "cancel":
      let number = UInt64(try #require(Int(try words[1])))
      return .cancel(try words[0] == "plan" ? .plan(PlanID(number)) : .job(JobID(number)))
    case "evacuate": return .makePlan(.drain(host: HostID(try words[0])))
    case "repair": return .makePlan(.repair(host: words.all.first.map { HostID($0) }))
    case "jobs": return .jobs(active: words.has("active"))
    case "job": return .job(JobID(UInt64(try #require(Int(try words[0])))))
    case "events": return .events(after: UInt64(try words.int("after") ?? 0), follow: words.has("follow"))
    case "status": return .status
    case "automation": return .automation
    case "keys": return .keys
    case "revoke": return .revokeKey(publicKey: try words[0])
    default: return try command(word, words)
    }
  }

  private func command(_ word: String, _ words: Words) throws -> OperatorRequest {
    let scope = words.text("scope").flatMap(Scope.init)
    let driver = words.text("driver").flatMap(DriverChoice.init)
    switch word {
    case "place", "migrate":
      let cells = words.text("cells").map { $0.split(separator: ",").compactMap { Int($0) } }
      return .placeGuest(
        PlaceGuest(
          guest: try words[0], cells: cells, scope: scope, driver: driver, to: words.text("to").map { HostID($0) },
          dryRun: words.has("dry"), explain: false))
    case "pin":
      let cpus = words.text("cpus").map { CPUSet($0) ?? [] }
      var desired = Pinning(vcpus: cpus.map { [VCPUPin(vcpu: (try? words.int("vcpu")) ?? 0, cpuset: $0)] } ?? [])
      if let cell = try words.int("nodeset") { desired.numatune = NUMATune(nodeset: [cell]) }
      return .change(
        ManualChange(guest: try words[0], desired: desired, scope: scope, driver: driver, dryRun: words.has("dry")))
    case "shape": return .placeShape(try shape(words), explain: false)
    case "shapes":
      // `shapes a:2 b:4 …`: a guest of that name and vcpus each.
      let shapes = words.all.filter { $0.contains(":") }.map { word in
        let parts = word.split(separator: ":").map(String.init)
        return Shape(
          name: parts[0], guestCells: [ShapeCell(vcpus: Int(parts[1]) ?? 0, memory: KiB(mib: 256))],
          cpuClass: .dedicated)
      }
      return .placeShapes(PlaceShapes(shapes: shapes, allOrNothing: words.has("all"), explain: false))
    case "auto":
      return .automate(
        Automate(mode: AutomationMode(rawValue: try words[0]), pauseMinutes: try words.int("pause")))
    case "ksm":
      return .switchKSM(
        SwitchKSM(host: HostID(try words[0]), mergeAcrossNodes: words.has("across"), dryRun: words.has("dry")))
    case "adopt":
      let subject: Adopt.Subject = try words.text("host").map { .guests(of: HostID($0)) } ?? .guest(words[0])
      return .adopt(Adopt(subject, dryRun: words.has("dry")))
    case "drain": return .drain(HostID(try words[0]), true)
    case "resume": return .drain(HostID(try words[0]), false)
    case "forget": return .forgetHost(ForgetHost(host: HostID(try words[0]), evenWithGuests: words.has("lost")))
    case "capacity": return .capacity(try shape(words), byHost: words.has("byHost"))
    case "start":
      return .start(
        StartGuest(
          guest: GuestID(try words[0]), guestName: words.text("guest") ?? "", shape: try shape(words),
          domainXML: "<domain/>", dryRun: words.has("dry")))
    case "authorize":
      let owner = words.text("owner") ?? ""
      return .authorizeKey(
        AuthorizedKey(publicKey: try words[0], owner: owner, role: Role(rawValue: words.text("role") ?? "") ?? .agent))
    default: throw Unreadable(line: word)
    }
  }

  private func shape(_ words: Words) throws -> Shape {
    Shape(
      name: words.text("name") ?? "new",
      guestCells: [
        ShapeCell(vcpus: try words.int("vcpus") ?? 1, memory: KiB(mib: try words.int("mib") ?? 256))
      ], cpuClass: words.has("dedicated") ? .dedicated : .floating)
  }
}
