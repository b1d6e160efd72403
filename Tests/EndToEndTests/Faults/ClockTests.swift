import Fleet
import Foundation
import NUMA
import Testing

extension EndToEndTests {
  /// The wall clock of all daemons jumps (libfaketime); the clock of deadlines, CLOCK_BOOTTIME, stays true, as it does
  /// when somebody sets the time of a machine.
  @Suite(.enabled(if: FakeClock.isWanted, FakeClock.missing)) struct Clocks {
    @Test func jumpsOfAnHourChangeNoDeadlineAndNoOrder() async throws {
      let folder = try Folder()
      let clock = try FakeClock(file: folder.path("clock"))
      let fleet = try await LocalFleet(as: clock.launch)
      let trio = try await Trio(hosts: ["a", "b"], on: fleet, launch: { _ in clock.launch })
      for (round, hours) in [1, -1, 0].enumerated() {
        // The job is on its way while the clocks jump.
        trio.agents["b"]?.signal(SIGSTOP)
        let answer = fleet.begin(pin(trio.tenants[2], to: [(round + 1) % 2]))
        try clock.jump(toHours: hours)
        trio.agents["b"]?.signal(SIGCONT)
        let job = try #require(answer.jobs?.first, "\(answer)")
        #expect(await eventually { trio.state(of: job) == .verified })
        try await trio.pinOnAll(["a", "b"], to: [round % 2])
      }
      // No deadline has come early: that would be a silence. None comes late: that of a host that is silent now.
      #expect(try trio.silences() == 0)
      try clock.jump(toHours: -2)
      trio.agents["b"]?.signal(SIGSTOP)
      #expect(await eventually { fleet.view(of: "b")?.liveness == .unreachable })
      trio.agents["b"]?.signal(SIGCONT)
      #expect(await eventually { trio.knows() })

      let events = try trio.ledger.events()
      #expect(events.map(\.sequence) == Array(1...UInt64(events.count)), "events keep their order")
      let jumps = zip(events, events.dropFirst()).map { $1.wallMilliseconds - $0.wallMilliseconds }
      #expect(jumps.contains { $0 > 3_000_000 } && jumps.contains { $0 < -6_000_000 }, "the clock has not jumped")
      let printed = try await fleet.run("events", "-o", "json").out
      let shown = printed.matches(of: #/"sequence" : (\d+)/#).compactMap { UInt64($0.1) }
      #expect(shown == shown.sorted() && shown.count >= events.count)
    }

    private func pin(_ tenant: Tenant, to cpus: CPUSet) -> OperatorRequest {
      .change(
        ManualChange(
          guest: tenant.name, desired: .all(vcpus: 1, on: cpus), scope: .live, driver: .kernel, dryRun: false))
    }
  }
}

/// The wall clock of the programs that are started under it.
struct FakeClock {
  let file: String

  /// A clock that is right at first; `file` says how wrong it is.
  init(file: String) throws {
    self.file = file
    try jump(toHours: 0)
  }

  func jump(toHours hours: Int) throws {
    // Replaced as a whole: a program may be reading it.
    let text = hours < 0 ? "-\(-hours)h\n" : "+\(hours)h\n"
    try text.write(toFile: file, atomically: true, encoding: .utf8)
  }

  var launch: Launch {
    Launch(environment: [
      "LD_PRELOAD": Self.library ?? "", "FAKETIME_TIMESTAMP_FILE": file, "FAKETIME_NO_CACHE": "1",
      "DONT_FAKE_MONOTONIC": "1",
    ])
  }

  private static let library: String? = ["x86_64", "aarch64"]
    .map { machine -> String in "/usr/lib/\(machine)-linux-gnu/faketime/libfaketimeMT.so.1" }
    .first { file in access(file, R_OK) == 0 }

  /// Why no clock can be faked here; nil when one can.
  static let missing: Comment? = library == nil ? "libfaketime is not installed (package faketime)" : nil
  static var isWanted: Bool { Programs.isCI || missing == nil }
}
