import AgentCore
import Dispatch
import Fleet
import LibvirtDriver
import Synchronization

/// Sends guests to other hosts: the call that lasts as long as the copy, and beside it another connection that tells
/// how far it is and calls it off when it does not converge.
final class MigrationRunner: Sendable {
  /// How often libvirt is asked how far it is.
  static let intervalMilliseconds = 2000
  /// How long it may take to answer that.
  static let answerMilliseconds = 10_000

  private let sending: LibvirtWorker
  private let watching: LibvirtWorker
  private let queue = DispatchQueue(label: "migrations")
  private let bandwidth: Int
  private let progress: @Sendable (CommandID, String) -> Void

  /// One migration under way.
  private struct Flight {
    var isOver = false
    var isCalledOff = false
    var lastSeen: String?
  }

  init(
    uri: String, runDirectories: [String], bandwidth: Int, progress: @escaping @Sendable (CommandID, String) -> Void
  ) {
    sending = LibvirtWorker(uri: uri, runDirectories: runDirectories)
    watching = LibvirtWorker(uri: uri, runDirectories: runDirectories)
    self.bandwidth = bandwidth
    self.progress = progress
  }

  func run(_ command: Command, _ done: @escaping @Sendable (CommandOutcome) -> Void) {
    switch command.effect {
    case .migrate(let uuid, let uri, let pinning, let converge):
      migrate(command, uuid, uri, pinning, converge, done)
    case .settleMigration(let uuid, let patience):
      let now = DispatchTime.now()
      settle(
        uuid, patienceUntil: now + .milliseconds(patience),
        until: now + .milliseconds(max(patience, command.deadlineMilliseconds - Self.answerMilliseconds)), done)
    default:
      done(.failed(Refusal(.unsupported, "no migration", remedy: "")))
    }
  }

  // MARK: Sending

  private func migrate(
    _ command: Command, _ uuid: String, _ uri: String, _ pinning: Pinning, _ converge: Int,
    _ done: @escaping @Sendable (CommandOutcome) -> Void
  ) {
    let flight = SharedFlight()
    let bandwidth = bandwidth
    sending.submit(deadlineMilliseconds: command.deadlineMilliseconds) { connection throws(LibvirtError) -> String in
      try connection.migrate(uuid, to: uri, pinning: pinning, bandwidth: bandwidth)
    } completion: { result in
      let state = flight.state.withLock { state in
        state.isOver = true
        return state
      }
      switch result {
      case .success(let detail):
        done(.done(detail: state.lastSeen.map { "\(detail); last seen: \($0)" } ?? detail, pagesLeft: 0))
      case .failure(let error) where state.isCalledOff && error.kind != .timeout && error.kind != .down:
        let seen = state.lastSeen.map { " (\($0))" } ?? ""
        done(
          .failed(
            Refusal(
              .libvirtRefused, "the migration did not end within \(converge / 1000) s and was called off\(seen)",
              remedy: "try when the guest writes less; if nothing was copied, see libvirtd's log on the other host")))
      case .failure(let error):
        done(.failed(error.refusal))
      }
    }
    watch(command.id, uuid, flight, until: .now() + .milliseconds(converge))
  }

  /// Tells how far it is until it is over, and calls it off once it is overdue.
  private func watch(_ id: CommandID, _ uuid: String, _ flight: SharedFlight, until: DispatchTime) {
    queue.asyncAfter(deadline: .now() + .milliseconds(Self.intervalMilliseconds)) { [self] in
      guard !flight.state.withLock(\.isOver) else { return }
      let isOverdue = DispatchTime.now() >= until
      if isOverdue { flight.state.withLock { $0.isCalledOff = true } }
      watching.submit(deadlineMilliseconds: Self.answerMilliseconds) { connection throws(LibvirtError) -> String? in
        let seen = try connection.migrationProgress(of: uuid)
        if isOverdue { try connection.abortMigration(of: uuid) }
        return seen
      } completion: { [self] result in
        if case .success(let seen?) = result {
          flight.state.withLock { $0.lastSeen = seen }
          if !flight.state.withLock(\.isOver) { progress(id, seen) }
        }
        watch(id, uuid, flight, until: until)
      }
    }
  }

  private final class SharedFlight: Sendable {
    let state = Mutex(Flight())
  }

  // MARK: Settling

  /// Asks until no migration is under way, calling one off after its time; fails when libvirt does not answer till the
  /// end.
  private func settle(
    _ uuid: String, patienceUntil: DispatchTime, until: DispatchTime,
    _ done: @escaping @Sendable (CommandOutcome) -> Void
  ) {
    watching.submit(deadlineMilliseconds: Self.answerMilliseconds) { connection throws(LibvirtError) -> String? in
      let seen = try connection.migrationProgress(of: uuid)
      if seen != nil, DispatchTime.now() >= patienceUntil { try connection.abortMigration(of: uuid) }
      return seen
    } completion: { [self] result in
      if case .success(nil) = result { return done(.done(detail: "no migration is under way", pagesLeft: 0)) }
      guard DispatchTime.now() < until else {
        let late = LibvirtError(.timeout, call: "virDomainAbortJob", "a migration is still under way")
        if case .failure(let error) = result { return done(.failed(error.refusal)) }
        return done(.failed(late.refusal))
      }
      queue.asyncAfter(deadline: .now() + .milliseconds(Self.intervalMilliseconds / 2)) { [self] in
        settle(uuid, patienceUntil: patienceUntil, until: until, done)
      }
    }
  }
}
