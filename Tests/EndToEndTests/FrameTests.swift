import Fleet
import Foundation
import Testing
import Wire
import ZeroMQTransport

extension EndToEndTests {
  /// Bytes that no agent or operator of ours would send, from peers whose keys are good.
  @Suite struct Frames {
    @Test func garbageAndTruncatedFramesAreRefusedAndStopNobody() async throws {
      let fleet = try await LocalFleet()
      try await fleet.key("a", role: "agent")
      try await fleet.key("rogue", role: "agent")
      let agent = try fleet.startAgent("a")
      #expect(await eventually { agent.logged.contains("welcomed") })
      let hello = EnvelopeCodec.encode(Self.hello())
      let garbage = (0..<300).map { UInt8(truncatingIfNeeded: $0 &* 167 &+ 13) }
      let answers = try Self.exchange([garbage, Array(hello.dropLast(3)), [0]], as: "rogue", fleet)
      #expect(answers.count == 3)
      for answer in answers {
        guard case .refused(let refusal) = try EnvelopeCodec.decodeToAgent(answer).payload else {
          Issue.record("garbage was taken")
          continue
        }
        #expect([.malformed, .protocolVersion].contains(refusal.code) && !refusal.remedy.isEmpty, "\(refusal)")
      }
      #expect(await eventually { (try? await fleet.shows("a     connected", "host", "list")) ?? false })
      #expect(!agent.logged.contains("disconnected"))
    }

    @Test func anOversizedFrameCostsTheSenderItsConnectionAndNobodyElse() async throws {
      let fleet = try await LocalFleet()
      try await fleet.key("a", role: "agent")
      try await fleet.key("rogue", role: "agent")
      let agent = try fleet.startAgent("a")
      #expect(await eventually { agent.logged.contains("welcomed") })
      let answers = try Self.exchange([[UInt8](repeating: 7, count: 3 << 20)], as: "rogue", fleet, answers: 0)
      #expect(answers.isEmpty)
      #expect(await eventually { (try? await fleet.shows("a     connected", "host", "list")) ?? false })
      #expect(!agent.logged.contains("disconnected"))
      #expect(fleet.coordinator?.logged.contains("critical") == false)
    }

    @Test func anAgentOfAnotherProtocolVersionIsRefusedByName() async throws {
      let fleet = try await LocalFleet()
      try await fleet.key("future", role: "agent")
      var hello = Self.hello()
      (hello.protocolLowest, hello.protocolHighest) = (7, 9)
      let answers = try Self.exchange([EnvelopeCodec.encode(hello)], as: "future", fleet)
      let answer = try EnvelopeCodec.decodeToAgent(try #require(answers.first))
      guard case .refused(let refusal) = answer.payload else {
        Issue.record("it was taken: \(answer)")
        return
      }
      #expect(refusal.code == .protocolVersion && refusal.description.contains("7"))
      #expect(answer.answering == hello.messageID)
      #expect(try await fleet.shows("hosts:          0", "status"))
    }

    @Test func anOperatorOfAnotherProtocolVersionIsRefusedByName() async throws {
      let fleet = try await LocalFleet()
      var request = Envelope(
        messageID: 42, epoch: 0, boot: BootID("x"), sequence: 1, payload: OperatorRequest.status)
      (request.protocolLowest, request.protocolHighest) = (7, 9)
      let bytes = EnvelopeCodec.encode(request)
      let answers = try Self.exchange(
        [bytes, Array("nonsense".utf8)], over: .local(name: "c", path: fleet.socket), answers: 2)
      let codes = try answers.map { answer -> Refusal.Code? in
        guard case .refused(let refusal) = try EnvelopeCodec.decodeOperatorReply(answer).payload else { return nil }
        return refusal.code
      }
      #expect(codes == [.protocolVersion, .malformed])
      #expect(try await fleet.run("status").status == 0)
    }

    @Test func anAgentThatSpeaksForAnotherHostIsNotBelieved() async throws {
      let fleet = try await LocalFleet()
      try await fleet.key("rogue", role: "agent")
      let report = JobReport(
        job: 1, guest: GuestID("somebody"), generation: 1,
        outcome: .refused(Refusal(.busy, "no", remedy: "no")))
      let envelope = Envelope(
        messageID: 2, epoch: 1, boot: BootID("r"), sequence: 2, payload: ToCoordinator.jobReport(report))
      _ = try Self.exchange(
        [EnvelopeCodec.encode(Self.hello()), EnvelopeCodec.encode(envelope)], as: "rogue", fleet, answers: 2)
      let hosts = try await fleet.run("status").out
      #expect(hosts.contains("hosts:          1"), "the key's owner is the host, whatever the message says: \(hosts)")
    }

    private static func hello() -> Envelope<ToCoordinator> {
      Envelope(
        messageID: 1, epoch: 0, boot: BootID("r"), sequence: 1,
        payload: .hello(Hello(softwareVersion: "0", topologyHash: 0, highestEpoch: 0)))
    }

    private static func exchange(
      _ frames: [[UInt8]], as name: String, _ fleet: LocalFleet, answers: Int? = nil
    ) throws -> [[UInt8]] {
      let destination = Destination.curve(
        name: "c", endpoint: "tcp://127.0.0.1:\(fleet.agentsPort)",
        serverKey: try KeyFile.readPublic(fleet.publicKeyFile),
        ownKey: try KeyFile.readSecret(fleet.folder.path("\(name).key")))
      return try exchange(frames, over: destination, answers: answers ?? frames.count)
    }

    /// Sends each frame and collects answers until there are as many as wanted, or until the connection is lost.
    ///
    /// Without a suspension point, because a dialer belongs to one thread.
    private static func exchange(_ frames: [[UInt8]], over destination: Destination, answers: Int) throws -> [[UInt8]] {
      var destination = destination
      destination.sentBytesMax = 8 << 20
      let dialer = try Dialer([destination])
      let limit = ContinuousClock.now + .seconds(20)
      var received: [[UInt8]] = []
      while ContinuousClock.now < limit {
        for event in dialer.wait(timeoutMilliseconds: 200).events {
          switch event {
          case .connected(let name):
            for frame in frames { _ = dialer.send(frame, to: name) }
          case .received(let bytes, _):
            received.append(bytes)
          case .disconnected:
            return received
          default: break
          }
        }
        if answers > 0, received.count >= answers { return received }
      }
      Issue.record("neither \(answers) answers nor the end of the connection within 20 s, but \(received.count)")
      return received
    }
  }
}
