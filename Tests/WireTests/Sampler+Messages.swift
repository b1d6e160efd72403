import Fleet
import NUMA

extension Sampler {
  mutating func refusal() -> Refusal { Refusal(word(), text(), remedy: text()) }

  mutating func shape() -> Shape {
    Shape(
      name: text(),
      guestCells: some { ShapeCell(vcpus: $0.int(0...64), memory: $0.kib(), dedicatedVCPUs: $0.int(0...64)) },
      cpuClass: word(),
      smt: word(), pageSize: pageSize(), mode: word(), near: some { $0.text() }, emulatorPCPUs: int(0...8),
      iothreads: int(0...8), hosts: some { $0.id() }, labels: some { $0.text() }, tolerates: some { $0.text() })
  }
  mutating func placement() -> Placement {
    Placement(
      host: id(), cells: placements(), pinning: pinning(), dedicated: set(), score: int(-1_000_000...1_000_000),
      terms: some { ScoreTerm(name: $0.text(), value: $0.int(-1_000...1_000), detail: $0.text()) })
  }
  mutating func explanation() -> Explanation {
    Explanation(
      chosen: some { $0.note() }, refused: some { $0.note() }, counts: some { $0.text() },
      movability: maybe { $0.movability() })
  }
  private mutating func note() -> CellNote {
    CellNote(host: id(), cell: maybe { $0.cell() }, guestCell: maybe { $0.cell() }, text: text())
  }
  mutating func plan() -> Plan {
    Plan(
      id: counter(), parent: counter(), purpose: text(), wallMilliseconds: int(0...1 << 42),
      waves: some { Wave(moves: $0.some { $0.move() }) },
      unmoved: some { UnmovedGuest(guest: $0.id(), guestName: $0.text(), host: $0.id(), reason: $0.text()) },
      state: word(), wavesDone: maybe { $0.int(1...99) }, throughWave: maybe { $0.int(1...99) })
  }
  private mutating func move() -> Move {
    var move = Move(
      guest: id(), guestName: text(), host: id(), incarnation: maybe { $0.incarnation() }, from: placements(),
      placement: placement(), expected: pinning(), movability: movability(), copy: kib(), reason: text(),
      explanation: maybe { $0.explanation() })
    if bool() { move.gain = [ScoreTerm(name: text(), value: int(0...999), detail: text())] }
    move.seconds = maybe { $0.int(0...9_999) }
    move.relief = maybe { $0.relief() }
    move.keepsVCPUs = maybe { $0.bool() }
    return move
  }

  mutating func job() -> Job {
    Job(
      id: counter(), host: id(), guest: id(), guestName: text(), epoch: counter(), generation: counter(),
      incarnation: maybe { $0.incarnation() },
      action: pick([
        .apply(desired: pinning(), expected: maybe { $0.pinning() }),
        .start(domainXML: text(), shape: shape(), placement: placement()),
        .migrate(uri: text(), placement: placement(), expected: pinning()),
        .switchKSM(mergeAcrossNodes: bool()),
      ]),
      scope: word(), driver: word(), livePages: bool())
  }
  mutating func jobReport() -> JobReport {
    JobReport(
      job: counter(), guest: id(), generation: counter(),
      outcome: pick([.running(detail: text()), .verified, .refused(refusal()), .diverged(refusal())]),
      driver: maybe { $0.word() },
      steps: some { StepRecord(name: $0.text(), milliseconds: $0.int(0...99_999), detail: $0.text()) },
      pagesLeft: int(0...1 << 30), observed: maybe { $0.guest() })
  }

  mutating func toCoordinator() -> ToCoordinator {
    switch int(0...4) {
    case 0:
      .hello(
        Hello(
          softwareVersion: text(), topologyHash: bits(), highestEpoch: counter(),
          epochOwner: maybe { BootID($0.text()) }, capabilities: AgentCapabilities(rawValue: bits())))
    case 1: .report(report())
    case 2: .heartbeat(lastReport: bits() >> 2)
    case 3: .refused(refusal(), job: maybe { $0.counter() })
    default: .jobReport(jobReport())
    }
  }
  mutating func toAgent() -> ToAgent {
    switch int(0...7) {
    case 0:
      .welcome(
        Welcome(
          host: id(), epoch: counter(), wantsTopology: bool(), heartbeatMilliseconds: int(1...3_600_000),
          answersHeartbeats: bool()))
    case 1: .job(job())
    case 2: .jobAcknowledged(counter())
    case 3: .sendReport(withTopology: bool())
    case 4: .alive
    case 5: .look(bits() >> 2)
    case 6: .cancel(job())
    default: .refused(refusal())
    }
  }

  /// One request of each kind, in the order of their field numbers.
  mutating func operatorRequests() -> [OperatorRequest] {
    [
      .hosts, .host(id()), .guests(host: maybe { $0.id() }), .guest(text()),
      .findings(of: maybe { $0.id() as HostID }.map(\.text)),
      .placeGuest(
        PlaceGuest(
          guest: text(), cells: maybe { $0.some { $0.cell() } }, scope: maybe { $0.word() },
          driver: maybe { $0.word() }, to: maybe { $0.id() }, dryRun: bool(), explain: bool())),
      .placeShape(shape(), explain: bool()),
      .start(StartGuest(guest: id(), guestName: text(), shape: shape(), domainXML: text(), dryRun: bool())),
      .change(
        ManualChange(
          guest: text(), desired: pinning(), scope: maybe { $0.word() }, driver: maybe { $0.word() }, dryRun: bool())),
      .makePlan(
        pick([
          .repair(host: maybe { $0.id() }),
          .place(guest: id(), host: id(), cells: maybe { $0.some { $0.cell() } }),
          .migrate(guest: id(), from: id(), to: id(), cells: maybe { $0.some { $0.cell() } }), .drain(host: id()),
          .rebalance(host: maybe { $0.id() }, migrations: int(0...1000), wideCPUs: int(1...1024)),
          .keepRoom(migrations: int(0...1000)),
          .fit(shape: shape(), count: int(1...1000), migrations: int(0...1000)),
        ])),
      .plans, .plan(counter()), .applyPlan(counter(), throughWave: maybe { $0.int(1...99) }), .jobs(active: bool()),
      .job(counter()),
      .events(after: bits() >> 2, follow: bool()), .keys, .authorizeKey(key()), .revokeKey(publicKey: text()),
      .policy, .status, .capacity(shape(), byHost: bool(), after: maybe { .drain(host: $0.id()) }),
      .placeShapes(PlaceShapes(shapes: some(2) { $0.shape() }, allOrNothing: bool(), explain: bool())),
      .drain(id(), bool()), .forgetHost(ForgetHost(host: id(), evenWithGuests: bool())),
      .automate(Automate(mode: maybe { $0.word() }, pauseMinutes: maybe { $0.int(1...999) })), .automation,
      .switchKSM(SwitchKSM(host: id(), mergeAcrossNodes: bool(), dryRun: bool())),
      .cancel(pick([.job(counter()), .plan(counter())])),
      .adopt(Adopt(pick([.guest(text()), .guests(of: id())]), dryRun: bool())),
    ]
  }

  /// One reply of each kind, in the order of their field numbers.
  mutating func operatorReplies() -> [OperatorReply] {
    [
      .hosts(some(2) { $0.hostView() }), .host(hostView()), .guests(some(2) { $0.placedGuest() }),
      .guest(placedGuest()), .findings(some { $0.finding() }),
      .decision(decision()),
      .plans(some(2) { $0.plan() }), .plan(plan()), .jobs(some(2) { $0.jobRecord() }), .events(some { $0.event() }),
      .keys(some { $0.key() }), .policy(policy()), .status(status()),
      .accepted(Accepted(plan: maybe { $0.counter() }, jobs: some { $0.counter() }, text: text())),
      .refused(refusal()),
      .capacity(
        Capacity(
          fits: int(0...9_999), isExact: bool(), hosts: some { HostCapacity(host: $0.id(), fits: $0.int(0...99)) },
          counts: some { $0.text() },
          after: maybe {
            CapacityAfter(
              purpose: $0.text(), fits: $0.int(0...9_999), isExact: $0.bool(), moves: $0.int(0...99),
              migrations: $0.int(0...99), copy: $0.kib(), unmoved: $0.int(0...99))
          })),
      .decisions(some(2) { $0.decision() }), .automation(automation()),
    ]
  }

  private mutating func decision() -> Decision {
    Decision(
      placement: maybe { $0.placement() }, refusal: maybe { $0.refusal() }, explanation: maybe { $0.explanation() })
  }

  private mutating func placedGuest() -> PlacedGuest {
    PlacedGuest(host: id(), guest: guest(), wish: maybe { $0.wish() })
  }
  private mutating func wish() -> Wish {
    Wish(
      guest: id(), host: id(), incarnation: maybe { $0.incarnation() }, pinning: pinning(),
      origin: pick([.placed(counter()), .adopted(by: text())]), since: int(0...1 << 42))
  }
  private mutating func key() -> AuthorizedKey {
    AuthorizedKey(publicKey: text(), owner: text(), role: word(), since: int(0...1 << 42), revoked: bool())
  }
  private mutating func finding() -> Finding {
    Finding(
      severity: word(), kind: word(), host: id(), guest: maybe { $0.id() }, guestName: maybe { $0.text() },
      evidence: text(), remedy: text())
  }
  private mutating func event() -> FleetEvent {
    FleetEvent(
      sequence: bits() >> 2, wallMilliseconds: int(0...1 << 42), kind: word(), host: maybe { $0.id() },
      guest: maybe { $0.id() }, job: maybe { $0.counter() }, actor: text(), text: text())
  }
  private mutating func jobRecord() -> JobRecord {
    JobRecord(
      job: job(), plan: maybe { $0.counter() }, state: word(), report: maybe { $0.jobReport() },
      created: int(0...1 << 42), ended: maybe { $0.int(0...1 << 42) },
      isCancelled: maybe { _ in true })
  }
  private mutating func status() -> CoordinatorStatus {
    CoordinatorStatus(
      softwareVersion: text(), epoch: counter(), hosts: int(0...9_999), hostsUnreachable: int(0...9_999),
      guests: int(0...9_999), jobsInFlight: int(0...9_999), lastEvent: bits() >> 2,
      storeOutage: maybe {
        StoreOutage(refusal: $0.refusal(), since: $0.int(0...1 << 42), eventsNotLogged: $0.bits() >> 2)
      })
  }
  private mutating func automation() -> AutomationStatus {
    AutomationStatus(
      state: AutomationState(
        mode: word(), pausedUntil: maybe { $0.int(0...1 << 42) }, since: int(0...1 << 42), actor: text(),
        plans: some { $0.counter() }),
      isQuiet: bool(), hostsDue: int(0...9_999), movesLastDay: int(0...9_999), copiedLastMinute: kib(),
      held: some { UnmovedGuest(guest: $0.id(), guestName: $0.text(), host: $0.id(), reason: $0.text()) },
      moves: some {
        MoveRecord(
          job: $0.counter(), guest: $0.id(), guestName: $0.text(), host: $0.id(), fromHost: $0.maybe { $0.id() },
          from: $0.some { $0.cell() }, to: $0.some { $0.cell() }, wallMilliseconds: $0.int(0...1 << 42),
          actor: $0.text(), copy: $0.kib(),
          elsewhere: $0.maybe { $0.kib() }, relief: $0.maybe { $0.relief() })
      }, rooms: some { KeptRoomStatus(name: $0.text(), wanted: $0.int(1...1000), fits: $0.int(0...1000)) })
  }
  private mutating func relief() -> Relief {
    Relief(cell: cell(), strain: word(), before: int(0...99_999), after: maybe { $0.int(0...99_999) })
  }
  private mutating func automationRules() -> AutomationRules {
    AutomationRules(
      settleSeconds: int(1...3600), reviewMinutes: int(1...9_999), residenceMinutes: int(0...9_999),
      minimumGainPercent: int(0...100), movesPerGuest: int(0...99), copyPerMinute: kib(),
      concurrentHosts: int(1...99), wideCPUs: int(0...1024),
      keepRoom: some { KeptRoom(shape: $0.shape(), count: $0.int(1...1000)) }, concurrentMigrations: int(0...100),
      quietHours: some { QuietHours(begins: $0.int(0...1439), ends: $0.int(0...1439)) },
      exceptHosts: some { $0.text() }, exceptGuests: some { $0.text() }, manage: word())
  }
  private mutating func policy() -> Policy {
    Policy(
      reserve: Reserve(pcpusPerCell: int(0...4), memoryPerCell: kib()), overcommitPercent: int(100...6400),
      smt: word(),
      weights: Weights(contention: int(0...1000), locality: int(0...1000), fragmentation: int(0...1000)),
      pressure: PressureRules(
        busyPercent: int(0...99), bandwidth: int(0...99_999), waitingPercent: int(0...99)),
      livePages: some { $0.text() }, driver: word(),
      driverByHost: some { HostDriver(host: $0.id(), driver: $0.word()) },
      scope: word(), foldGuestCells: bool(), hosts: some { $0.hostRules() }, groups: some { $0.group() },
      automation: automationRules(), drift: word(),
      driftByGuest: some { GuestDrift(guest: $0.text(), drift: $0.word()) })
  }
  private mutating func hostRules() -> HostRules {
    HostRules(
      host: id(), rack: maybe { $0.text() }, zone: maybe { $0.text() }, labels: some { $0.text() },
      taints: some { $0.text() }, draining: bool(), bandwidth: maybe { $0.int(0...99_999) })
  }
  private mutating func group() -> GuestGroup {
    GuestGroup(
      name: text(), rule: word(), level: word(), members: some { $0.text() },
      domains: some { domain in domain.some { $0.text() } }, size: maybe { $0.int(0...99) })
  }
  private mutating func hostView() -> HostView {
    HostView(
      id: id(), liveness: word(), facts: facts(), topology: topology(), guests: some(2) { $0.guest() },
      claims: some { $0.claim() }, ageMilliseconds: int(0...99_999), libvirtAnswers: maybe { $0.bool() },
      draining: bool(), foreignTerm: maybe { $0.counter() }, load: maybe { $0.load() },
      wishes: some { $0.wish() })
  }
  private mutating func claim() -> Claim {
    Claim(
      job: counter(), host: id(), guest: id(), guestName: text(), dedicated: set(),
      memory: some { MemoryClaim(cell: $0.cell(), pageSize: $0.pageSize(), amount: $0.kib()) },
      floating: some { FloatingClaim(cell: $0.cell(), vcpus: $0.int(0...64)) })
  }

  /// An envelope with every field of its own filled.
  mutating func envelope<Payload>(_ payload: Payload) -> Envelope<Payload> {
    Envelope(
      protocolLowest: int(0...1), protocolHighest: int(1...9), messageID: bits(), answering: maybe { $0.bits() },
      job: maybe { $0.counter() },
      epoch: counter(), boot: BootID(text()), sequence: bits() >> 2, payload: payload)
  }
}
