import Glibc

/// The thread that made a hub or a dialer, the only one that may use it: libzmq's sockets are not thread-safe and
/// fail in ways that look like lost messages.
struct OwnerThread {
  private let id = pthread_self()

  /// Stops the process, in release builds too, if another thread calls.
  func check(_ function: StaticString = #function) {
    if pthread_equal(id, pthread_self()) == 0 { broken("\(function) was called from a thread that is not the owner") }
  }
}

/// Ends the process with a message: for what only an error of this program can cause.
func broken(_ message: String) -> Never {
  let text = "invariant broken: ZeroMQTransport: \(message)\n"
  _ = write(2, text, text.utf8.count)
  abort()
}

/// CLOCK_MONOTONIC in milliseconds; used for retry and redial times only.
func monotonicMilliseconds() -> Int {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return time.tv_sec * 1000 + time.tv_nsec / 1_000_000
}
