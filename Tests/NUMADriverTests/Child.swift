import Fleet
import Glibc
import NUMA

@testable import NUMADriver

/// A real process of ours that sleeps until this value goes away.
final class Child {
  let pid: Int
  private var ended = false

  init(_ arguments: [String] = ["/bin/sleep", "1000"]) throws {
    var pid: pid_t = 0
    var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { argv.forEach { free($0) } }
    var environment: [UnsafeMutablePointer<CChar>?] = [nil]
    let code = posix_spawn(&pid, arguments[0], nil, nil, &argv, &environment)
    guard code == 0 else { throw MachineDump.Failure(text: "cannot start \(arguments[0]): errno \(code)") }
    self.pid = Int(pid)
  }

  deinit { end() }

  /// Kills it and waits until it is gone, so that its pid means nobody.
  func end() {
    if ended { return }
    ended = true
    kill(pid_t(pid), SIGKILL)
    var status: Int32 = 0
    while waitpid(pid_t(pid), &status, 0) < 0, errno == EINTR {}
  }

  func incarnation() throws -> Incarnation { try ProcessReader().incarnation(ofPID: pid) }

  /// Waits until the child runs its own program: until it has slept, the copy of this one may still be seen.
  func started(as comm: String) throws -> Incarnation {
    while true {
      let stat = try ProcessStat(pid: pid, root: .machine)
      if stat?.comm == comm, stat?.state == UInt8(ascii: "S") { break }
      sched_yield()
    }
    return try incarnation()
  }
}

/// What this machine allows, for the tests that need it.
enum Machine {
  static let cells: [Int] = {
    let topology = try? KernelTopology().read()
    return topology?.memoryNodes.members ?? []
  }()

  /// Whether the page calls are allowed here; some containers filter them.
  static let movesPages: Bool = {
    guard let own = try? ProcessReader().incarnation(ofPID: Int(getpid())) else { return false }
    guard let stack = try? ProcessReader().observe(own).regions.last, let cell = cells.first else { return false }
    return (try? PageMover().movePages(of: own, start: stack.start, size: 4, to: cell, from: [])) != nil
  }()

  static let isRoot = geteuid() == 0
}
