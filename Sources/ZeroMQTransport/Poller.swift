import CZeroMQ
import Glibc

/// What one thread waits for: sockets, signals and mailboxes, in one poll(2).
///
/// zmq_poll asks every socket for its events before and after it waits, two system calls each time. A socket that is
/// settled need not be asked: its descriptor tells. One that is not settled is asked once, for its descriptor tells
/// only what it has not taken in yet (`ZMQ_FD` in zmq_getsockopt(3)).
struct Poller {
  private var items: [pollfd] = []
  private var signalDescriptor: Int32?
  /// Mailboxes are kept alive as long as their descriptors are polled.
  private var wakes: [Wake] = []

  mutating func catchSignals(_ signals: [Signal]) throws(TransportError) {
    signalDescriptor = try Signal.catchInPipe(signals)
  }

  mutating func watch(_ wake: Wake) { wakes.append(wake) }

  /// Waits for any of the sockets or anything else watched; `ready` then gets the index of each socket that may be
  /// readable. Returns the signals that came.
  mutating func wait(
    sockets: [Socket], timeoutMilliseconds: Int, ready: (Int) -> Void
  ) -> [Signal] {
    items.removeAll(keepingCapacity: true)
    var timeout = Int32(clamping: timeoutMilliseconds)
    for socket in sockets {
      // What can be read already is in no descriptor.
      if !socket.isSettled, socket.catchUp() { timeout = 0 }
      watch(socket.descriptor)
    }
    for wake in wakes { watch(wake.descriptor) }
    if let signalDescriptor { watch(signalDescriptor) }
    let count = poll(&items, nfds_t(items.count), timeout)
    // A signal's handler interrupts the wait; its byte is in the pipe already.
    if count < 0, errno != EINTR { broken("poll: \(reason(errno))") }
    for (index, socket) in sockets.enumerated() where !socket.isSettled || (count > 0 && items[index].revents != 0) {
      ready(index)
    }
    guard let signalDescriptor, count < 0 || items[items.count - 1].revents != 0 else { return [] }
    return Signal.caught(from: signalDescriptor)
  }

  private mutating func watch(_ descriptor: Int32) {
    items.append(pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0))
  }
}
