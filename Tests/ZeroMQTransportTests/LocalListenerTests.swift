import CZeroMQ
import Glibc
import Testing

@testable import ZeroMQTransport

@Suite struct LocalListenerTests {
  private func run(_ hub: Hub, _ dialer: Dialer, until condition: ([HubEvent], [DialerEvent]) -> Bool) -> [HubEvent] {
    var hubEvents: [HubEvent] = []
    var dialerEvents: [DialerEvent] = []
    let deadline = monotonicMilliseconds() + 20_000
    while !condition(hubEvents, dialerEvents), monotonicMilliseconds() < deadline {
      hubEvents += hub.wait(timeoutMilliseconds: 2).events
      dialerEvents += dialer.wait(timeoutMilliseconds: 2).events
    }
    #expect(condition(hubEvents, dialerEvents))
    return hubEvents
  }

  @Test func localOperatorIsServedWithoutAKeyBesideTheAgents() throws {
    let directory = try TemporaryDirectory()
    let path = "\(directory.path)/c.sock"
    let hub = try Hub([
      .curve(name: "agents", endpoint: "tcp://127.0.0.1:0", serverKey: try .generate(), admitting: try KeyTable()),
      .curve(name: "operators", endpoint: "tcp://127.0.0.1:0", serverKey: try .generate(), admitting: try KeyTable()),
      .local(name: "local", path: path),
    ])
    let dialer = try Dialer([.local(name: "c", path: path)])
    _ = run(hub, dialer) { _, events in events.contains(.connected("c")) }
    #expect(dialer.send(Array("status".utf8), to: "c") == .sent)
    let events = run(hub, dialer) { events, _ in !events.isEmpty }
    guard case .received(let delivery) = events[0] else {
      Issue.record("\(events)")
      return
    }
    #expect(delivery.user == "local")
    #expect(delivery.listener == "local")
    #expect(hub.send([7], to: delivery.connection) == .sent)
    _ = run(hub, dialer) { _, events in events.contains(.received([7], from: "c")) }
  }

  @Test func socketFileIsForItsOwnerOnly() throws {
    let directory = try TemporaryDirectory()
    let path = "\(directory.path)/c.sock"
    let hub = try Hub([.local(name: "local", path: path)])
    var status = stat()
    #expect(lstat(path, &status) == 0)
    #expect(status.st_mode & S_IFMT == S_IFSOCK)
    #expect(status.st_mode & 0o777 == 0o600)
    #expect(hub.endpoints == ["ipc://\(path)"])
  }

  @Test func localPeerIsRefusedWhileTheAuthenticatorIsGone() throws {
    let directory = try TemporaryDirectory()
    let path = "\(directory.path)/c.sock"
    let hub = try Hub([.local(name: "local", path: path)])
    hub.stopAuthenticating()
    let dialer = try Dialer([.local(name: "c", path: path)])
    let events = dialer.wait(timeoutMilliseconds: 20_000).events
    #expect(!events.isEmpty)
    #expect(!events.contains(.connected("c")))
  }

  /// Whether a process of this user that connects to the socket file is greeted as any ZMTP peer is.
  private func isGreeted(userID: UInt32, path: String) throws -> Bool {
    // perl-base is on every Debian; $> sets the effective user id, which the kernel shows to the listener.
    let script = """
      use Socket; $> = shift; $> = $>; my $p = shift;
      socket(my $s, PF_UNIX, SOCK_STREAM, 0) or exit 2;
      connect($s, sockaddr_un($p)) or exit 3;
      my $n = sysread($s, my $b, 1); exit(defined($n) && $n > 0 ? 0 : 1);
      """
    var process = pid_t()
    let arguments = ["perl", "-e", script, String(userID), path]
    var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
    defer { argv.forEach { free($0) } }
    try #require(posix_spawnp(&process, "perl", nil, nil, &argv, environ) == 0)
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0, errno == EINTR {}
    let code = status >> 8 & 255
    try #require(code < 2, "the connection itself failed: \(code)")
    return code == 0
  }

  @Test(.enabled(if: geteuid() == 0, "needs root, to connect as another user"))
  func anotherUserIsRefusedEvenIfTheFileLetsItConnect() throws {
    let directory = try TemporaryDirectory()
    let path = "\(directory.path)/c.sock"
    let hub = try Hub([.local(name: "local", path: path, alsoUserIDs: [65_533])])
    // What the mode forbids is allowed here, so that the kernel's word on the peer is what decides.
    chmod(directory.path, 0o755)
    chmod(path, 0o666)
    #expect(try isGreeted(userID: 0, path: path))
    #expect(try isGreeted(userID: 65_533, path: path))
    #expect(try !isGreeted(userID: 65_534, path: path))
    _ = hub.endpoints
  }

  @Test(arguments: [
    ("ipc path too long", Listener.local(name: "l", path: "/" + String(repeating: "x", count: 120))),
    ("relative path", Listener.local(name: "l", path: "c.sock")),
    ("no name", Listener.local(name: "", path: "/numafleet-never.sock")),
  ])
  func unusableLocalListenerIsRefused(_ what: String, _ listener: Listener) {
    #expect(throws: TransportError.self, "\(what)") { try Hub([listener]) }
  }

  @Test func missingDirectoriesAreNamed() throws {
    let directory = "\(try TemporaryDirectory().path)/never"
    let file = "\(directory)/s"
    let missing = TransportError.noDirectory(directory, of: file)
    #expect(throws: missing) { try Hub([.local(name: "l", path: file)]) }
    #expect(throws: missing) { try KeyFile.write(try CurveSecretKey.generate(), to: file) }
    #expect(missing.description.hasSuffix("create the directory \(directory)"))
  }

  @Test func keysNeedTCPAndAnAddressInUseIsNamed() throws {
    let key = try CurveSecretKey.generate()
    let table = try KeyTable()
    #expect(throws: TransportError.self) {
      try Hub([.curve(name: "a", endpoint: "ipc:///numafleet-never", serverKey: key, admitting: table)])
    }
    let first = try Hub([.curve(name: "a", endpoint: "tcp://127.0.0.1:0", serverKey: key, admitting: table)])
    let taken = first.endpoints[0]
    #expect(throws: TransportError.cannotBind(taken, reason: "Address already in use")) {
      try Hub([.curve(name: "a", endpoint: taken, serverKey: key, admitting: table)])
    }
    let twice = Listener.curve(name: "a", endpoint: "tcp://127.0.0.1:0", serverKey: key, admitting: table)
    #expect(throws: TransportError.self) { try Hub([twice, twice]) }
  }

  @Test func unusableDestinationIsRefused() throws {
    let key = try CurveSecretKey.generate()
    func destination(_ endpoint: String) -> Destination {
      .curve(name: "c", endpoint: endpoint, serverKey: key.publicKey, ownKey: key)
    }
    #expect(throws: TransportError.self) { try Dialer([destination("udp://127.0.0.1:1")]) }
    #expect(throws: TransportError.self) { try Dialer([destination("tcp://no port")]) }
    #expect(throws: TransportError.self) { try Dialer([.local(name: "c", path: "relative")]) }
    #expect(throws: TransportError.self) {
      try Dialer([destination("tcp://127.0.0.1:1"), destination("tcp://127.0.0.1:2")])
    }
  }
}
