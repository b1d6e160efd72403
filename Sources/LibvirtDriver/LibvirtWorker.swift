/// Runs calls to libvirt, one after another, on a thread and a connection of its own, each with a deadline.
///
/// Nothing here blocks its caller. libvirt has calls without end (a first capabilities probe, a hung monitor), and a
/// thread inside one cannot be stopped. So when a deadline passes the caller is told `timeout`, the thread is left
/// behind with its connection, which it closes if the call ever returns, and later calls get a new thread and a new
/// connection. What an abandoned call did or will still do is unknown: read back. A worker is serial: a second worker
/// for calls that may take minutes (moving memory) keeps the short ones quick.
///
///     submit ──▶ queue ──▶ lane 1 (thread, connection) ──▶ completion
///                  │            └─ deadline: abandoned, closes itself when its call returns
///                  └────▶ lane 2 (thread, connection) ──▶ completion
public final class LibvirtWorker: Sendable {
  private let core: WorkerCore

  /// A worker for a URI; it connects when the first call comes, and again when the connection is lost.
  public init(uri: String, runDirectories: [String] = Connection.defaultRunDirectories) {
    core = WorkerCore(uri: uri, runDirectories: runDirectories)
  }

  deinit { core.close() }

  /// Runs `operation` on the worker's connection and hands its result to `completion`, exactly once.
  ///
  /// - Parameters:
  ///   - deadlineMilliseconds: from now, waiting and connecting included. When it passes, `completion` gets
  ///     `timeout` and the operation's own result is dropped, whenever it comes.
  ///   - completion: runs on a thread of the worker and must be short: put the result into an inbox. While libvirtd
  ///     is down it gets `down` at once, between attempts to connect that are 0.25 to 5 seconds apart.
  public func submit<Value: Sendable>(
    deadlineMilliseconds: Int, _ operation: @escaping @Sendable (Connection) throws(LibvirtError) -> Value,
    completion: @escaping @Sendable (Result<Value, LibvirtError>) -> Void
  ) {
    core.submit(
      deadline: OSThread.milliseconds + max(0, deadlineMilliseconds),
      run: { connection in
        let result: Result<Value, LibvirtError>
        do throws(LibvirtError) { result = .success(try operation(connection)) } catch { result = .failure(error) }
        return { completion(result) }
      },
      fail: { completion(.failure($0)) })
  }

  /// Refuses what waits and later calls with `down`; the call under way ends by itself or by its deadline.
  public func close() { core.close() }

  /// Threads left behind in calls that have not returned.
  public var abandonedCalls: Int { core.abandonedCalls }
}
