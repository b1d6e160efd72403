/// What the threads of one `LibvirtWorker` share: the queue, the lane that serves it, and the watch over deadlines.
final class WorkerCore: Sendable {
  /// The most threads left behind. More would only pile up on a libvirtd that hangs for good.
  static let abandonedMaximum = 8
  /// The most calls that wait; an agent has a handful, so a full queue is a caller that went wild.
  static let queueCapacity = 1024
  /// Pauses between attempts to connect, doubling.
  static let pauseMilliseconds = 250
  static let pauseMaximumMilliseconds = 5000

  /// One call, with its types closed over.
  struct Request: Sendable {
    let deadline: Int
    /// Runs the operation and gives the delivery of its result.
    let run: @Sendable (Connection) -> @Sendable () -> Void
    let fail: @Sendable (LibvirtError) -> Void
  }

  private struct State {
    var queue: [Request] = []
    /// The call on the current lane.
    var running: Request?
    /// The number of the lane that may take calls; a lane of an earlier number is abandoned.
    var lane = 0
    var hasLane = false
    var isWatched = false
    var abandoned = 0
    var isClosed = false
    var failures = 0
    /// Not to be tried again before, after an attempt to connect failed with `fault`.
    var nextAttempt = 0
    var fault: LibvirtError?
  }

  private let uri: String
  private let runDirectories: [String]
  private let state = Monitor(State())

  init(uri: String, runDirectories: [String]) {
    self.uri = uri
    self.runDirectories = runDirectories
  }

  var abandonedCalls: Int { state.access { $0.abandoned } }

  func submit(
    deadline: Int, run: @escaping @Sendable (Connection) -> @Sendable () -> Void,
    fail: @escaping @Sendable (LibvirtError) -> Void
  ) {
    let request = Request(deadline: deadline, run: run, fail: fail)
    let refusal: LibvirtError? = state.access { state in
      if state.isClosed { return LibvirtError(.down, call: "submit", "the connection to \(uri) was closed") }
      if state.abandoned > Self.abandonedMaximum {
        return LibvirtError(
          .timeout, call: "submit", "\(state.abandoned) calls to \(uri) hang; libvirtd needs a restart")
      }
      if state.queue.count >= Self.queueCapacity {
        return LibvirtError(.busy, call: "submit", "\(state.queue.count) calls wait for \(uri)")
      }
      guard startThreads(&state) else {
        return LibvirtError(.refused, call: "pthread_create", "there is no thread for calls to libvirt")
      }
      state.queue.append(request)
      return nil
    }
    if let refusal { fail(refusal) }
  }

  func close() {
    let waiting = state.access { state in
      state.isClosed = true
      defer { state.queue = [] }
      return state.queue
    }
    for request in waiting { request.fail(LibvirtError(.down, call: "close", "the connection to \(uri) was closed")) }
  }

  /// Starts the threads that are missing; false when the system has none left.
  private func startThreads(_ state: inout State) -> Bool {
    if !state.isWatched { state.isWatched = OSThread.start { [self] in watch() } }
    if !state.hasLane, state.abandoned <= Self.abandonedMaximum {
      let number = state.lane
      state.hasLane = OSThread.start { [self] in serve(lane: number) }
    }
    return state.isWatched && state.hasLane
  }

  // MARK: - The watch

  /// Waits for deadlines to pass until the worker is closed and idle.
  private func watch() {
    while let late = nextLate() {
      for request in late {
        request.fail(LibvirtError(.timeout, call: "call to \(uri)", "no answer before the deadline"))
      }
    }
  }

  /// Requests whose deadline passed, taken out of the state; nil when there is nothing left to watch.
  private func nextLate() -> [Request]? {
    state.wait { state in
      let now = OSThread.milliseconds
      var late = state.queue.filter { $0.deadline <= now }
      state.queue.removeAll { $0.deadline <= now }
      if let running = state.running, running.deadline <= now {
        late.insert(running, at: 0)
        state.running = nil
        state.abandoned += 1
        state.lane += 1
        state.hasLane = false
        if !state.queue.isEmpty { _ = startThreads(&state) }
      }
      if !late.isEmpty { return .done(late) }
      if state.isClosed, state.running == nil {
        state.isWatched = false
        return .done(nil)
      }
      return .wait(until: (state.queue + [state.running].compactMap { $0 }).map(\.deadline).min())
    }
  }

  // MARK: - A lane

  /// Takes calls until the worker is closed or this lane is abandoned. The connection lives and dies on this thread.
  private func serve(lane: Int) {
    var connection: Connection?
    while let request = next(lane) {
      if connection?.isAlive == false {
        connection?.close()
        connection = nil
      }
      let deliver: @Sendable () -> Void
      do throws(LibvirtError) {
        let current: Connection
        if let connection { current = connection } else { current = try connect() }
        connection = current
        deliver = request.run(current)
      } catch {
        deliver = { request.fail(error) }
      }
      guard isStillMine(lane) else { break }
      deliver()
    }
    connection?.close()
  }

  private func next(_ lane: Int) -> Request? {
    state.wait { state in
      guard state.lane == lane else { return .done(nil) }
      if !state.queue.isEmpty {
        let request = state.queue.removeFirst()
        state.running = request
        return .done(request)
      }
      guard state.isClosed else { return .wait(until: nil) }
      state.hasLane = false
      return .done(nil)
    }
  }

  /// Ends the running call; false when its deadline passed meanwhile and its result must be dropped.
  private func isStillMine(_ lane: Int) -> Bool {
    state.access { state in
      if state.lane == lane {
        state.running = nil
        return true
      }
      state.abandoned -= 1
      if !state.queue.isEmpty { _ = startThreads(&state) }
      return false
    }
  }

  private func connect() throws(LibvirtError) -> Connection {
    let pending = state.access { state in OSThread.milliseconds < state.nextAttempt ? state.fault : nil }
    if let pending { throw pending }
    do throws(LibvirtError) {
      let connection = try Connection.open(uri: uri, runDirectories: runDirectories)
      state.access { state in
        state.failures = 0
        state.fault = nil
      }
      return connection
    } catch {
      state.access { state in
        let pause = min(Self.pauseMilliseconds << min(state.failures, 8), Self.pauseMaximumMilliseconds)
        state.failures += 1
        state.nextAttempt = OSThread.milliseconds + pause
        state.fault = error
      }
      throw error
    }
  }
}
