import ClusterConfig
import Fleet
import NUMA
import Testing

private let coordinator =
  "kind: coordinator\nlisten_agents: tcp://0.0.0.0:7447\nstore: s\nkey_file: k\npolicy_file: /p\n"

/// Values that a command line replaces, and paths.
@Suite struct Settings {
  @Test func settingReplacesAValueOfTheFile() throws {
    let value = try CoordinatorConfiguration(
      parsing: coordinator, file: "dir/c.yaml", overriding: ["store=x.sqlite", "heartbeat_milliseconds=500"])
    #expect(value.store == "x.sqlite")
    #expect(value.keyFile == "dir/k")
    #expect(value.policyFile == "/p")
    #expect(value.heartbeatMilliseconds == 500)
    #expect(value.unreachableMilliseconds == 1500)
  }

  @Test func settingReplacesOneValueOfASectionAndKeepsTheOthers() throws {
    let text = "kind: policy\nweights: {contention: 7, locality: 8}\n"
    let policy = try Policy(
      parsing: text, file: "p.yaml",
      overriding: ["weights.locality=9", "reserve.memory_per_cell=1GiB", "live_pages=[db, web]"])
    #expect(policy.weights == Weights(contention: 7, locality: 9, fragmentation: 50))
    #expect(policy.reserve.memoryPerCell == KiB(gib: 1))
    #expect(policy.livePages == ["db", "web"])
  }

  @Test func driftAndWhomAutomationManagesAreRead() throws {
    let text = "kind: policy\ndrift: mend\ndrift_by_guest: [{guest: db-*, drift: adopt}]\nautomation: {manage: all}\n"
    let policy = try Policy(parsing: text, file: "p.yaml")
    #expect(policy.drift == .mend && policy.driftByGuest == [GuestDrift(guest: "db-*", drift: .adopt)])
    #expect(policy.automation.manage == .all)
    let plain = try Policy(parsing: "kind: policy\n", file: "p.yaml")
    #expect(plain.drift == .tell && plain.automation.manage == .ours, "a hand is not undone by default")
    #expect(throws: ConfigurationError.self) { try Policy(parsing: "kind: policy\ndrift: undo\n", file: "p.yaml") }
  }

  @Test func pressureIsReadWithinItsRanges() throws {
    let policy = try Policy(
      parsing: "kind: policy\npressure: {busy_percent: 80, bandwidth: 40000}\n", file: "p.yaml")
    #expect(policy.pressure == PressureRules(busyPercent: 80, bandwidth: 40_000, waitingPercent: 25))
    for wrong in ["busy_percent: 100", "bandwidth: -1", "bandwidth: 10000001", "waiting_percent: 100", "busy: 9"] {
      #expect(throws: ConfigurationError.self) {
        try Policy(parsing: "kind: policy\npressure: {\(wrong)}\n", file: "p.yaml")
      }
    }
  }

  @Test func emptySettingTakesAnOptionalValueAway() throws {
    let text = coordinator + "listen_operators: tcp://0.0.0.0:7448\n"
    let value = try CoordinatorConfiguration(parsing: text, file: "c.yaml", overriding: ["listen_operators="])
    #expect(value.operatorListener == nil)
  }

  @Test(arguments: [
    ("keep_events=-1", "--set keep_events: keep_events is -1; allowed: 0...1000000000"),
    ("max_hosts=0", "--set max_hosts: max_hosts is 0; allowed: 1...50000"),
    ("max_host=1", "--set max_host: unknown key \"max_host\" in a coordinator file; did you mean max_hosts?"),
    ("=1", "--set =1: there is no key before '='; write --set KEY=VALUE"),
    ("store", "--set store: there is no key before '='; write --set KEY=VALUE"),
    ("a.b.c=1", "--set a.b.c: a key has at most one dot"),
    ("store=[", "--set store: this is not YAML"),
  ])
  func badSettingIsNamed(setting: String, expected: String) {
    do {
      _ = try CoordinatorConfiguration(parsing: coordinator, file: "c.yaml", overriding: [setting])
      Issue.record("accepted \(setting)")
    } catch {
      #expect(error.description.hasPrefix(expected), "\(error)")
    }
  }

  @Test func relativePathsStartAtTheFile() {
    #expect(resolvedPath("a/b", besideFile: "/etc/numafleet/x.yaml") == "/etc/numafleet/a/b")
    #expect(resolvedPath("/a/b", besideFile: "/etc/numafleet/x.yaml") == "/a/b")
    #expect(resolvedPath("a", besideFile: "x.yaml") == "a")
  }
}

@Suite struct Scalars {
  @Test(arguments: [
    ("512MiB", KiB(mib: 512)), ("4GiB", KiB(gib: 4)), ("4G", KiB(gib: 4)), ("64KiB", KiB(64)),
    ("1 TiB", KiB(gib: 1024)),
  ])
  func amountsWithAUnitAreRead(text: String, amount: KiB) throws {
    #expect(try KiB(parsing: text) == amount)
  }

  @Test(arguments: ["4096", "", "GiB", "-1GiB", "1.5GiB", "4GB", "99999999999999999999GiB", "2000TiB", "4GiBs"])
  func amountsWithoutOrWithAWrongUnitAreRefused(text: String) {
    #expect(throws: AmountError.self) { try KiB(parsing: text) }
  }

  @Test(arguments: [
    "tcp://0.0.0.0:7447", "tcp://*:1", "tcp://[::1]:65535", "tcp://host-a.example:80", "ipc:///run/x.sock",
  ])
  func endpointsArePrintedAsTheyWereRead(text: String) throws {
    #expect(try Endpoint(parsing: text).description == text)
  }

  @Test(arguments: [
    "tcp://:1", "tcp://a", "tcp://a:0", "tcp://a:65536", "tcp://a:+1", "tcp://a b:1", "udp://a:1", "ipc://x", "a:1",
    "tcp://[]:1",
    "tcp://a:",
  ])
  func malformedEndpointsAreRefused(text: String) {
    #expect(throws: EndpointError.self) { try Endpoint(parsing: text) }
  }

  @Test func keysAndDeviceNamesAreRecognised() {
    #expect(isPublicKey("rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"))
    #expect(!isPublicKey("rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf"))
    #expect(!isPublicKey("rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]y\"7"))
    #expect(isDeviceName("0000:21:00.0") && isDeviceName("8086:1572"))
    #expect(!isDeviceName("21:00.0") && !isDeviceName("8086") && !isDeviceName("808g:1572"))
  }
}
