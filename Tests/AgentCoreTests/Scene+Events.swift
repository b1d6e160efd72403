import AgentCore
import Fleet
import NUMA
import Testing

extension Scene {
  mutating func event(_ word: String, _ words: Words) throws -> Agent.Event {
    switch word {
    case "tick": return .tick
    case "poke": return .poked
    case "progress":
      return .progressed(try #require(inFlight.first, "no command is in flight").id, words.all.joined(separator: " "))
    case "connect": return .connected(link: link(words))
    case "garbled":
      messages += 1
      return .unreadable(
        messageID: messages, job: try words.int("job").map { JobID(UInt64($0)) },
        Refusal(.unsupported, "job.action has a value that this version does not know", remedy: "upgrade"),
        link: link(words))
    case "disconnect": return .disconnected(link: link(words))
    default:
      messages += 1
      let link = try words.int("link") ?? 0
      var term = terms[link] ?? (epoch: 1, boot: "coordinator")
      if word == "welcome" { term = (epoch: try words.int("epoch") ?? 1, boot: words.text("boot") ?? "coordinator") }
      if word == "welcome" { terms[link] = term }
      return .received(
        Envelope(
          messageID: messages, answering: word == "welcome" && !words.has("unasked") ? 1 : nil,
          epoch: Epoch(UInt64(try words.int("term") ?? term.epoch)), boot: BootID(words.text("boot") ?? term.boot),
          sequence: messages, payload: try payload(word, words)),
        link: link)
    }
  }

  private func link(_ words: Words) -> Int { words.all.first.flatMap { Int($0) } ?? 0 }

  private func payload(_ word: String, _ words: Words) throws -> ToAgent {
    switch word {
    case "welcome":
      return .welcome(
        Welcome(
          host: "a", epoch: Epoch(UInt64(try words.int("epoch") ?? 1)), wantsTopology: words.has("topology"),
          heartbeatMilliseconds: 2000, answersHeartbeats: words.has("answers")))
    case "alive": return .alive
    case "look": return .look(UInt64(try #require(Int(try words[1]))))
    case "cancel":
      // Of the job that the words after its first name.
      guard case .job(let job) = try payload(try words[0], words.from(1)) else { throw Unreadable(line: word) }
      return .cancel(job)
    case "job": return .job(try job(words))
    case "start": return .job(try startJob(words))
    case "migrate": return .job(try migration(words))
    case "switch": return .job(try ksmJob(words))
    case "ack": return .jobAcknowledged(JobID(UInt64(try #require(Int(try words[0])))))
    case "sendReport": return .sendReport(withTopology: words.has("topology"))
    case "refused": return .refused(Refusal(.busy, "too many hosts", remedy: "ask again"))
    default: throw Unreadable(line: word)
    }
  }

  /// `job 1 db gen 2 to 3 scope live driver kernel live-pages expecting run 100`, or with `pins`, `emulator`,
  /// `numatune`, `memory 0:3,1:2` and `shares` in place of `to`.
  func job(_ words: Words) throws -> Job {
    let name = try words[1]
    let guest = host.guests.first { $0.id == "id-\(name)" }
    let id = name.contains("/") ? name : "id-\(name)"
    let expected = words.has("expecting") ? guest?.record?.live : nil
    return Job(
      id: JobID(UInt64(try #require(Int(try words[0])))), host: "a", guest: GuestID(id), guestName: name,
      epoch: Epoch(UInt64(try words.int("epoch") ?? 1)), generation: Generation(UInt64(try words.int("gen") ?? 1)),
      incarnation: words.has("unseen") ? nil : Incarnation(pid: try words.int("run") ?? 100, startTicks: 7),
      action: .apply(desired: try desired(words, guest), expected: expected),
      scope: words.text("scope").flatMap(Scope.init) ?? .live,
      driver: words.text("driver").flatMap(DriverChoice.init) ?? .automatic, livePages: words.has("live-pages"))
  }

  private func desired(_ words: Words, _ guest: ModelGuest?) throws -> Pinning {
    var pinning = Pinning()
    if let cell = try words.int("to") {
      let cpus = host.topology.cpus(of: [cell])
      let vcpus = guest?.process?.threads.compactMap { if case .vcpu(let id) = $0.role { id } else { nil } } ?? [0, 1]
      pinning = Pinning(
        vcpus: vcpus.map { VCPUPin(vcpu: $0, cpuset: cpus) }, emulator: cpus,
        numatune: NUMATune(mode: guest?.record?.live.numatune?.mode ?? .restrictive, nodeset: [cell]),
        memory: [GuestCellPlacement(guestCell: 0, cell: cell)])
    }
    if let text = words.text("pins") {
      pinning.vcpus = try ModelGuest.cpusets(text).enumerated().map { VCPUPin(vcpu: $0.offset, cpuset: $0.element) }
    }
    if let text = words.text("emulator") { pinning.emulator = CPUSet(text) }
    if let text = words.text("iothread") { pinning.iothreads = [IOThreadPin(iothread: 1, cpuset: CPUSet(text) ?? [])] }
    if words.text("numatune") != nil { pinning.numatune = try ModelGuest.numatune(words) }
    if let text = words.text("memory") {
      pinning.memory = try text.split(separator: ",").map { pair in
        let numbers = try ModelGuest.numbers(String(pair.replacing(":", with: ",")))
        return GuestCellPlacement(guestCell: numbers[0], cell: numbers[1])
      }
    }
    pinning.cputune.shares = try words.int("shares")
    return pinning
  }

  /// `start 1 new to 2`.
  private func startJob(_ words: Words) throws -> Job {
    let name = try words[1]
    let cell = try words.int("to") ?? 0
    let cpus = host.topology.cpus(of: [cell])
    let cells = [GuestCellPlacement(guestCell: 0, cell: cell)]
    let placement = Placement(
      host: "a", cells: cells,
      pinning: Pinning(
        vcpus: [VCPUPin(vcpu: 0, cpuset: cpus)], numatune: NUMATune(mode: .strict, nodeset: [cell]), memory: cells),
      dedicated: [], score: 0, terms: [])
    return Job(
      id: JobID(UInt64(try #require(Int(try words[0])))), host: "a", guest: GuestID("id-\(name)"), guestName: name,
      epoch: 1, generation: 1, incarnation: nil,
      action: .start(
        domainXML: "<domain/>", shape: Shape(name: name, guestCells: [ShapeCell(vcpus: 1, memory: KiB(mib: 256))]),
        placement: placement),
      scope: .both, driver: .libvirt)
  }

  /// `migrate 1 db gen 2 to b cell 3 [stale]`: to host b, its memory on cell 3 there, decided on other pins if stale.
  private func migration(_ words: Words) throws -> Job {
    var job = try job(Words(words.all.filter { $0 != "to" }))
    let guest = host.guests.first { $0.id == job.guest.text }
    let cell = try words.int("cell") ?? 0
    let places = [GuestCellPlacement(guestCell: 0, cell: cell)]
    let placement = Placement(
      host: HostID(words.text("to") ?? "b"), cells: places,
      pinning: Pinning(
        vcpus: [0, 1].map { VCPUPin(vcpu: $0, cpuset: [cell * 4 + $0]) }, emulator: [cell * 4 + 2],
        numatune: NUMATune(mode: .strict, nodeset: [cell]), memory: places),
      dedicated: [cell * 4, cell * 4 + 1], score: 0, terms: [])
    job.action = .migrate(
      uri: "qemu+tls://b/system", placement: placement,
      expected: words.has("stale") ? Pinning() : guest?.record?.live ?? Pinning())
    (job.scope, job.driver) = (.both, .libvirt)
    return job
  }

  /// `switch 1 [gen N] within|across`: KSM of the host.
  private func ksmJob(_ words: Words) throws -> Job {
    Job(
      id: JobID(UInt64(try #require(Int(try words[0])))), host: "a", guest: .ksm(of: "a"), guestName: "KSM",
      epoch: Epoch(UInt64(try words.int("epoch") ?? 1)), generation: Generation(UInt64(try words.int("gen") ?? 1)),
      incarnation: nil, action: .switchKSM(mergeAcrossNodes: words.has("across")), scope: .live, driver: .kernel)
  }

  struct Unreadable: Error { let line: String }
}
