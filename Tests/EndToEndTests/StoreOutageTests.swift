import Foundation
import GRDB
import Glibc
import Testing

extension EndToEndTests {
  /// A disk without room and a store that another program holds: the coordinator serves what needs no store, and
  /// goes on by itself.
  @Suite struct StoreOutages {
    @Test(.enabled(if: SmallDisk.isWanted, SmallDisk.missing))
    func aFullDiskRefusesCommandsUntilThereIsRoom() async throws {
      let disk = try SmallDisk(mebibytes: 3)
      let fleet = try await LocalFleet(store: disk.path("store.sqlite"))
      try await fleet.key("a", role: "agent")
      _ = try fleet.startAgent("a")
      let workload = try fleet.start("numa-workload", ["--threads", "1", "--memory", "4"])
      let guest = "a/numa-workload-\(workload.pid)"
      #expect(try await eventually { try await fleet.run("guest", "show", guest).status == 0 })
      #expect(try await fleet.run("pin", guest, "--emulator", "0", "--live").status == 0)
      let keys = try await fleet.run("key", "list", "-o", "json").out

      try disk.fill()
      let refused = try await eventually {
        let end = try await fleet.run("host", "drain", "a", "-o", "json")
        // What still fits into the last page of the log may be taken back again.
        if end.status == 0 { _ = try await fleet.run("host", "resume", "a") }
        return end.out.contains("\"code\" : \"storeUnavailable\"")
      }
      #expect(refused)
      let drain = try await fleet.run("host", "drain", "a")
      #expect(drain.status == 1 && drain.err.contains("no space is left; free some space"), "\(drain)")
      #expect(try await fleet.run("plan", "repair").err.contains("no space is left"))
      #expect(try await fleet.run("place", guest).err.contains("no space is left"))
      #expect(try await fleet.shows("a     connected", "host", "list"))
      #expect(try await fleet.shows("takes no writes since", "status"))
      #expect(try await fleet.run("key", "list", "-o", "json").out == keys)
      let jobs = try await fleet.run("job", "list", "-o", "json").out
      #expect(jobs.contains("\"state\" : \"verified\""))

      try disk.free()
      #expect(try await eventually { try await fleet.run("host", "drain", "a").status == 0 })
      #expect(try await fleet.shows("a     connected", "host", "list"))
      #expect(try await fleet.run("pin", guest, "--emulator", "0", "--live").status == 0)
      #expect(try await fleet.run("events").out.contains("storeRecovered"))
      #expect(try await !fleet.shows("takes no writes", "status"))
      #expect(try await fleet.shows("epoch 1", "status") && fleet.coordinator?.hasEnded == false)

      // All that was acknowledged, before and after, is there in the next term.
      fleet.coordinator?.signal(SIGKILL)
      _ = await fleet.coordinator?.end()
      try await fleet.startCoordinator()
      #expect(try await fleet.run("key", "list", "-o", "json").out == keys)
      #expect(try await fleet.run("job", "list", "-o", "json").out.matches(of: #/"verified"/#).count >= 2)
      #expect(try await eventually { try await fleet.shows("draining", "host", "list") })
    }

    @Test func aStoreThatAnotherProgramHoldsIsWaitedFor() async throws {
      let fleet = try await LocalFleet()
      try await fleet.key("a", role: "agent")
      let agent = try fleet.startAgent("a")
      #expect(await eventually { agent.logged.contains("welcomed") }, "\(agent.logged)")
      let holder = try StoreHolder(fleet.store)
      let held = ContinuousClock.now
      let drain = try await fleet.run("host", "drain", "a", "-o", "json")
      #expect(drain.status == 1 && drain.out.contains("is locked by another program"), "\(drain)")
      // For longer than a host may be silent: nothing keeps the coordinator from hearing it.
      let isHeard = try await eventually {
        try #require(try await fleet.shows("a     connected", "host", "list"))
        try #require(try await fleet.shows("takes no writes since", "status"))
        return ContinuousClock.now - held > .seconds(4)
      }
      #expect(isHeard)
      #expect(try await fleet.run("host", "drain", "a").status == 1)

      try holder.letGo()
      #expect(try await eventually { try await fleet.run("host", "drain", "a").status == 0 })
      #expect(try await fleet.run("events").out.contains("storeRecovered"))
      #expect(try await !fleet.run("events").out.contains("hostUnreachable"))
      #expect(fleet.coordinator?.hasEnded == false)
    }

    @Test func aStoreThatIsHeldAtTheStartIsRefusedWithWhatToDo() async throws {
      let fleet = try await LocalFleet()
      fleet.coordinator?.signal(SIGTERM)
      _ = await fleet.coordinator?.end()
      let holder = try StoreHolder(fleet.store)
      let end = try await fleet.launchCoordinator().end()
      #expect(end.status == 73 && end.err.contains("is locked by another program; end the program"), "\(end)")
      try holder.letGo()
    }
  }
}

/// Another program that has the store for itself.
private final class StoreHolder {
  private let connection: DatabaseQueue

  init(_ path: String) throws {
    var configuration = Configuration()
    configuration.allowsUnsafeTransactions = true
    configuration.busyMode = .timeout(10)
    connection = try DatabaseQueue(path: path, configuration: configuration)
    try connection.inDatabase { try $0.execute(sql: "BEGIN EXCLUSIVE") }
  }

  func letGo() throws { try connection.inDatabase { try $0.execute(sql: "COMMIT") } }
}

/// A file system of a few MiB in memory, which can be filled; gone with this value.
final class SmallDisk: Sendable {
  private let folder: Folder
  private let mount: String

  init(mebibytes: Int) throws {
    folder = try Folder()
    mount = folder.path("disk")
    try FileManager.default.createDirectory(atPath: mount, withIntermediateDirectories: false)
    try #require(
      Glibc.mount("tmpfs", mount, "tmpfs", 0, "size=\(mebibytes)m") == 0, "\(String(cString: strerror(errno)))")
  }

  deinit { umount2(mount, Int32(MNT_DETACH)) }

  func path(_ name: String) -> String { mount + "/" + name }

  /// Takes every page that is left.
  func fill() throws {
    let file = open(path("filler"), O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    defer { close(file) }
    let page = [UInt8](repeating: 0xa5, count: 4096)
    while write(file, page, page.count) > 0 {}
    try #require(errno == ENOSPC)
  }

  /// Gives them back.
  func free() throws { try #require(unlink(path("filler")) == 0) }

  static let missing: Comment = "a tmpfs cannot be mounted here; run the tests as root"

  /// Asked once. With CI=true a disk that cannot be had is a failure, not a reason to skip.
  static let isWanted: Bool = Programs.isCI || (try? SmallDisk(mebibytes: 1)) != nil
}
