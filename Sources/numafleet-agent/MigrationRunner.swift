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

  /// What can be called off; each until its command has completed.
  private let flights = Mutex<[CommandID: SharedFlight]>([:])

  /// One migration that is under way, or waited for.
  private final class SharedFlight: Sendable {
    let uuid: String
    let state = Mutex(State())
    init(_ uuid: String) { self.uuid = uuid }

    struct State {
      var isOver = false
      /// It has taken too long.
      var isOverdue = false
      /// Nobody wants it any more.
      var isCancelled = false
      var lastSeen: String?
    }
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
      let flight = begin(command.id, uuid)
      migrate(command, flight, uri, pinning, converge) { [self] outcome in
        end(command.id)
        done(outcome)
      }
    case .settleMigration(let uuid, let patience):
      let now = DispatchTime.now()
      settle(
        begin(command.id, uuid), patienceUntil: now + .milliseconds(patience),
        until: now + .milliseconds(max(patience, command.deadlineMilliseconds - Self.answerMilliseconds))
      ) { [self] outcome in
        end(command.id)
        done(outcome)
      }
    default:
      done(.failed(Refusal(.unsupported, "no migration", remedy: "")))
    }
  }

  private func begin(_ id: CommandID, _ uuid: String) -> SharedFlight {
    let flight = SharedFlight(uuid)
    flights.withLock { $0[id] = flight }
    return flight
  }

  private func end(_ id: CommandID) {
    flights.withLock { $0.removeValue(forKey: id) }?.state.withLock { $0.isOver = true }
  }

  /// Ends what is under way with that domain, at once or as soon as libvirt has begun with it.
  func callOff(_ uuid: String) {
    for flight in flights.withLock({ $0.values.filter { $0.uuid == uuid } }) {
      // Who watches it tries again: one question more each time would only queue up before a libvirt that hangs.
      let isNews = flight.state.withLock { state in
        defer { state.isCancelled = true }
        return !state.isCancelled
      }
      guard isNews else { continue }
      watching.submit(deadlineMilliseconds: Self.answerMilliseconds) { connection throws(LibvirtError) -> Bool in
        // A later migration of the domain is another matter.
        guard !flight.state.withLock(\.isOver) else { return false }
        return try connection.abortMigration(of: uuid)
      } completion: { _ in
      }
    }
  }

  // MARK: Sending

  private func migrate(
    _ command: Command, _ flight: SharedFlight, _ uri: String, _ pinning: Pinning, _ converge: Int,
    _ done: @escaping @Sendable (CommandOutcome) -> Void
  ) {
    let (uuid, bandwidth) = (flight.uuid, bandwidth)
    sending.submit(deadlineMilliseconds: command.deadlineMilliseconds) { connection throws(LibvirtError) -> String in
      guard !flight.state.withLock(\.isCancelled) else {
        throw LibvirtError(.refused, call: "virDomainMigrateToURI3", "it was cancelled before libvirt began")
      }
      return try connection.migrate(uuid, to: uri, pinning: pinning, bandwidth: bandwidth)
    } completion: { result in
      let state = flight.state.withLock { state in
        state.isOver = true
        return state
      }
      switch result {
      case .success(let detail):
        done(.done(detail: state.lastSeen.map { "\(detail); last seen: \($0)" } ?? detail, pagesLeft: 0))
      case .failure(let error): done(.failed(Self.refusal(of: error, state, converge)))
      }
    }
    watch(command.id, flight, until: .now() + .milliseconds(converge))
  }

  /// Libvirt's error in the light of what was asked of it meanwhile.
  private static func refusal(of error: LibvirtError, _ state: SharedFlight.State, _ converge: Int) -> Refusal {
    // What becomes of it is not known.
    guard error.kind != .timeout, error.kind != .down else { return error.refusal }
    let seen = state.lastSeen.map { " (\($0))" } ?? ""
    if state.isCancelled {
      let reason = error.isAborted ? "" : ": \(error.message)"
      return Refusal(.cancelled, "the migration was cancelled\(seen)\(reason)", remedy: "ask again when it is wanted")
    }
    guard state.isOverdue else { return error.refusal }
    return Refusal(
      .libvirtRefused, "the migration did not end within \(converge / 1000) s and was called off\(seen)",
      remedy: "try when the guest writes less; if nothing was copied, see libvirtd's log on the other host")
  }

  /// Tells how far it is until it is over, and calls it off once it is overdue or nobody wants it.
  private func watch(_ id: CommandID, _ flight: SharedFlight, until: DispatchTime) {
    queue.asyncAfter(deadline: .now() + .milliseconds(Self.intervalMilliseconds)) { [self] in
      guard !flight.state.withLock(\.isOver) else { return }
      if DispatchTime.now() >= until { flight.state.withLock { $0.isOverdue = true } }
      watching.submit(deadlineMilliseconds: Self.answerMilliseconds) { connection throws(LibvirtError) -> String? in
        let seen = try connection.migrationProgress(of: flight.uuid)
        let isUnwanted = flight.state.withLock { !$0.isOver && ($0.isOverdue || $0.isCancelled) }
        if isUnwanted { try connection.abortMigration(of: flight.uuid) }
        return seen
      } completion: { [self] result in
        if case .success(let seen?) = result {
          // After its end libvirt counts from nothing.
          flight.state.withLock { if !$0.isCancelled { $0.lastSeen = seen } }
          if !flight.state.withLock(\.isOver) { progress(id, seen) }
        }
        watch(id, flight, until: until)
      }
    }
  }

  // MARK: Settling

  /// Asks until no migration is under way, calling one off after its time or when nobody wants it; fails when libvirt
  /// does not answer till the end.
  private func settle(
    _ flight: SharedFlight, patienceUntil: DispatchTime, until: DispatchTime,
    _ done: @escaping @Sendable (CommandOutcome) -> Void
  ) {
    watching.submit(deadlineMilliseconds: Self.answerMilliseconds) { connection throws(LibvirtError) -> String? in
      let seen = try connection.migrationProgress(of: flight.uuid)
      let isUnwanted = DispatchTime.now() >= patienceUntil || flight.state.withLock(\.isCancelled)
      if seen != nil, isUnwanted { try connection.abortMigration(of: flight.uuid) }
      return seen
    } completion: { [self] result in
      if case .success(nil) = result { return done(.done(detail: "no migration is under way", pagesLeft: 0)) }
      guard DispatchTime.now() < until else {
        let late = LibvirtError(.timeout, call: "virDomainAbortJob", "a migration is still under way")
        if case .failure(let error) = result { return done(.failed(error.refusal)) }
        return done(.failed(late.refusal))
      }
      queue.asyncAfter(deadline: .now() + .milliseconds(Self.intervalMilliseconds / 2)) { [self] in
        settle(flight, patienceUntil: patienceUntil, until: until, done)
      }
    }
  }
}
