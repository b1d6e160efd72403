import Fleet
import Foundation
import NUMA
import Testing

@testable import numafleet

/// Every answer as table and as JSON, against recorded files.
@Suite struct Rendering {
  static let replies: [(String, OperatorReply)] = [
    ("hosts", .hosts([CannedFleet.host])), ("host", .host(CannedFleet.host)),
    ("hosts-foreign", .hosts([CannedFleet.lostHost])), ("guests", .guests(CannedFleet.placed)),
    ("guest", .guest(CannedFleet.placed[0])), ("process", .guest(CannedFleet.placed[1])),
    ("guest-wanted", .guest(PlacedGuest(host: "host-a", guest: CannedFleet.database, wish: CannedFleet.wish))),
    (
      "findings",
      .findings([
        Finding(
          severity: .info, kind: .ksmAcrossNodes, host: "host-a", evidence: "12 pages are shared across nodes",
          remedy: "numafleet host ksm host-a --merge within-nodes"),
        Finding(
          severity: .error, kind: .remoteMemory, host: "host-a", guest: CannedFleet.database.id, guestName: "db",
          evidence: "484 of 504 MiB are on node 0, its vcpus on node 1", remedy: "numafleet place db"),
      ])
    ),
    (
      "decision",
      .decision(Decision(placement: CannedFleet.placement, refusal: nil, explanation: CannedFleet.explanation))
    ),
    ("plans", .plans([CannedFleet.plan])), ("plan", .plan(CannedFleet.plan)),
    ("plan-in-part", .plan(CannedFleet.planInPart)),
    (
      "jobs",
      .jobs([
        CannedFleet.job(.verified, .verified),
        CannedFleet.job(.running, .running(detail: "moving memory, 40 of 480 MiB")),
        CannedFleet.job(.refused, .refused(CannedFleet.refusal)), CannedFleet.job(.waiting, nil),
      ])
    ),
    (
      "events",
      .events([
        FleetEvent(
          sequence: 121, wallMilliseconds: 1_795_449_117_000, kind: .jobVerified, host: "host-a",
          guest: CannedFleet.database.id, job: 12, actor: "host-a", text: "\u{1b}[2Jverified")
      ])
    ),
    (
      "keys",
      .keys([
        AuthorizedKey(
          publicKey: "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7", owner: "host-a", role: .agent,
          since: 1_795_449_117_000),
        AuthorizedKey(
          publicKey: "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID", owner: "alice", role: .admin, since: 0, revoked: true),
      ])
    ),
    (
      "capacity",
      .capacity(
        Capacity(
          fits: 12, isExact: false, hosts: [HostCapacity(host: "host-a", fits: 12)],
          counts: ["3 cells on 1 host lack 4 dedicated pcpus (nearest: host host-b cell 0 has 2)"],
          after: CapacityAfter(
            purpose: "drain host-b", fits: 14, isExact: true, moves: 3, migrations: 2, copy: KiB(mib: 4096), unmoved: 1)
        ))
    ),
    (
      "decisions",
      .decisions([
        Decision(placement: CannedFleet.placement, refusal: nil),
        Decision(placement: nil, refusal: CannedFleet.refusal),
      ])
    ),
    (
      "policy",
      .policy(
        Policy(
          livePages: ["db"], driverByHost: [HostDriver(host: "host-b", driver: .kernel)],
          hosts: [
            HostRules(
              host: "host-b", rack: "r1", labels: ["disk=nvme"], taints: ["gpu-only"], draining: true, bandwidth: 90_000
            )
          ],
          groups: [
            GuestGroup(name: "web", rule: .apart, level: .rack, domains: [["web-a-*"], ["web-b-*"]])
          ]))
    ),
    (
      "status",
      .status(
        CoordinatorStatus(
          softwareVersion: "0.1.0", epoch: 2, hosts: 3, hostsUnreachable: 1, guests: 20, jobsInFlight: 1, lastEvent: 121
        ))
    ),
    (
      "status-outage",
      .status(
        CoordinatorStatus(
          softwareVersion: "0.1.0", epoch: 2, hosts: 3, hostsUnreachable: 1, guests: 20, jobsInFlight: 1,
          lastEvent: 121,
          storeOutage: StoreOutage(
            refusal: Refusal(.storeUnavailable, "the store s.sqlite cannot grow", remedy: "free some space"),
            since: 1_700_000_000_000, eventsNotLogged: 3)))
    ),
    (
      "automation",
      .automation(
        AutomationStatus(
          state: AutomationState(
            mode: .on, pausedUntil: 1_700_003_600_000, since: 1_700_000_000_000, actor: "root", plans: [7]),
          isQuiet: true, hostsDue: 2, movesLastDay: 5, copiedLastMinute: KiB(gib: 3),
          held: [UnmovedGuest(guest: "g2", guestName: "web", host: "host-a", reason: "it was moved 3 min ago")],
          moves: [
            MoveRecord(
              job: 12, guest: "g1", guestName: "db", host: "host-a", from: [0, 1], to: [3],
              wallMilliseconds: 1_700_000_000_000, actor: "automation", copy: KiB(gib: 2), elsewhere: KiB(mib: 12),
              relief: Relief(cell: 1, strain: .busy, before: 97, after: 60)),
            MoveRecord(
              job: 11, guest: "g3", guestName: "mail", host: "host-b", fromHost: "host-a", from: [1], to: [0],
              wallMilliseconds: 1_700_000_000_000, actor: "automation", copy: KiB(gib: 4)),
          ], rooms: [KeptRoomStatus(name: "wide", wanted: 2, fits: 1)]))
    ), ("accepted", .accepted(Accepted(plan: 7, jobs: [12, 13], text: "accepted: 2 jobs"))),
  ]

  @Test(arguments: replies.indices) func tableIsAsRecorded(index: Int) {
    let (name, reply) = Self.replies[index]
    expectSnapshot(ReplyText(reply: reply).text, "\(name).txt")
  }

  @Test(arguments: replies.indices) func jsonIsAsRecorded(index: Int) {
    let (name, reply) = Self.replies[index]
    expectSnapshot(JSONText.document(ReplyDocument(reply: reply)), "\(name).json")
  }

  @Test func topologyIsAsRecorded() {
    expectSnapshot(TopologyText(CannedFleet.host).text, "topology.txt")
    expectSnapshot(JSONText.document(TopologyDocument(CannedFleet.host)), "topology.json")
  }

  @Test func movabilityIsAsRecorded() {
    var strict = CannedFleet.database
    (strict.vfio, strict.locked, strict.live.numatune) = ([], false, NUMATune(mode: .strict, nodeset: [0]))
    strict.config?.numatune = strict.live.numatune
    strict.name = "strict"
    strict.movability = Movability(.livePages, because: "its numatune mode is strict")
    let guests = CannedFleet.placed + [PlacedGuest(host: "host-b", guest: strict)]
    let rows = guests.map { MovabilityRow($0, policy: Policy()) }
    expectSnapshot(MovabilityTable(rows: rows).text, "movability.txt")
    expectSnapshot(JSONText.document(["guests": rows]), "movability.json")
  }

  /// A `*` is for layers that should agree and do not, and for nothing else.
  @Test func marksAreWhereLayersDiffer() {
    var guest = CannedFleet.database
    guest.config = guest.live
    func marked(_ wish: Wish?) -> [String] {
      PlacementLayers(PlacedGuest(host: "host-a", guest: guest, wish: wish)).rows.filter(\.differs).map(\.record)
    }
    #expect(marked(nil) == [])
    #expect(marked(CannedFleet.wish) == ["vcpupin 1", "memory of guest cell 0"])
    guest.threads[1].cpusAllowed = [0]
    #expect(marked(nil) == ["vcpupin 0"], "the kernel is not as libvirt recorded")
    guest.config?.emulator = [0]
    #expect(marked(nil) == ["vcpupin 0", "emulatorpin"], "the next start is not as this one")
  }

  @Test func topologyBeginsAsNumactlPrintsIt() {
    let lines = TopologyText(CannedFleet.host).text.split(separator: "\n").prefix(14).joined(separator: "\n")
    #expect(
      lines == """
        available: 3 nodes (0-1,4)
        node 0 cpus: 0 1 4 5
        node 0 size: 4096 MB
        node 0 free: 1024 MB
        node 1 cpus: 2 3 6
        node 1 size: 4096 MB
        node 1 free: 3072 MB
        node 4 cpus:
        node 4 size: 16384 MB
        node 4 free: 16384 MB
        node distances:
        node   0   1   4
          0:  10  21  17
          1:  21  10  28
        """)
  }

  @Test func jobPlanAndExplanationAreAsRecorded() {
    expectSnapshot(JobText(record: CannedFleet.job(.verified, .verified)).text, "job.txt")
    expectSnapshot(JobText(record: CannedFleet.ksmJob).text, "job-ksm.txt")
    expectSnapshot(PlanText(plan: CannedFleet.plan, explained: true).text, "plan-explained.txt")
  }

  /// The table of kinds in JSON.md has each once, and marks those that keep automation off.
  @Test func everyKindOfFindingIsInTheTable() throws {
    let path = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined() + "/Sources/JSON.md"
    let rows = try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n")
    for kind in Finding.Kind.allCases {
      let own = rows.filter { $0.hasPrefix("| `\(kind.rawValue)` |") }
      #expect(own.count == 1, "\(kind)")
      #expect(own.first?.contains("| error * |") == kind.forbidsAutomation, "\(kind)")
    }
  }

  @Test func emptyAnswersSaySomething() {
    let empty: [OperatorReply] = [.hosts([]), .guests([]), .findings([]), .plans([]), .jobs([]), .keys([])]
    for reply in empty { #expect(!ReplyText(reply: reply).text.isEmpty) }
  }

  @Test func proposalPrintsXMLAndArguments() throws {
    let shape = Shape(name: "db", guestCells: [ShapeCell(vcpus: 4, memory: KiB(mib: 512))])
    let decision = Decision(placement: CannedFleet.placement, refusal: nil)
    let xml = "<domain type='kvm'>\n  <name>db</name>\n  <!-- mine -->\n  <memory>1</memory>\n</domain>\n"
    let proposal = try Proposal(decision: decision, shape: shape, host: CannedFleet.topology, domainXML: xml)
    #expect(proposal.domainXML.contains("<!-- mine -->"))
    #expect(proposal.domainXML.contains("<memnode cellid="))
    #expect(proposal.qemuArguments.contains("-numa"))
    expectSnapshot(proposal.text, "proposal.txt")
  }
}

/// What guests' owners write never steers a terminal.
@Suite struct HostileNames {
  @Test(arguments: Rendering.replies.indices) func noAnswerHoldsADeceptiveScalar(index: Int) {
    let reply = Rendering.replies[index].1
    for text in [ReplyText(reply: reply).text, JSONText.document(ReplyDocument(reply: reply))] {
      #expect(text.unicodeScalars.allSatisfy { $0 == "\n" || !isDeceptive($0) })
    }
  }

  @Test func deceptiveScalarsAreShownByTheirNumber() {
    #expect(printable("a\u{1b}[31m\u{202e}\u{9b}b\u{7f}") == "a\\u{1b}[31m\\u{202e}\\u{9b}b\\u{7f}")
    #expect(printable("db-1 é 日本") == "db-1 é 日本")
  }

  @Test func jsonSaysTheSameNameAfterDecoding() throws {
    let json = JSONText.document(["name": "x\u{202e}\u{9b}\u{e0001}\n"])
    #expect(json == "{\n  \"name\" : \"x\\u202e\\u009b\\udb40\\udc01\\n\"\n}")
  }

  @Test func failuresAreEscapedToo() {
    let failure = CommandFailure(Refusal(.unknownGuest, "no guest \u{1b}[2J", remedy: "look"))
    #expect(failure.text == "no guest \\u{1b}[2J; look")
    #expect(JSONText.failure(failure).contains("\\u001b[2J"))
  }
}

@Suite struct Amounts {
  @Test func momentsAreDates() {
    #expect(Moment(wallMilliseconds: 1_795_449_117_123).description == "2026-11-23 15:51:57Z")
    #expect(Moment(wallMilliseconds: 951_827_696_000).description == "2000-02-29 12:34:56Z")
    #expect(Moment(wallMilliseconds: 0).description == "-")
  }

  @Test func spansAreShort() {
    #expect([850, 12_000, 300_000, 10_800_000].map { span(milliseconds: $0) } == ["850 ms", "12 s", "5 min", "3 h"])
  }
}
