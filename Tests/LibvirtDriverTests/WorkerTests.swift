import Fleet
import Foundation
import LibvirtDriver
import LibvirtXML
import NUMA
import Testing

private typealias Answer = Result<Int, LibvirtError>

@Suite struct WorkerTests {
  /// Blocks a call until it is opened, as a hung libvirtd does.
  private final class Gate: @unchecked Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    func wait() { semaphore.wait() }
    func open() { semaphore.signal() }
  }

  private func cells(_ worker: LibvirtWorker, _ inbox: Mailbox<Answer>, milliseconds: Int = 20_000) {
    worker.submit(
      deadlineMilliseconds: milliseconds,
      { (connection) throws(LibvirtError) in try connection.capabilities().topology.cells.count },
      completion: { inbox.put($0) })
  }

  @Test func callsAreAnsweredInOrder() {
    let worker = LibvirtWorker(uri: TestHost.uri)
    defer { worker.close() }
    let inbox = Mailbox<Answer>()
    for number in 0..<100 {
      worker.submit(
        deadlineMilliseconds: 20_000, { (_) throws(LibvirtError) in number }, completion: { inbox.put($0) })
    }
    for number in 0..<100 { #expect(inbox.take() == .success(number)) }
  }

  @Test func aHangingCallMeetsItsDeadlineAndTheNextOneWorks() {
    let worker = LibvirtWorker(uri: TestHost.uri)
    defer { worker.close() }
    let (gate, inbox, returned) = (Gate(), Mailbox<Answer>(), Mailbox<Bool>())
    worker.submit(
      deadlineMilliseconds: 100,
      { (connection) throws(LibvirtError) in
        gate.wait()
        returned.put(true)
        return -1
      }, completion: { inbox.put($0) })
    // Queued behind the hanging call, it is served by the next lane.
    cells(worker, inbox)
    guard case .failure(let error)? = inbox.take() else {
      Issue.record("the hanging call was answered")
      return
    }
    #expect(error.kind == .timeout)
    #expect(error.refusal.code == .libvirtTimeout)
    #expect(inbox.take() == .success(2))
    #expect(worker.abandonedCalls == 1)
    gate.open()
    #expect(returned.take() == true)
    cells(worker, inbox)
    #expect(inbox.take() == .success(2))
    // The late result is dropped: nothing came but the answer asked for last.
    #expect(inbox.take(seconds: 0) == nil)
  }

  @Test func waitingBehindAHangingCallCountsToo() {
    let worker = LibvirtWorker(uri: TestHost.uri)
    defer { worker.close() }
    let (gate, inbox, hanging) = (Gate(), Mailbox<Answer>(), Mailbox<Answer>())
    worker.submit(
      deadlineMilliseconds: 60_000,
      { (_) throws(LibvirtError) in
        gate.wait()
        return -1
      }, completion: { hanging.put($0) })
    cells(worker, inbox, milliseconds: 50)
    guard case .failure(let error)? = inbox.take() else {
      Issue.record("a call overtook the one before it")
      return
    }
    #expect(error.kind == .timeout)
    gate.open()
    #expect(hanging.take() == .success(-1))
    #expect(worker.abandonedCalls == 0)
  }

  @Test func threadsLeftBehindAreLimited() {
    let worker = LibvirtWorker(uri: TestHost.uri)
    defer { worker.close() }
    let (gate, inbox, returned) = (Gate(), Mailbox<Answer>(), Mailbox<Bool>())
    var refusedAtOnce: LibvirtError?
    var hanging = 0
    for _ in 0..<20 {
      worker.submit(
        deadlineMilliseconds: 30,
        { (_) throws(LibvirtError) in
          gate.wait()
          returned.put(true)
          return 0
        }, completion: { inbox.put($0) })
      guard case .failure(let error)? = inbox.take() else { continue }
      if error.call == "submit" { refusedAtOnce = error } else { hanging += 1 }
    }
    #expect(refusedAtOnce?.message.contains("hang") == true)
    #expect(worker.abandonedCalls <= 9)
    #expect(hanging < 20)
    for _ in 0..<20 { gate.open() }
    // When a call returns its place is free again.
    for _ in 0..<worker.abandonedCalls { _ = returned.take() }
    var answer: Answer?
    let limit = Date(timeIntervalSinceNow: 20)
    while answer != .success(2), Date() < limit {
      cells(worker, inbox)
      answer = inbox.take()
    }
    #expect(answer == .success(2))
  }

  @Test func nobodyThereIsDownWithoutBlocking() {
    let worker = LibvirtWorker(uri: "qemu+unix:///system?socket=/nonexistent/sock")
    defer { worker.close() }
    let inbox = Mailbox<Answer>()
    let start = ContinuousClock.now
    for _ in 0..<50 { cells(worker, inbox) }
    for _ in 0..<50 {
      guard case .failure(let error)? = inbox.take() else {
        Issue.record("a call was answered")
        return
      }
      #expect(error.kind == .down)
    }
    #expect(ContinuousClock.now - start < .seconds(10))
  }

  @Test func aFailedCallIsItsCallersOnly() {
    let worker = LibvirtWorker(uri: TestHost.uri)
    defer { worker.close() }
    let inbox = Mailbox<Answer>()
    worker.submit(
      deadlineMilliseconds: 20_000,
      { (connection) throws(LibvirtError) in try connection.domain(uuid: "none").vcpusMaximum },
      completion: { inbox.put($0) })
    cells(worker, inbox)
    guard case .failure(let error)? = inbox.take() else {
      Issue.record("an unknown domain was found")
      return
    }
    #expect(error.kind == .unknownDomain)
    #expect(inbox.take() == .success(2))
  }

  @Test func aConnectionThatBrokeIsReplaced() {
    let worker = LibvirtWorker(uri: TestHost.uri)
    defer { worker.close() }
    let inbox = Mailbox<Answer>()
    worker.submit(
      deadlineMilliseconds: 20_000,
      { (connection) throws(LibvirtError) in
        connection.close()
        return try connection.capabilities().topology.cells.count
      }, completion: { inbox.put($0) })
    guard case .failure(let error)? = inbox.take() else {
      Issue.record("a closed connection answered")
      return
    }
    #expect(error.kind == .down)
    cells(worker, inbox)
    #expect(inbox.take() == .success(2))
  }

  @Test func aClosedWorkerRefuses() {
    let worker = LibvirtWorker(uri: TestHost.uri)
    let inbox = Mailbox<Answer>()
    cells(worker, inbox)
    #expect(inbox.take() == .success(2))
    worker.close()
    cells(worker, inbox)
    guard case .failure(let error)? = inbox.take() else {
      Issue.record("a closed worker answered")
      return
    }
    #expect(error.kind == .down)
  }
}
