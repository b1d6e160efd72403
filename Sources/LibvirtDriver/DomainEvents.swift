import CLibvirt

/// Events of all domains on one connection of its own, which is opened again, with growing pauses, when it breaks.
///
/// libvirt tells of lifecycle, of pins and scheduler parameters changed through it, and of plugged devices. It tells
/// nothing of numatune, of hot-plugged vcpus and of what others do to threads: those need polling. After
/// `connected` anything may have changed meanwhile, so read all domains again.
public final class DomainEvents: Sendable {
  private let state = Monitor(State())
  /// The longest pause between two attempts to connect.
  static let pauseMaximumMilliseconds = 5000
  /// How often a connection is looked at whose driver cannot tell when it breaks.
  static let checkMilliseconds = 5000

  struct State {
    var isStopped = false
    var isBroken = false
  }

  /// Connects and delivers events from then on, one at a time, on threads of this module.
  ///
  /// - Parameter handler: must not block and must not call libvirt: put the event into an inbox.
  public init(uri: String, handler: @escaping @Sendable (DomainEvent) -> Void) {
    let state = self.state
    let started = OSThread.start { Self.run(uri: uri, state: state, handler: handler) }
    if !started { handler(.disconnected(reason: "there is no thread for domain events")) }
  }

  deinit { stop() }

  /// Ends the delivery; an event on its way may still arrive.
  public func stop() { state.access { $0.isStopped = true } }

  private static func run(
    uri: String, state: Monitor<State>, handler: @escaping @Sendable (DomainEvent) -> Void
  ) {
    var failures = 0
    // One outage is told once, however many attempts it takes.
    var isTold = false
    while !state.access({ $0.isStopped }) {
      var reason: String
      do throws(LibvirtError) {
        let connection = try Connection.open(uri: uri)
        state.access { $0.isBroken = false }
        let sink = EventSink(state: state, handler: handler)
        let ids = try connection.register(sink)
        failures = 0
        isTold = false
        handler(.connected)
        watch(connection, state)
        connection.deregister(ids)
        connection.close()
        reason = "the connection to \(uri) broke"
      } catch {
        failures += 1
        reason = error.description
      }
      if state.access({ $0.isStopped }) { return }
      if !isTold { handler(.disconnected(reason: reason)) }
      isTold = true
      pause(milliseconds: min(250 << min(failures, 5), pauseMaximumMilliseconds), state)
    }
  }

  /// Returns when the connection is broken or delivery is stopped.
  private static func watch(_ connection: Connection, _ state: Monitor<State>) {
    while connection.isAlive {
      let next = OSThread.milliseconds + checkMilliseconds
      let isOver = state.wait { state in
        if state.isStopped || state.isBroken { return .done(true) }
        return OSThread.milliseconds >= next ? .done(false) : .wait(until: next)
      }
      if isOver { return }
    }
  }

  private static func pause(milliseconds: Int, _ state: Monitor<State>) {
    let end = OSThread.milliseconds + milliseconds
    state.wait { $0.isStopped || OSThread.milliseconds >= end ? .done(()) : .wait(until: end) }
  }
}

/// What a callback of libvirt hands its events to.
final class EventSink: Sendable {
  private let state: Monitor<DomainEvents.State>
  private let handler: @Sendable (DomainEvent) -> Void

  init(state: Monitor<DomainEvents.State>, handler: @escaping @Sendable (DomainEvent) -> Void) {
    self.state = state
    self.handler = handler
  }

  func deliver(_ event: DomainEvent) {
    if !state.access({ $0.isStopped }) { handler(event) }
  }

  func connectionBroke() { state.access { $0.isBroken = true } }
}
