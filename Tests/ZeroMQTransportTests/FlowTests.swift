import CZeroMQ
import Glibc
import Testing

@testable import ZeroMQTransport

@Suite struct FlowTests {
  /// The number in a message's first bytes.
  private func number(_ bytes: [UInt8]) -> Int { Int(bytes[0]) | Int(bytes[1]) << 8 }

  private func payload(_ number: Int, bytes: Int) -> [UInt8] {
    var payload = [UInt8](repeating: 0, count: bytes)
    payload[0] = UInt8(number & 255)
    payload[1] = UInt8(number >> 8)
    return payload
  }

  /// A peer that has said hello and reads nothing until told to.
  private func slowPeer(_ key: CurveSecretKey, in scene: Scene) throws -> (RawPeer, Connection) {
    let peer = RawPeer()
    peer.useKey(key, server: scene.serverKey.publicKey)
    peer.set(ZMQ_RCVHWM, 1)
    peer.set(ZMQ_RCVBUF, 65_536)
    peer.connect(scene.endpoint)
    peer.send([Array("slow".utf8)])
    scene.run(until: "the slow peer is there", { scene.deliveries.contains { $0.user == "slow" } })
    return (peer, try #require(scene.deliveries.first { $0.user == "slow" }).connection)
  }

  /// Sends until no more is taken; gives how many were.
  private func fill(_ connection: Connection, of scene: Scene) -> Int {
    var taken = 0
    while taken < 20_000 {
      switch scene.hub.send(payload(taken, bytes: 60_000), to: connection) {
      case .sent, .queued: taken += 1
      case .backpressured: return taken
      case let other:
        Issue.record("\(other)")
        return taken
      }
    }
    Issue.record("no back-pressure at all")
    return taken
  }

  @Test func slowPeerMeetsBackPressureAndLosesNothing() throws {
    let slow = try CurveSecretKey.generate()
    let quick = try CurveSecretKey.generate()
    let scene = try Scene(admitting: [
      AdmittedKey(key: slow.publicKey, user: "slow"), AdmittedKey(key: quick.publicKey, user: "quick"),
    ])
    let (peer, connection) = try slowPeer(slow, in: scene)
    let taken = fill(connection, of: scene)
    #expect(taken >= Backlog<Connection>.messagesMax)

    // Others are served meanwhile.
    let agent = try scene.dial(quick)
    scene.connect(agent)
    let delivery = try #require(scene.deliver("hello", from: agent))
    #expect(scene.hub.send([1], to: delivery.connection) == .sent)
    scene.run(until: "the quick peer is answered", { !scene.received(by: agent).isEmpty })

    var buffer = [UInt8](repeating: 0, count: 60_000)
    var numbers: [Int] = []
    scene.run(
      until: "everything taken arrives",
      {
        while let size = peer.receive(into: &buffer) {
          #expect(size == 60_000)
          numbers.append(number(buffer))
        }
        return numbers.count >= taken
      })
    #expect(numbers == Array(0..<taken))
    scene.run(
      until: "the hub says so",
      { scene.hubEvents.contains { if case .writable(connection) = $0 { true } else { false } } })
    #expect(scene.hub.send([1], to: connection) == .sent)
  }

  @Test func messageIsNotSentBeforeTheQueuedOnes() throws {
    let slow = try CurveSecretKey.generate()
    let scene = try Scene(admitting: [AdmittedKey(key: slow.publicKey, user: "slow")])
    let (peer, connection) = try slowPeer(slow, in: scene)
    var sent = 0
    while scene.hub.send(payload(sent, bytes: 60_000), to: connection) == .sent { sent += 1 }

    // The hub itself does nothing while the peer reads all that libzmq had, so there is room again.
    var buffer = [UInt8](repeating: 0, count: 60_000)
    var numbers: [Int] = []
    func read(_ count: Int) {
      let deadline = monotonicMilliseconds() + 20_000
      while numbers.count < count, monotonicMilliseconds() < deadline {
        if peer.receive(into: &buffer) != nil { numbers.append(number(buffer)) } else { sched_yield() }
      }
    }
    read(sent)
    #expect(scene.hub.send(payload(sent + 1, bytes: 60_000), to: connection) == .queued)
    _ = scene.hub.wait(timeoutMilliseconds: 0)
    read(sent + 2)
    #expect(numbers == Array(0..<sent + 2))
  }

  @Test func queuedMessagesOfAVanishedPeerAreReported() throws {
    let slow = try CurveSecretKey.generate()
    let scene = try Scene(admitting: [AdmittedKey(key: slow.publicKey, user: "slow")])
    let (peer, connection) = try slowPeer(slow, in: scene)
    _ = fill(connection, of: scene)
    peer.close()
    func undelivered() -> Int? {
      for case .undelivered(connection, let count) in scene.hubEvents { return count }
      return nil
    }
    scene.run(until: "the loss is reported", { undelivered() != nil })
    let count = try #require(undelivered())
    #expect((1...Backlog<Connection>.messagesMax).contains(count))
    #expect(scene.hub.send([1], to: connection) == .unreachable)
  }

  @Test func revokingAKeyReportsItsQueuedMessages() throws {
    let slow = try CurveSecretKey.generate()
    let scene = try Scene(admitting: [AdmittedKey(key: slow.publicKey, user: "slow")])
    let (peer, connection) = try slowPeer(slow, in: scene)
    _ = fill(connection, of: scene)
    try scene.keys.replace(with: [])
    scene.run(
      until: "the queued messages are given up",
      { scene.hubEvents.contains { if case .undelivered(connection, _) = $0 { true } else { false } } })
    peer.close()
  }

  @Test func vanishedPeerIsUnreachable() throws {
    let key = try CurveSecretKey.generate()
    let scene = try Scene(admitting: [AdmittedKey(key: key.publicKey, user: "host-7")])
    let agent = try scene.dial(key)
    scene.connect(agent)
    let delivery = try #require(scene.deliver("hello", from: agent))
    scene.dialers[agent].remove("coordinator")
    scene.run(until: "the hub knows", { scene.hub.send([1], to: delivery.connection) == .unreachable })
    #expect(scene.dialers[agent].send([1], to: "coordinator") == .unreachable)
  }

  @Test func burstIsReadInBoundedBatches() throws {
    let key = try CurveSecretKey.generate()
    let scene = try Scene(admitting: [AdmittedKey(key: key.publicKey, user: "host-7")])
    let agent = try scene.dial(key, adjust: { $0.queued = 2000 })
    scene.connect(agent)
    for number in 0..<1000 {
      #expect(scene.dialers[agent].send(payload(number, bytes: 100), to: "coordinator") == .sent)
    }
    var numbers: [Int] = []
    // A wait may end early with nothing, when what woke it was libzmq's own business.
    var patience = 20
    while numbers.count < 1000, patience > 0 {
      let batch = scene.hub.wait(timeoutMilliseconds: 5000)
      #expect(batch.events.count <= Hub.messagesPerWait)
      if batch.isEmpty { patience -= 1 }
      for case .received(let delivery) in batch.events { numbers.append(number(delivery.payload)) }
    }
    #expect(numbers == Array(0..<1000))
  }

  @Test func dialerConnectsAgainAfterTheCoordinatorRestarts() throws {
    let key = try CurveSecretKey.generate()
    let server = try CurveSecretKey.generate()
    let keys = try KeyTable([AdmittedKey(key: key.publicKey, user: "host-7")])
    func start(_ endpoint: String) throws -> Hub {
      try Hub([.curve(name: "agents", endpoint: endpoint, serverKey: server, admitting: keys)])
    }
    var hub: Hub? = try start("tcp://127.0.0.1:0")
    let endpoint = try #require(hub?.endpoints[0])
    var destination = Destination.curve(name: "c", endpoint: endpoint, serverKey: server.publicKey, ownKey: key)
    destination.reconnectSpreadMilliseconds = 0
    let dialer = try Dialer([destination])
    var events: [DialerEvent] = []
    func wait(for event: DialerEvent) {
      let deadline = monotonicMilliseconds() + 20_000
      while !events.contains(event), monotonicMilliseconds() < deadline {
        events += dialer.wait(timeoutMilliseconds: 50).events
      }
      #expect(events.contains(event))
    }
    wait(for: .connected("c"))
    hub = nil
    wait(for: .disconnected("c"))
    #expect(dialer.send([1], to: "c") == .unreachable)
    wait(for: .failed("c", .unreachable))
    events = []
    hub = try start(endpoint)
    wait(for: .connected("c"))
    #expect(dialer.send(Array("again".utf8), to: "c") == .sent)
    guard case .received(let delivery)? = hub?.wait(timeoutMilliseconds: 20_000).events.first else {
      Issue.record("nothing arrived")
      return
    }
    #expect(delivery.user == "host-7")
  }

  @Test func startDelayIsKept() throws {
    let key = try CurveSecretKey.generate()
    let scene = try Scene(admitting: [AdmittedKey(key: key.publicKey, user: "host-7")])
    let start = monotonicMilliseconds()
    let agent = try scene.dial(key, adjust: { $0.startDelayMilliseconds = 300 })
    scene.connect(agent)
    #expect(monotonicMilliseconds() - start >= 300)
  }

  /// Ten thousand agents over 30 s: about a thousand in each of ten parts, and none outside.
  @Test func aFleetThatStartsIsSpread() throws {
    let key = try CurveSecretKey.generate()
    var parts = [Int](repeating: 0, count: 10)
    for _ in 0..<10_000 {
      var destination = Destination.curve(
        name: "c", endpoint: "tcp://127.0.0.1:1", serverKey: key.publicKey, ownKey: key)
      destination.spread(overMilliseconds: 29_999)
      #expect(destination.reconnectSpreadMilliseconds == 29_999)
      parts[destination.startDelayMilliseconds / 3000] += 1
    }
    #expect(parts.allSatisfy { (700...1300).contains($0) }, "\(parts)")
    var alone = Destination.curve(name: "c", endpoint: "tcp://127.0.0.1:1", serverKey: key.publicKey, ownKey: key)
    alone.spread(overMilliseconds: 0)
    #expect(alone.startDelayMilliseconds == 0)
  }

  @Test func oneDialerHoldsSeveralCoordinators() throws {
    let key = try CurveSecretKey.generate()
    let first = try Scene(admitting: [AdmittedKey(key: key.publicKey, user: "host-7")])
    let second = try Scene(admitting: [AdmittedKey(key: key.publicKey, user: "host-7")])
    let dialer = try Dialer([
      .curve(name: "first", endpoint: first.endpoint, serverKey: first.serverKey.publicKey, ownKey: key),
      .curve(name: "second", endpoint: second.endpoint, serverKey: second.serverKey.publicKey, ownKey: key),
    ])
    first.dialers = [dialer]
    first.dialerEvents = [[]]
    first.run(until: "both are connected", { dialer.isConnected("first") && dialer.isConnected("second") })
    #expect(dialer.send([1], to: "second") == .sent)
    second.run(until: "the second gets it", { second.deliveries.count == 1 })
    #expect(second.hub.send([2], to: second.deliveries[0].connection) == .sent)
    first.run(
      until: "the answer is from the second", { first.dialerEvents[0].contains(.received([2], from: "second")) })
    #expect(first.deliveries.isEmpty)
  }
}
