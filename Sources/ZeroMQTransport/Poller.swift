import CZeroMQ

/// What one thread waits for: sockets, signals and mailboxes, in one zmq_poll.
struct Poller {
  private var items: [zmq_pollitem_t] = []
  private var signalDescriptor: Int32?
  /// Mailboxes are kept alive as long as their descriptors are polled.
  private var wakes: [Wake] = []

  mutating func catchSignals(_ signals: [Signal]) throws(TransportError) {
    signalDescriptor = try Signal.catchInPipe(signals)
  }

  mutating func watch(_ wake: Wake) { wakes.append(wake) }

  /// Waits for any of the sockets or anything else watched; `ready` then gets the index of each readable socket.
  /// Returns the signals that came.
  mutating func wait(
    sockets: [Socket], timeoutMilliseconds: Int, ready: (Int) -> Void
  ) -> [Signal] {
    items.removeAll(keepingCapacity: true)
    for socket in sockets {
      items.append(zmq_pollitem_t(socket: socket.raw, fd: 0, events: Int16(ZMQ_POLLIN), revents: 0))
    }
    for wake in wakes {
      items.append(zmq_pollitem_t(socket: nil, fd: wake.descriptor, events: Int16(ZMQ_POLLIN), revents: 0))
    }
    if let signalDescriptor {
      items.append(zmq_pollitem_t(socket: nil, fd: signalDescriptor, events: Int16(ZMQ_POLLIN), revents: 0))
    }
    let count = zmq_poll(&items, Int32(items.count), timeoutMilliseconds)
    // A signal's handler interrupts the wait; its byte is in the pipe already.
    if count < 0, zmq_errno() != EINTR { broken("zmq_poll: \(reason(zmq_errno()))") }
    if count > 0 {
      for index in sockets.indices where items[index].revents != 0 { ready(index) }
    }
    guard let signalDescriptor, count < 0 || items[items.count - 1].revents != 0 else { return [] }
    return Signal.caught(from: signalDescriptor)
  }
}
