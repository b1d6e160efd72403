import Fleet
import Testing
import Wire

@Suite struct AuthorizationTests {
  @Test func agentsMayOnlySendAgentsMessages() {
    var sampler = Sampler(seed: 1)
    for _ in 0..<20 {
      let message = sampler.toCoordinator()
      for role in Role.allCases {
        #expect(Authorization.permits(role, message) == (role == .agent))
        #expect((Authorization.refusal(role, message)?.code == .notPermitted) == (role != .agent))
      }
    }
    for request in sampler.operatorRequests() {
      #expect(!Authorization.permits(.agent, request))
      #expect(Authorization.refusal(.agent, request)?.code == .notPermitted)
    }
  }

  /// The whole matrix, written a second time and differently from the table it checks.
  @Test func eachRequestNeedsItsRole() {
    let pinning = ManualChange(guest: "g", desired: .init(), dryRun: false)
    let place = PlaceGuest(guest: "g", dryRun: false, explain: false)
    let start = StartGuest(guest: "g", shape: Shape(guestCells: []), domainXML: "", dryRun: false)
    let key = AuthorizedKey(publicKey: "k", owner: "o", role: .viewer)
    let reads: [OperatorRequest] = [
      .hosts, .host("h"), .guests(host: nil), .guest("g"), .findings(of: nil),
      .placeShape(Shape(guestCells: []), explain: true), .plans, .plan(1), .jobs(active: true), .job(1),
      .events(after: 0, follow: true), .keys, .policy, .status, .automation,
      .capacity(Shape(guestCells: []), byHost: false),
      .placeShapes(PlaceShapes(shapes: [], allOrNothing: true, explain: false)),
    ]
    let changes: [OperatorRequest] = [
      .placeGuest(place), .start(start), .change(pinning), .makePlan(.repair(host: nil)), .applyPlan(1),
      .drain("h", true), .forgetHost(ForgetHost(host: "h", evenWithGuests: false)),
      .automate(Automate(mode: .off)), .adopt(Adopt(.guest("g"), dryRun: false)),
      .switchKSM(SwitchKSM(host: "h", mergeAcrossNodes: false, dryRun: false)), .cancel(.job(1)),
    ]
    let administration: [OperatorRequest] = [.authorizeKey(key), .revokeKey(publicKey: "k")]
    var sampler = Sampler(seed: 1)
    #expect(reads.count + changes.count + administration.count == sampler.operatorRequests().count)
    // What needs more than a viewer is a command, which has one effect.
    #expect(reads.allSatisfy { $0.commandName == nil })
    #expect((changes + administration).allSatisfy { $0.commandName != nil })
    for (requests, roles) in [
      (reads, [Role.viewer, .operator, .admin]), (changes, [.operator, .admin]), (administration, [.admin]),
    ] {
      for request in requests {
        for role in Role.allCases {
          #expect(Authorization.permits(role, request) == roles.contains(role), "\(role) \(request)")
        }
      }
    }
  }

  @Test func aDryRunIsARead() {
    var change = ManualChange(guest: "g", desired: .init(), dryRun: true)
    #expect(Authorization.permits(.viewer, OperatorRequest.change(change)))
    #expect(Authorization.permits(.viewer, OperatorRequest.adopt(Adopt(.guest("g"), dryRun: true))))
    #expect(
      Authorization.permits(
        .viewer, OperatorRequest.switchKSM(SwitchKSM(host: "h", mergeAcrossNodes: false, dryRun: true))))
    change.dryRun = false
    #expect(!Authorization.permits(.viewer, OperatorRequest.change(change)))
  }
}
