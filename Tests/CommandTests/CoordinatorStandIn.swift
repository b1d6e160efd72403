import ArgumentParser
import Fleet
import Foundation
import Synchronization
import Wire
import ZeroMQTransport

@testable import numafleet

/// A coordinator's transport and wire with answers of the test's own, on a thread of its own.
final class CoordinatorStandIn: Sendable {
  typealias Answer = @Sendable (OperatorRequest) -> [OperatorReply]

  let endpoint: String
  /// How the requests were called, in order.
  let asked = Asked()

  final class Asked: Sendable {
    let ids = Mutex<[RequestID?]>([])
  }

  private let folder: URL
  private let stop: Mailbox<Bool>
  private let ended = DispatchSemaphore(value: 0)

  /// Listens on a Unix socket and answers each request with what `answer` gives; an empty list is silence.
  init(_ answer: @escaping Answer) throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "nf-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let path = folder.appending(path: "s").path
    endpoint = "ipc://\(path)"
    stop = try Mailbox(capacity: 1)
    let (stop, ended, asked) = (stop, ended, asked)
    let listening = DispatchSemaphore(value: 0)
    Thread {
      defer { ended.signal() }
      guard let hub = try? Hub([.local(name: "local", path: path)]) else {
        listening.signal()
        return
      }
      hub.attach(stop)
      listening.signal()
      while stop.take().isEmpty {
        for case .received(let delivery) in hub.wait(timeoutMilliseconds: -1).events {
          Self.reply(hub, delivery, asked, answer)
        }
      }
    }.start()
    listening.wait()
  }

  deinit {
    _ = stop.offer(true)
    ended.wait()
    try? FileManager.default.removeItem(at: folder)
  }

  private static func reply(_ hub: Hub, _ delivery: Delivery, _ asked: Asked, _ answer: Answer) {
    guard let request = try? EnvelopeCodec.decodeOperatorRequest(delivery.payload) else { return }
    asked.ids.withLock { $0.append(RequestID(boot: request.boot, messageID: request.messageID)) }
    // A stray answer to somebody else's question comes before each of ours.
    let stray: [(UInt64, OperatorReply)] = [(request.messageID + 7, .policy(Policy(overcommitPercent: 6400)))]
    let replies = stray + answer(request.payload).map { (request.messageID, $0) }
    for (index, (question, reply)) in replies.enumerated() {
      let envelope = Envelope(
        messageID: UInt64(index + 1), answering: question, epoch: 1, boot: BootID("boot"),
        sequence: UInt64(index + 1), payload: reply)
      _ = hub.send(EnvelopeCodec.encode(envelope), to: delivery.connection)
    }
  }
}

/// What a command printed and how it ended.
final class Run {
  var out = ""
  var err = ""
  var exit = CommandExit.done

  /// Runs a command in this process; `{coordinator}` in the arguments is the stand-in's endpoint.
  init(_ arguments: String, _ coordinator: CoordinatorStandIn? = nil) throws {
    var words = arguments.split(separator: " ").map(String.init)
    if let coordinator { words += ["--coordinator", coordinator.endpoint] }
    guard let command = try Numafleet.parseAsRoot(words) as? any FleetCommand else { return }
    var console = Console(format: command.output.format)
    console.out = { [unowned self] in out += $0 }
    console.err = { [unowned self] in err += $0 }
    do throws(CommandFailure) {
      try command.perform(console)
    } catch {
      console.show(error)
      exit = error.exit
    }
  }
}
