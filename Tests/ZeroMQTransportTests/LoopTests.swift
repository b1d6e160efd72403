import CLinux
import Glibc
import Testing

@testable import ZeroMQTransport

@Suite struct LoopTests {
  /// Runs a body on a thread of its own.
  private func onThread(_ body: @escaping @Sendable () -> Void) -> pthread_t {
    final class Box: Sendable {
      let body: @Sendable () -> Void
      init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let started = pthread_create(
      &thread, nil,
      { argument in
        Unmanaged<Box>.fromOpaque(argument!).takeRetainedValue().body()
        return nil
      }, Unmanaged.passRetained(Box(body)).toOpaque())
    #expect(started == 0)
    return thread
  }

  @Test func completionFromAnotherThreadWakesTheHub() throws {
    let mailbox = try Mailbox<String>(capacity: 4)
    let hub = try Scene().hub
    hub.attach(mailbox)
    let worker = onThread { mailbox.post("applied") }
    // For ever, if nothing wakes it.
    #expect(hub.wait(timeoutMilliseconds: -1).isEmpty)
    #expect(mailbox.take() == ["applied"])
    pthread_join(worker, nil)
    #expect(hub.wait(timeoutMilliseconds: 0).isEmpty)
    #expect(mailbox.take() == [])
  }

  @Test func completionFromAnotherThreadWakesTheDialer() throws {
    let mailbox = try Mailbox<Int>(capacity: 4)
    let dialer = try Dialer()
    dialer.attach(mailbox)
    let worker = onThread { mailbox.post(7) }
    #expect(dialer.wait(timeoutMilliseconds: -1).isEmpty)
    #expect(mailbox.take() == [7])
    pthread_join(worker, nil)
  }

  @Test func fullMailboxSaysSo() throws {
    let mailbox = try Mailbox<Int>(capacity: 2)
    #expect(mailbox.offer(1))
    #expect(mailbox.offer(2))
    #expect(!mailbox.offer(3))
    #expect(mailbox.take() == [1, 2])
    #expect(mailbox.offer(3))
    #expect(mailbox.take() == [3])
  }

  @Test func fullMailboxMakesSendersWaitAndLosesNothing() throws {
    let mailbox = try Mailbox<Int>(capacity: 3)
    let hub = try Scene().hub
    hub.attach(mailbox)
    let workers = (0..<4).map { worker in
      onThread { for number in 0..<500 { mailbox.post(worker * 1000 + number) } }
    }
    var taken: [Int] = []
    while taken.count < 2000 {
      _ = hub.wait(timeoutMilliseconds: 20_000)
      let messages = mailbox.take()
      #expect((1...3).contains(messages.count))
      if messages.isEmpty { break }
      taken += messages
    }
    for worker in workers { pthread_join(worker, nil) }
    for worker in 0..<4 {
      #expect(taken.filter { $0 / 1000 == worker } == (0..<500).map { worker * 1000 + $0 })
    }
  }

  @Test func messageTakenInBySendingIsNotSleptOver() throws {
    let key = try CurveSecretKey.generate()
    let scene = try Scene(admitting: [AdmittedKey(key: key.publicKey, user: "a")])
    let dialer = try scene.dial(key)
    scene.connect(dialer)
    let connection = try #require(scene.deliver("first", from: dialer)).connection
    for round in 0..<5 {
      #expect(scene.send("round \(round)", from: dialer) == .sent)
      // By now the IO thread has told the hub's socket; sending makes the socket take that in, and its descriptor
      // says nothing of it any more.
      for _ in 0..<2 { _ = scene.dialers[dialer].wait(timeoutMilliseconds: 50) }
      #expect(scene.hub.send([1], to: connection) == .sent)
      let began = monotonicMilliseconds()
      #expect(scene.hub.wait(timeoutMilliseconds: 10_000).events.count == 1)
      #expect(monotonicMilliseconds() - began < 5000)
    }
  }

  @Test func signalComesOutOfTheWait() throws {
    let hub = try Scene().hub
    try hub.catchSignals([.hangup])
    kill(getpid(), SIGHUP)
    let batch = hub.wait(timeoutMilliseconds: 20_000)
    #expect(batch.signals == [.hangup])
    #expect(batch.events.isEmpty)
    #expect(hub.wait(timeoutMilliseconds: 0).signals.isEmpty)
  }

  @Test func useFromAnotherThreadEndsTheProcess() async {
    await #expect(processExitsWith: .signal(SIGABRT)) {
      nonisolated(unsafe) let dialer = try Dialer()
      final class Box: @unchecked Sendable {
        let dialer: Dialer
        init(_ dialer: Dialer) { self.dialer = dialer }
      }
      var thread = pthread_t()
      pthread_create(
        &thread, nil,
        { argument in
          _ = Unmanaged<Box>.fromOpaque(argument!).takeRetainedValue().dialer.wait(timeoutMilliseconds: 0)
          return nil
        }, Unmanaged.passRetained(Box(dialer)).toOpaque())
      pthread_join(thread, nil)
    }
  }

  @Test func openFileLimitIsRaisedOrRefusedWithNumbers() throws {
    let allowed = try FileDescriptorLimit.raise(toAtLeast: 256)
    #expect(allowed >= 256)
    let error = TransportError.fileDescriptorLimit(needed: 44_096, allowed: 1024)
    #expect("\(error)".contains("44096") && "\(error)".contains("LimitNOFILE"))
  }

  @Test func affinityIsReadBackAsItWasSet() {
    var words = [UInt64](repeating: 0, count: 128)
    let filled = clinux_sched_getaffinity(0, &words, words.count)
    #expect(filled > 0)
    #expect(words.contains { $0 != 0 })
    #expect(clinux_sched_setaffinity(0, words, Int(filled)) == 0)
    #expect(clinux_sched_setaffinity(0, [0], 1) == -EINVAL)
    #expect(clinux_sched_getaffinity(pid_t.max, &words, words.count) == -ESRCH)
  }

  @Test func processDescriptorMeansOneProcess() {
    let descriptor = clinux_pidfd_open(getpid())
    #expect(descriptor >= 0)
    #expect(clinux_pidfd_send_signal(descriptor, 0) == 0)
    close(descriptor)
    #expect(clinux_pidfd_open(pid_t.max) < 0)
    #expect(clinux_gettid() > 0)
  }
}
