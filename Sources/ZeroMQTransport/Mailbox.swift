import CLinux
import Glibc
import Synchronization

/// A bounded queue by which other threads (libvirt calls, store, planner) hand their completions to the owner thread
/// and wake its `wait`. Nothing is dropped: a full mailbox either says so or makes the sender wait.
public final class Mailbox<Message: Sendable>: Sendable {
  private struct State {
    var messages: [Message] = []
    var senderWaits = false
  }

  /// How many messages it holds at most.
  public let capacity: Int
  private let state = Mutex(State())
  /// Readable while messages are in it.
  let filled: Wake
  /// Readable once a full mailbox has been emptied.
  private let emptied: Wake

  /// An empty mailbox for at least one message. Throws `.system` if the process is out of file descriptors.
  public init(capacity: Int) throws(TransportError) {
    self.capacity = max(capacity, 1)
    filled = try Wake()
    emptied = try Wake()
  }

  /// Puts a message in without waiting; false, with nothing done, if the mailbox is full. Any thread.
  public func offer(_ message: Message) -> Bool {
    state.withLock { state in append(message, to: &state) }
  }

  /// Puts a message in; waits while the mailbox is full. Any thread but the owner, which would wait for itself.
  public func post(_ message: Message) {
    while true {
      let done = state.withLock { state in
        if append(message, to: &state) { return true }
        state.senderWaits = true
        emptied.clear()
        return false
      }
      if done { return }
      emptied.waitUntilReadable()
    }
  }

  /// All messages, oldest first; empty if there are none. The owner calls it once after every `wait`.
  public func take() -> [Message] {
    state.withLock { state in
      guard !state.messages.isEmpty else { return [] }
      var taken: [Message] = []
      swap(&taken, &state.messages)
      filled.clear()
      if state.senderWaits {
        state.senderWaits = false
        emptied.signal()
      }
      return taken
    }
  }

  private func append(_ message: Message, to state: inout State) -> Bool {
    guard state.messages.count < capacity else { return false }
    state.messages.append(message)
    // Readable until taken, so only the first of a batch costs a system call.
    if state.messages.count == 1 { filled.signal() }
    return true
  }
}

/// An eventfd: readable after `signal`, until `clear`.
final class Wake: Sendable {
  let descriptor: Int32

  init() throws(TransportError) {
    descriptor = clinux_eventfd()
    guard descriptor >= 0 else { throw .system(call: "eventfd", reason: reason(-descriptor)) }
  }

  deinit { close(descriptor) }

  func signal() {
    let result = clinux_eventfd_signal(descriptor)
    if result < 0 { broken("an eventfd cannot be written: \(reason(-result))") }
  }

  func clear() {
    let result = clinux_eventfd_clear(descriptor)
    if result < 0 { broken("an eventfd cannot be read: \(reason(-result))") }
  }

  func waitUntilReadable() {
    var item = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
    while poll(&item, 1, -1) < 0, errno == EINTR {}
  }
}
