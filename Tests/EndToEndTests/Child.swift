import Foundation
import Synchronization

/// A process that a test started, with its output in files.
final class Child: Sendable {
  /// How a process ended; a negative status is the signal that ended it.
  struct End: Sendable {
    var status: Int32
    var out: String
    var err: String
  }

  let pid: Int32
  private let out: URL
  private let err: URL
  private let exit = Exit()

  /// Starts a program in the package's root; its output goes to files in `folder`.
  init(_ program: String, _ arguments: [String], environment: [String: String] = [:], in folder: URL) throws {
    let stem = folder.appending(path: "\(URL(filePath: program).lastPathComponent)-\(UUID().uuidString.prefix(8))").path
    out = URL(filePath: stem + ".out")
    err = URL(filePath: stem + ".err")
    pid = try Self.spawn(program, arguments, environment, out: out.path, err: err.path)
    // A thread of its own in waitpid(2): nothing of Foundation's is between a child's end and the test.
    let (pid, exit) = (pid, exit)
    Thread.detachNewThread {
      var status: Int32 = 0
      while waitpid(pid, &status, 0) < 0, errno == EINTR {}
      exit.set(status & 0x7f == 0 ? status >> 8 & 0xff : -(status & 0x7f))
    }
  }

  /// What it has printed so far.
  var printed: String { Self.text(out) }
  /// What it has logged so far.
  var logged: String { Self.text(err) }

  /// Whether it has ended.
  var hasEnded: Bool { exit.status != nil }

  /// Sends it a signal; nothing when it has ended.
  func signal(_ number: Int32) { if exit.status == nil { kill(pid, number) } }

  /// Waits for its end.
  func end() async -> End {
    let status = await exit.wait()
    return End(status: status, out: printed, err: logged)
  }

  private static func spawn(
    _ program: String, _ arguments: [String], _ environment: [String: String], out: String, err: String
  ) throws -> Int32 {
    guard access(program, X_OK) == 0 else { throw SpawnError(program: program, reason: "there is no such program") }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 1, out, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    posix_spawn_file_actions_addopen(&actions, 2, err, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    // A child of a test's thread would inherit its blocked signals.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var blocked = sigset_t()
    sigemptyset(&blocked)
    posix_spawnattr_setsigmask(&attributes, &blocked)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
    let merged = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    // The shell changes the folder and becomes the program.
    let shell = "/bin/sh"
    let texts = [shell, "-c", "cd \"$0\" && exec \"$@\"", Programs.root.path, program] + arguments
    var argv = texts.map { strdup($0) } + [nil]
    var envp = merged.map { strdup("\($0)=\($1)") } + [nil]
    defer { for text in argv + envp { free(text) } }
    var pid: Int32 = 0
    let code = posix_spawn(&pid, shell, &actions, &attributes, &argv, &envp)
    guard code == 0 else { throw SpawnError(program: program, reason: String(cString: strerror(code))) }
    return pid
  }

  private static func text(_ url: URL) -> String { (try? String(contentsOf: url, encoding: .utf8)) ?? "" }
}

/// Why a program could not be started.
struct SpawnError: Error, CustomStringConvertible {
  var program: String
  var reason: String
  var description: String { "\(program) was not started: \(reason); build the package first" }
}

/// A status that comes once and may be waited for.
private final class Exit: Sendable {
  private struct State {
    var status: Int32?
    var waiting: [CheckedContinuation<Int32, Never>] = []
  }
  private let state = Mutex(State())

  var status: Int32? { state.withLock { $0.status } }

  func set(_ status: Int32) {
    let waiting = state.withLock { state in
      state.status = status
      defer { state.waiting = [] }
      return state.waiting
    }
    for continuation in waiting { continuation.resume(returning: status) }
  }

  func wait() async -> Int32 {
    await withCheckedContinuation { continuation in
      let known = state.withLock { state in
        if state.status == nil { state.waiting.append(continuation) }
        return state.status
      }
      if let known { continuation.resume(returning: known) }
    }
  }
}

/// A folder of a test's own, gone with it.
final class Folder: Sendable {
  let url: URL

  init() throws {
    url = FileManager.default.temporaryDirectory.appending(path: "nf-e2e-\(UUID().uuidString.prefix(8))")
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(at: url) }

  func path(_ name: String) -> String { url.appending(path: name).path }
}

/// Asks again and again, because nothing here says when another process has got there; false after the limit.
func eventually(within seconds: Double = 30, _ condition: () async throws -> Bool) async rethrows -> Bool {
  let clock = ContinuousClock()
  let limit = clock.now + .seconds(seconds)
  while clock.now < limit {
    if try await condition() { return true }
    try? await clock.sleep(for: .milliseconds(50))
  }
  return try await condition()
}
