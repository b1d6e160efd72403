import CZeroMQ
import Testing

@testable import ZeroMQTransport

@Suite struct AdmissionTests {
  @Test func admittedKeyIsServedUnderItsUser() throws {
    let key = try CurveSecretKey.generate()
    let scene = try Scene(admitting: [AdmittedKey(key: key.publicKey, user: "host-7")])
    let agent = try scene.dial(key)
    #expect(scene.send("too early", from: agent) == .unreachable)
    scene.connect(agent)
    #expect(scene.dialerEvents[agent] == [.connected("coordinator")])

    let delivery = try #require(scene.deliver("hello", from: agent))
    #expect(delivery.user == "host-7")
    #expect(delivery.listener == "agents")
    #expect(scene.hub.send(Array("job".utf8), to: delivery.connection) == .sent)
    scene.run(until: "the answer arrives", { scene.received(by: agent) == ["job"] })
  }

  @Test func unknownKeyIsRefusedAndBothSidesAreTold() throws {
    let key = try CurveSecretKey.generate()
    let scene = try Scene()
    let agent = try scene.dial(key)
    scene.run(until: "both are told", { !scene.turnedAway.isEmpty && !scene.dialerEvents[agent].isEmpty })
    #expect(scene.turnedAway.first == TurnedAway(listener: "agents", address: "127.0.0.1", key: key.publicKey))
    #expect(scene.dialerEvents[agent] == [.failed("coordinator", .keyRefused)])
    #expect("\(DialFailure.keyRefused)".contains("the coordinator refused this key"))
    #expect(scene.send("x", from: agent) == .unreachable)
  }

  @Test func refusedKeyIsServedOnceItIsAuthorized() throws {
    let key = try CurveSecretKey.generate()
    let scene = try Scene()
    let agent = try scene.dial(key)
    scene.run(until: "it is refused", { !scene.dialerEvents[agent].isEmpty })
    try scene.keys.replace(with: [AdmittedKey(key: key.publicKey, user: "late")])
    scene.connect(agent)
    #expect(try #require(scene.deliver("hello", from: agent)).user == "late")
  }

  @Test func revokedKeyLosesItsLiveSessionAndTheOwnersOtherKeyDoesNot() throws {
    let stolen = try CurveSecretKey.generate()
    let kept = try CurveSecretKey.generate()
    let scene = try Scene(admitting: [
      AdmittedKey(key: stolen.publicKey, user: "host-7"), AdmittedKey(key: kept.publicKey, user: "host-7"),
    ])
    let thief = try scene.dial(stolen)
    let agent = try scene.dial(kept)
    scene.connect(thief)
    scene.connect(agent)
    let before = try #require(scene.deliver("still good", from: thief))

    try scene.keys.replace(with: [AdmittedKey(key: kept.publicKey, user: "host-7")])
    #expect(scene.hub.send([1], to: before.connection) == .revoked)
    #expect(scene.send("after", from: thief) == .sent)
    scene.run(until: "the message is refused", { !scene.refused.isEmpty })
    #expect(scene.refused == [before.connection])
    #expect(scene.deliveries.count == 1)
    #expect(scene.hub.sendRefusal(Array("revoked".utf8), to: before.connection) == .sent)
    scene.run(until: "the peer is told", { scene.received(by: thief) == ["revoked"] })
    #expect(scene.deliver("kept", from: agent)?.user == "host-7")
  }

  @Test func keyGivenToAnotherUserEndsTheFirstUsersSession() throws {
    let key = try CurveSecretKey.generate()
    let scene = try Scene(admitting: [AdmittedKey(key: key.publicKey, user: "old")])
    let agent = try scene.dial(key)
    scene.connect(agent)
    _ = scene.deliver("as old", from: agent)
    try scene.keys.replace(with: [AdmittedKey(key: key.publicKey, user: "new")])
    #expect(scene.send("as old still", from: agent) == .sent)
    scene.run(until: "it is refused", { !scene.refused.isEmpty })
    scene.dialers[agent].redial("coordinator")
    scene.connect(agent)
    #expect(scene.deliver("as new", from: agent)?.user == "new")
  }

  @Test func unchangedKeyKeepsItsSessionWhenTheTableIsReplaced() throws {
    let key = try CurveSecretKey.generate()
    let admitted = AdmittedKey(key: key.publicKey, user: "host-7")
    let scene = try Scene(admitting: [admitted])
    let agent = try scene.dial(key)
    scene.connect(agent)
    let other = AdmittedKey(key: try CurveSecretKey.generate().publicKey, user: "host-8")
    try scene.keys.replace(with: [other, admitted])
    #expect(scene.deliver("here still", from: agent)?.user == "host-7")
  }

  @Test func keyOfOneListenerIsNotAdmittedOnAnother() throws {
    let server = try CurveSecretKey.generate()
    let key = try CurveSecretKey.generate()
    let agents = try KeyTable([AdmittedKey(key: key.publicKey, user: "host-7")])
    let hub = try Hub([
      .curve(name: "agents", endpoint: "tcp://127.0.0.1:0", serverKey: server, admitting: agents),
      .curve(name: "operators", endpoint: "tcp://127.0.0.1:0", serverKey: server, admitting: try KeyTable()),
    ])
    let dialer = try Dialer([
      .curve(name: "operators", endpoint: hub.endpoints[1], serverKey: server.publicKey, ownKey: key)
    ])
    var failures: [DialerEvent] = []
    let deadline = monotonicMilliseconds() + 20_000
    while failures.isEmpty, monotonicMilliseconds() < deadline {
      failures += dialer.wait(timeoutMilliseconds: 50).events
    }
    #expect(failures == [.failed("operators", .keyRefused)])
    guard case .turnedAway(let peer)? = hub.wait(timeoutMilliseconds: 5000).events.first else {
      Issue.record("no refusal was reported")
      return
    }
    #expect(peer.listener == "operators")
  }

  @Test func peerWithoutAnyKeyIsNotServed() throws {
    let key = try CurveSecretKey.generate()
    let scene = try Scene(admitting: [AdmittedKey(key: key.publicKey, user: "host-7")])
    let plain = try Socket(Context(ioThreads: 1), type: ZMQ_DEALER)
    plain.setInternal()
    let monitor = try Monitor(plain, label: "plain")
    #expect(zmq_connect(plain.raw, scene.endpoint) == 0)
    #expect([1, 2, 3].withUnsafeBytes { plain.send($0, more: false) } == .sent)
    var reports: [Monitor.Report] = []
    scene.run(
      until: "it is cut",
      {
        while let report = monitor.next() { reports.append(report) }
        return reports.contains(.disconnected)
      })
    #expect(!reports.contains(.connected))
    let agent = try scene.dial(key)
    scene.connect(agent)
    _ = scene.deliver("from a known key", from: agent)
    #expect(scene.deliveries.count == 1)
    #expect(scene.malformed.isEmpty && scene.refused.isEmpty)
  }

  @Test func nobodyIsAdmittedWhileTheAuthenticatorIsGone() throws {
    let key = try CurveSecretKey.generate()
    let scene = try Scene(admitting: [AdmittedKey(key: key.publicKey, user: "host-7")])
    scene.hub.stopAuthenticating()
    let agent = try scene.dial(key)
    scene.run(until: "the attempt fails", { !scene.dialerEvents[agent].isEmpty })
    #expect(!scene.dialerEvents[agent].contains(.connected("coordinator")))
    #expect(scene.deliveries.isEmpty)
  }

  @Test func coordinatorWithAnotherKeyIsNotSpokenTo() throws {
    let key = try CurveSecretKey.generate()
    let rogue = try Scene(admitting: [AdmittedKey(key: key.publicKey, user: "host-7")])
    let pinned = try CurveSecretKey.generate().publicKey
    let agent = try rogue.dial(key, pinning: pinned)
    rogue.run(until: "the attempt fails", { !rogue.dialerEvents[agent].isEmpty })
    #expect(rogue.dialerEvents[agent] == [.failed("coordinator", .handshakeBroken)])
    #expect("\(DialFailure.handshakeBroken)".contains("pinned"))
    #expect(rogue.send("secret", from: agent) == .unreachable)
    #expect(rogue.deliveries.isEmpty)
  }

  @Test func coordinatorWithoutCurveIsNotSpokenTo() throws {
    let rogue = RawPeer(type: ZMQ_ROUTER)
    #expect(zmq_bind(rogue.socket, "tcp://127.0.0.1:*") == 0)
    var text = [CChar](repeating: 0, count: 256)
    var count = text.count
    zmq_getsockopt(rogue.socket, ZMQ_LAST_ENDPOINT, &text, &count)
    let endpoint = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let dialer = try Dialer([
      .curve(
        name: "rogue", endpoint: endpoint, serverKey: try CurveSecretKey.generate().publicKey,
        ownKey: try CurveSecretKey.generate())
    ])
    // Which side notices the other mechanism first is a race; either way nothing is sent.
    guard case .failed("rogue", let failure)? = dialer.wait(timeoutMilliseconds: 20_000).events.first else {
      Issue.record("no failure was reported")
      return
    }
    #expect("\(failure)".contains("pinned"))
    #expect(dialer.send([1], to: "rogue") == .unreachable)
    var bytes = [UInt8](repeating: 0, count: 64)
    #expect(rogue.receive(into: &bytes) == nil)
  }

  @Test func oneKeyForTwoUsersIsRefusedAndChangesNothing() throws {
    let key = try CurveSecretKey.generate().publicKey
    let table = try KeyTable([AdmittedKey(key: key, user: "a")])
    let both = [AdmittedKey(key: key, user: "b"), AdmittedKey(key: key, user: "a")]
    #expect(throws: TransportError.ambiguousKey(key, users: ["a", "b"])) { try table.replace(with: both) }
    #expect(table.admission(of: key)?.user == "a")
  }
}
