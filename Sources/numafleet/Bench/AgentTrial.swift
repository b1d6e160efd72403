import Fleet
import Glibc
import NUMA
import ZeroMQTransport

/// `numafleet bench agent`: an agent with nothing to do, watched from outside.
struct AgentTrial {
  let guests: Int
  let seconds: Int
  let libvirtURI: String
  let programs: String?

  /// As a guest of a few vcpus: vcpu threads, emulator, iothread, workers.
  private static let guestThreads = 7
  /// How long everything may take to be seen on a slow machine.
  private static let settleMilliseconds = 300_000
  /// What the agent reads closely because the guests have just come is over by then.
  private static let pauseMilliseconds = 10_000

  func run(_ console: Console) throws(CommandFailure) -> AgentFigures {
    let programs = try Programs(folder: programs)
    let folder = try TrialFolder()
    let coordinator = try TrialCoordinator(programs, in: folder, hostsMax: 16)
    let key = try newKey(folder.file("agent.key"))
    try coordinator.authorize("bench", key)
    console.note("starting \(guests) guests")
    let running = try startGuests(programs, folder)
    let agent = try ChildProcess(
      programs.path("numafleet-agent"), ["--config", try configuration(coordinator, folder)],
      log: folder.file("agent.log"))
    let cells = try waitUntilSeen(coordinator, agent)
    try coordinator.rest(milliseconds: Self.pauseMilliseconds)
    console.note("measuring for \(seconds) s")
    let use = ProcessUse(pid: agent.pid)
    let before = try use.cpuMilliseconds()
    let began = monotonicMilliseconds()
    try coordinator.rest(milliseconds: seconds * 1000)
    let used = try use.cpuMilliseconds() - before
    let elapsed = monotonicMilliseconds() - began
    try agent.check()
    for guest in running { try guest.check() }
    return AgentFigures(
      guests: running.count, cells: cells, seconds: rounded(Double(elapsed) / 1000, digits: 1),
      rssKiB: try use.residentKiB(), pssKiB: try use.proportionalKiB(),
      cpuPercent: rounded(100 * Double(used) / Double(max(1, elapsed)), digits: 3), emulated: isEmulated)
  }

  /// Whether this machine is interpreted by QEMU (TCG), as the one of the end-to-end tests is.
  private var isEmulated: Bool {
    (try? readText("/proc/cpuinfo", kind: "machine"))?.contains("QEMU TCG") ?? false
  }

  /// Processes under a name of their own, so that the rule finds these and no others of this machine.
  private func startGuests(_ programs: Programs, _ folder: TrialFolder) throws(CommandFailure) -> [ChildProcess] {
    let program = folder.file(processName)
    guard symlink(try programs.path("numa-workload"), program) == 0 else {
      throw CommandFailure(
        file: "\(program): \(String(cString: strerror(errno)))", remedy: "set TMPDIR to another folder")
    }
    var running: [ChildProcess] = []
    for _ in 0..<guests {
      running.append(
        try ChildProcess(
          program, ["--threads", "\(Self.guestThreads)", "--memory", "16", "--pause-milliseconds", "100000"],
          log: folder.file("guests.log")))
    }
    for guest in running { _ = try guest.line(milliseconds: 60_000) }
    return running
  }

  /// At most 15 bytes, the kernel's limit for a name.
  private var processName: String { "bench-\(getpid())" }

  private func configuration(
    _ coordinator: TrialCoordinator, _ folder: TrialFolder
  ) throws(CommandFailure) -> String {
    try folder.write(
      """
      kind: agent
      coordinators:
        - endpoint: \(coordinator.endpoint)
          public_key: '\(coordinator.publicKey.z85)'
      key_file: \(folder.file("agent.key"))
      libvirt_uri: \(libvirtURI)
      journal: \(folder.file("agent.journal"))
      processes:
        - name: bench
          comm: \(processName)

      """, to: "agent.yaml")
  }

  /// Waits until the coordinator knows the host with all its guests; the number of its cells.
  private func waitUntilSeen(
    _ coordinator: TrialCoordinator, _ agent: ChildProcess
  ) throws(CommandFailure) -> Int {
    let deadline = monotonicMilliseconds() + Self.settleMilliseconds
    while monotonicMilliseconds() < deadline {
      try agent.check()
      if case .hosts(let hosts) = try coordinator.ask(.hosts), let host = hosts.first,
        case .guests(let seen) = try coordinator.ask(.guests(host: nil)), seen.count >= guests
      {
        return host.topology.cells.count
      }
      try coordinator.rest(milliseconds: 200)
    }
    throw CommandFailure(
      code: "noAnswer", "the agent did not report \(guests) guests within \(Self.settleMilliseconds / 1000) s",
      remedy: "start numafleet-agent by hand and read its log", exit: .noAnswer)
  }
}

/// What `numafleet bench agent` prints.
struct AgentFigures: Encodable {
  let guests: Int
  let cells: Int
  let seconds: Double
  let rssKiB: Int
  let pssKiB: Int
  let cpuPercent: Double
  /// Whether the cpus are QEMU's translation, whose time says little of a real one's.
  let emulated: Bool

  enum CodingKeys: String, CodingKey {
    case guests, cells, seconds, emulated, rssKiB = "rss_kib", pssKiB = "pss_kib", cpuPercent = "cpu_percent"
  }

  /// For people.
  var text: String {
    var table = Table(">GUESTS", ">CELLS", ">SECONDS", ">RSS KIB", ">PSS KIB", ">CPU %")
    table.add("\(guests)", "\(cells)", "\(seconds)", "\(rssKiB)", "\(pssKiB)", "\(cpuPercent)")
    return table.text(empty: "") + (emulated ? "\n(of an emulated cpu, tens of times slower than a real one)" : "")
  }
}
