import Glibc

/// A program that a measurement started: stopped at the latest when this value goes.
final class ChildProcess {
  /// What the child reads.
  enum Input {
    case nothing
    /// A pipe that ends when this process does.
    case held
  }

  let pid: pid_t
  private let program: String
  private let log: String
  /// The child's stdout, which ends with the child.
  private let output: Int32
  private let input: Int32
  private var unread: [UInt8] = []
  /// Whether stdout has ended, which is when the child has.
  private var atEnd = false
  private var reaped = false

  /// Starts a program with its stderr in the file `log`.
  init(_ program: String, _ arguments: [String], log: String, input: Input = .nothing) throws(CommandFailure) {
    self.program = program
    self.log = log
    let out = try Self.pipe()
    let held: (read: Int32, write: Int32) = input == .held ? try Self.pipe() : (-1, -1)
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if input == .held {
      posix_spawn_file_actions_adddup2(&actions, held.read, STDIN_FILENO)
    } else {
      posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    }
    posix_spawn_file_actions_adddup2(&actions, out.write, STDOUT_FILENO)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    var words = ([program] + arguments).map { strdup($0) } + [nil]
    defer { for word in words { free(word) } }
    // A thread of a pool blocks signals, and its child would inherit that and never hear SIGTERM.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    var pid = pid_t()
    let code = posix_spawn(&pid, program, &actions, &attributes, &words, environ)
    close(out.write)
    if held.read >= 0 { close(held.read) }
    self.pid = pid
    output = out.read
    self.input = held.write
    guard code == 0 else {
      reaped = true
      throw CommandFailure(
        file: "\(program) cannot be started: \(String(cString: strerror(code)))",
        remedy: "build it with `swift build -c release`, or name its folder with --programs")
    }
  }

  deinit {
    stop()
    close(output)
    if input >= 0 { close(input) }
  }

  /// Asks the child to end, and makes it end when it has not within 10 s.
  func stop() {
    guard !reaped else { return }
    kill(pid, SIGTERM)
    if !waitForEnd(milliseconds: 10_000) { kill(pid, SIGKILL) }
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0, errno == EINTR {}
    reaped = true
  }

  /// The next line that the child printed.
  func line(milliseconds: Int) throws(CommandFailure) -> String {
    let deadline = monotonicMilliseconds() + milliseconds
    while true {
      if let newline = unread.firstIndex(of: UInt8(ascii: "\n")) {
        defer { unread.removeFirst(newline + 1) }
        return String(decoding: unread[..<newline], as: UTF8.self)
      }
      guard read(until: deadline) else { throw failure("gave no answer") }
    }
  }

  /// Throws what the child wrote last if it has ended, or does so within that time.
  func check(withinMilliseconds milliseconds: Int = 0) throws(CommandFailure) {
    if waitForEnd(milliseconds: milliseconds) { throw failure("ended early") }
  }

  private func waitForEnd(milliseconds: Int) -> Bool {
    let deadline = monotonicMilliseconds() + milliseconds
    while read(until: deadline) {}
    return atEnd
  }

  /// Takes what the child has printed; false when it has ended or the time is over.
  private func read(until deadline: Int) -> Bool {
    if atEnd { return false }
    var item = pollfd(fd: output, events: Int16(POLLIN), revents: 0)
    while true {
      let count = poll(&item, 1, Int32(clamping: max(0, deadline - monotonicMilliseconds())))
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return false }
      break
    }
    var chunk = [UInt8](repeating: 0, count: 4096)
    let count = Glibc.read(output, &chunk, chunk.count)
    guard count > 0 else {
      atEnd = true
      return false
    }
    unread += chunk[..<count]
    return true
  }

  private func failure(_ what: String) -> CommandFailure {
    let name = program.split(separator: "/").last.map(String.init) ?? program
    let said = (try? readText(log, kind: "log"))?.split(separator: "\n").last.map { ": \($0)" } ?? ""
    return CommandFailure(file: "\(name) \(what)\(said)", remedy: "see what it says when started by hand")
  }

  /// Both ends are closed in children, which get theirs by number.
  private static func pipe() throws(CommandFailure) -> (read: Int32, write: Int32) {
    var ends: [Int32] = [-1, -1]
    guard Glibc.pipe(&ends) == 0 else {
      throw CommandFailure(file: "no pipe: \(String(cString: strerror(errno)))", remedy: "raise `ulimit -n`")
    }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }
}
