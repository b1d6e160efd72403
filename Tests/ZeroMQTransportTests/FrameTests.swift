import CZeroMQ
import Testing

@testable import ZeroMQTransport

@Suite struct FrameTests {
  /// A scene with one well-behaved agent and a key for a peer that is not.
  private func scene() throws -> (Scene, agent: Int, rawKey: CurveSecretKey) {
    let good = try CurveSecretKey.generate()
    let bad = try CurveSecretKey.generate()
    let scene = try Scene(
      admitting: [AdmittedKey(key: good.publicKey, user: "good"), AdmittedKey(key: bad.publicKey, user: "bad")],
      adjust: { $0.receivedBytesMax = 4096 })
    let agent = try scene.dial(good)
    scene.connect(agent)
    return (scene, agent, bad)
  }

  private func rawPeer(_ key: CurveSecretKey, to scene: Scene) -> RawPeer {
    let peer = RawPeer()
    peer.useKey(key, server: scene.serverKey.publicKey)
    return peer
  }

  @Test func messageOfSeveralFramesIsReportedAndTheNextOneServed() throws {
    let (scene, agent, key) = try scene()
    let peer = rawPeer(key, to: scene)
    peer.connect(scene.endpoint)
    peer.send([[], Array("payload".utf8)])
    peer.send([[1], [2], [3], [4], [5]])
    peer.send([Array("one frame".utf8)])
    scene.run(until: "all three arrive", { scene.malformed.count == 2 && scene.deliveries.count == 1 })
    #expect(scene.malformed.map(\.problem) == [.frames(2), .frames(5)])
    #expect(scene.malformed.map(\.user) == ["bad", "bad"])
    #expect(scene.malformed.map(\.connection) == Array(repeating: scene.deliveries[0].connection, count: 2))
    #expect(scene.deliver("other peer", from: agent)?.user == "good")
  }

  @Test func emptyMessageIsDelivered() throws {
    let (scene, agent, _) = try scene()
    #expect(scene.deliver("", from: agent)?.payload == [])
  }

  @Test func peerThatNamesItselfIsReported() throws {
    let (scene, agent, key) = try scene()
    let peer = rawPeer(key, to: scene)
    peer.set(ZMQ_ROUTING_ID, "coordinator's favourite")
    peer.connect(scene.endpoint)
    peer.send([Array("payload".utf8)])
    scene.run(until: "it is reported", { !scene.malformed.isEmpty })
    #expect(
      scene.malformed == [Malformed(listener: "agents", connection: nil, user: "bad", problem: .ownRoutingID)])
    #expect(scene.deliver("other peer", from: agent)?.user == "good")
  }

  @Test func oversizedFrameDisconnectsItsSenderOnly() throws {
    let (scene, agent, key) = try scene()
    let sender = try scene.dial(key)
    scene.connect(sender)
    #expect(scene.dialers[sender].send([UInt8](repeating: 1, count: 4097), to: "coordinator") == .sent)
    scene.run(until: "the sender is cut", { scene.dialerEvents[sender].contains(.disconnected("coordinator")) })
    #expect(scene.deliver("other peer", from: agent)?.user == "good")
    #expect(!scene.dialerEvents[agent].contains(.disconnected("coordinator")))
    #expect(scene.deliveries.count == 1)
    scene.connect(sender)
    #expect(scene.deliver("small again", from: sender)?.user == "bad")
  }

  @Test func largestMessageIsDelivered() throws {
    let (scene, agent, _) = try scene()
    let payload = [UInt8](repeating: 65, count: 4096)
    #expect(scene.deliver(String(decoding: payload, as: UTF8.self), from: agent)?.payload == payload)
  }

  @Test func messageLargerThanThePeerAcceptsIsNotSent() throws {
    let (scene, agent, _) = try scene()
    let delivery = try #require(scene.deliver("hello", from: agent))
    #expect(scene.hub.send([UInt8](repeating: 1, count: (64 << 10) + 1), to: delivery.connection) == .tooLarge)
    #expect(scene.dialers[agent].send([UInt8](repeating: 1, count: (1 << 20) + 1), to: "coordinator") == .tooLarge)
  }

  @Test func garbageOnThePortDisturbsNobody() throws {
    let (scene, agent, _) = try scene()
    let stream = RawPeer(type: ZMQ_STREAM)
    stream.connect(scene.endpoint)
    var id = [UInt8](repeating: 0, count: 16)
    scene.run(until: "tcp connects", { stream.receive(into: &id) == 5 })
    stream.send([Array(id[..<5]), Array("GET / HTTP/1.1\r\nHost: coordinator\r\n\r\n".utf8)])
    #expect(scene.deliver("other peer", from: agent)?.user == "good")
    #expect(scene.deliveries.count == 1)
  }
}
