import CLibvirt
import Glibc
import NUMA

/// One connection to libvirt: blocking calls, typed in and out, every error captured on the thread of its call.
///
/// `LibvirtDriver` is the only module that calls libvirt. Invariants:
/// - No type of C leaves it, and nothing is printed.
/// - A connection is used by one thread at a time. A call may block as long as libvirtd likes; `LibvirtWorker` gives
///   calls their deadlines.
/// - Domains are named by UUID; a guest's name is only ever shown, or checked before it becomes part of a path.
/// - CPU maps have the size of the host's CPUs, and a CPU outside the host is refused before libvirt is asked.
/// - What is read is read from libvirt, never remembered from what was written.
public final class Connection {
  /// The URI as it was given.
  public let uri: String
  /// How many CPUs the host can have, offline ones included: the size of every CPU map.
  public let hostCPUs: Int
  /// `virConnectGetType`, for example `QEMU` or `TEST`.
  public let hypervisorType: String
  /// Where libvirt's QEMU driver keeps `NAME.pid`.
  let runDirectories: [String]
  private var pointer: virConnectPtr?
  var records = RecordCache()

  /// Where libvirt's packages keep the pid files.
  public static let defaultRunDirectories = ["/run/libvirt/qemu", "/var/run/libvirt/qemu"]

  /// Opens a connection (`virConnectOpen`), with keepalives where it goes to a daemon.
  ///
  /// - Throws: `down` when nobody answers, `denied` when this user may not connect.
  public static func open(
    uri: String, runDirectories: [String] = defaultRunDirectories
  ) throws(LibvirtError) -> Connection {
    if let fault = Library.fault { throw fault }
    guard let pointer = virConnectOpen(uri) else {
      let error = LibvirtError.last("virConnectOpen(\(uri))")
      throw error.kind == .denied ? error : error.with(.down)
    }
    // Drivers without a daemon have no keepalive and say so with an error, which is no fault.
    virConnectSetKeepAlive(pointer, Library.keepAliveSeconds, Library.keepAliveCount)
    return try Connection(pointer, uri: uri, runDirectories: runDirectories)
  }

  private init(_ pointer: virConnectPtr, uri: String, runDirectories: [String]) throws(LibvirtError) {
    self.pointer = pointer
    self.uri = uri
    self.runDirectories = runDirectories
    hypervisorType = virConnectGetType(pointer).map { String(cString: $0) } ?? "unknown"
    var info = virNodeInfo()
    guard virNodeGetInfo(pointer, &info) == 0 else {
      hostCPUs = 0
      throw LibvirtError.last("virNodeGetInfo").with(.down)
    }
    // VIR_NODEINFO_MAXCPUS counts what the topology could hold, the CPU map what the kernel may bring online.
    let (nodes, sockets) = (Int(info.nodes), Int(info.sockets))
    let possible = nodes * sockets * Int(info.cores) * Int(info.threads)
    let present = Int(virNodeGetCPUMap(pointer, nil, nil, 0))
    hostCPUs = min(max(possible, present, Int(info.cpus)), CPUKind.idLimit)
  }

  deinit { close() }

  /// Gives the connection back (`virConnectClose`); later calls throw `down`.
  public func close() {
    guard let pointer else { return }
    self.pointer = nil
    virConnectClose(pointer)
  }

  /// Whether the connection still stands, as far as this end knows (`virConnectIsAlive`).
  public var isAlive: Bool { pointer.map { virConnectIsAlive($0) == 1 } ?? false }

  // MARK: - Calls

  /// The C connection, or `down` after `close()`.
  func handle(_ call: String) throws(LibvirtError) -> virConnectPtr {
    guard let pointer else { throw LibvirtError(.down, call: call, "the connection to \(uri) is closed") }
    return pointer
  }

  /// The calling thread's last error; a broken connection counts as `down` whatever the code is.
  func failure(_ call: String) -> LibvirtError {
    // First the error: asking for the connection's health is a call of its own and forgets it.
    let error = LibvirtError.last(call)
    return isAlive ? error : error.with(.down)
  }

  /// Passes a result on, or throws the error behind a negative one.
  @discardableResult
  func check(_ call: String, _ result: Int32) throws(LibvirtError) -> Int {
    guard result >= 0 else { throw failure(call) }
    return Int(result)
  }

  /// A string that libvirt allocated.
  func text(_ call: String, _ pointer: UnsafeMutablePointer<CChar>?) throws(LibvirtError) -> String {
    guard let pointer else { throw failure(call) }
    defer { free(pointer) }
    return String(cString: pointer)
  }

  /// Runs `body` with the domain of that UUID.
  @discardableResult
  func withDomain<Result>(
    _ uuid: String, _ body: (virDomainPtr) throws(LibvirtError) -> Result
  ) throws(LibvirtError) -> Result {
    let connection = try handle("virDomainLookupByUUIDString")
    guard let domain = virDomainLookupByUUIDString(connection, uuid) else {
      let error = failure("virDomainLookupByUUIDString")
      // A text that is no UUID names no domain either.
      throw error.kind == .invalidArgument ? error.with(.unknownDomain) : error
    }
    defer { virDomainFree(domain) }
    return try body(domain)
  }
}
