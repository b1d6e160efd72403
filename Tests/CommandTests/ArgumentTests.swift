import ArgumentParser
import Fleet
import NUMA
import Testing

@testable import numafleet

/// Parses arguments to a command of one type.
func parsed<Command: ParsableCommand>(_ arguments: String, as _: Command.Type = Command.self) throws -> Command {
  try #require(try Numafleet.parseAsRoot(arguments.split(separator: " ").map(String.init)) as? Command)
}

/// What the parser says of wrong arguments; "" when they are right.
func complaint(_ arguments: String) -> String {
  do {
    _ = try Numafleet.parseAsRoot(arguments.split(separator: " ").map(String.init))
    return ""
  } catch {
    return Numafleet.exitCode(for: error) == .validationFailure ? Numafleet.message(for: error) : "wrong exit code"
  }
}

@Suite struct Arguments {
  @Test func pinsOfSeveralVcpusAreOnePinning() throws {
    let command: PinCommand = try parsed(
      "pin db --vcpu 0=2-3 --vcpu 2-3=8-9,11 --emulator 6-7 --iothread 1=1 --live --config")
    #expect(
      try command.desired()
        == Pinning(
          vcpus: [
            VCPUPin(vcpu: 0, cpuset: [2, 3]), VCPUPin(vcpu: 2, cpuset: [8, 9, 11]),
            VCPUPin(vcpu: 3, cpuset: [8, 9, 11]),
          ], emulator: [6, 7], iothreads: [IOThreadPin(iothread: 1, cpuset: [1])]))
    #expect(command.scope.scope == .both)
    #expect(command.change.waiting.wait)
  }

  @Test(arguments: [("", nil), ("--live", Scope.live), ("--config", .config), ("--live --config", .both)])
  func scopeIsAsWithVirsh(options: String, scope: Scope?) throws {
    let command: PinCommand = try parsed("pin db --vcpu 0=1 \(options)")
    #expect(command.scope.scope == scope)
  }

  @Test func numatuneIsAWishWithoutWhatWasNotNamed() throws {
    let nodes: NumatuneCommand = try parsed("numatune db --nodeset 3 --mode restrictive")
    #expect(nodes.desired == Pinning(numatune: NUMATune(mode: .restrictive, nodeset: [3])))
    let cells: NumatuneCommand = try parsed("numatune db --memory-cells 0=2 --memory-cells 1=0")
    #expect(
      cells.desired
        == Pinning(memory: [GuestCellPlacement(guestCell: 0, cell: 2), GuestCellPlacement(guestCell: 1, cell: 0)]))
  }

  @Test(arguments: [
    ("adopt", "name one guest, or --host HOST"), ("adopt db --host a", "name one guest, or --host HOST"),
    ("movability db --host a", "not both"), ("movability --prepare", "name it"),
    ("movability db --dry-run", "goes with --prepare"),
  ])
  func whoIsMeantIsSaidOnce(arguments: String, expected: String) {
    #expect(complaint(arguments).contains(expected))
  }

  @Test func cputuneTakesAllParametersOfLibvirt() throws {
    let command: CputuneCommand = try parsed(
      "cputune db --shares 512 --vcpu-period 100000 --vcpu-quota=-1 --emulator-quota 5000 --iothread-period 1000")
    #expect(
      command.desired
        == CPUTune(shares: 512, vcpuPeriod: 100_000, vcpuQuota: -1, emulatorQuota: 5000, iothreadPeriod: 1000))
  }

  @Test func shapeOfOptionsSharesOutEvenly() throws {
    let command: PlaceCommand = try parsed(
      "place --vcpus 5 --memory 8GiB --guest-cells 2 --dedicated --page-size 2MiB --smt require --near 8086:1572 "
        + "--host host-a --emulator-pcpus 1")
    #expect(
      try command.shape.resolved()
        == Shape(
          guestCells: [ShapeCell(vcpus: 3, memory: KiB(gib: 4)), ShapeCell(vcpus: 2, memory: KiB(gib: 4))],
          cpuClass: .dedicated, smt: .require, pageSize: .huge2M, near: ["8086:1572"], emulatorPCPUs: 1,
          hosts: ["host-a"]))
  }

  @Test func placeOfARunningGuestTakesCells() throws {
    let command: PlaceCommand = try parsed("place host-a/db --cells 0,2 --dry-run --explain --no-wait")
    #expect(command.cells == [0, 2])
    #expect(command.change.dryRun && command.explain && !command.change.waiting.wait)
  }

  @Test(arguments: [
    ("pin db", "name at least one of --vcpu, --emulator and --iothread"),
    ("pin db --vcpu 0=3-1", "range 3-1 runs backwards"),
    ("pin db --vcpu 0=^5", "^5 excludes a cpu that no earlier item includes"),
    ("pin db --vcpu 0=0-99999999", "cpu 99999999 is beyond the limit of 8191"),
    ("pin db --vcpu 0", "has no '='; write for example 0=2-3"),
    ("pin db --vcpu =2", "has nothing on one side of '='"),
    ("pin db --vcpu 0=", "has nothing on one side of '='"),
    ("pin db --vcpu 0-1=2 --vcpu 1=3", "--vcpu names 1 twice"),
    ("pin db --emulator x", "\"x\" is not a cpu number"),
    ("place db --batch x.yaml", "it goes with neither GUEST nor shape options"),
    ("place --vcpus 1 --memory 1GiB --all-or-nothing", "--all-or-nothing is for --batch"),
    ("capacity", "give a shape: --vcpus and --memory, or --shape FILE"),
    ("capacity --vcpus 4 --memory 1GiB --dedicated --dedicated-vcpus 2", "--dedicated-vcpus only some"),
    ("capacity --vcpus 4 --memory 1GiB --label a=b=c", "a=b=c is no label"),
    ("pin", "Missing expected argument '<guest>'"),
    ("numatune db", "name at least one of --nodeset, --mode and --memory-cells"),
    ("numatune db --mode firm", "'strict', 'preferred', 'interleave'"),
    ("numatune db --memory-cells 0", "is not GUESTCELL=NODE"),
    ("numatune db --memory-cells 0=1 --memory-cells 0=2", "names guest cell 0 twice"),
    ("numatune db --nodeset 2000", "node 2000 is beyond the limit of 1023"),
    ("cputune db", "name at least one of --shares"),
    ("cputune db --shares 0", "--shares is 0; allowed: 2...262144 on cgroup v1"),
    ("cputune db --vcpu-period 999", "--vcpu-period is 999; allowed: 1000...1000000"),
    ("cputune db --global-quota 10", "--global-quota is 10; allowed: 1000...17592186044415"),
    ("place", "name a running GUEST, or give a shape for a new one"),
    ("place db --vcpus 2", "GUEST names a running guest"),
    ("place --vcpus 2 --memory 1GiB --cells 0", "are for a running GUEST"),
    ("place --vcpus 2 --memory 4096", "the unit is missing"),
    ("place --vcpus 2 --memory 1GiB --near eth0", "write a PCI address"),
    ("place --vcpus 2 --memory 1GiB --page-size 3MiB", "is no page size"),
    ("place --shape x.yaml --vcpus 2", "--shape FILE says it all"),
    ("place db --cells 0,,2", "is no list of nodes"),
    ("place db --timeout 0", "--timeout is 0; allowed: 1...3600"),
    ("place db --wait-timeout 0", "--wait-timeout is 0; allowed: 1...86400"),
    ("start --vcpus 2 --memory 1GiB", "Missing expected argument '--domain-xml <file>'"),
    ("key authorize a/b KEY --role agent", "may have 1...64 of the characters"),
    ("key authorize a KEY --role root", "'agent', 'viewer', 'operator'"),
    ("status -o xml", "table"),
    ("plan show x", "'x' is invalid"), ("plan rebalance --wide 0", "--wide 0: allowed are 1 to 1024"),
    ("plan rebalance --migrations 1001", "--migrations 1001: allowed are 0 to 1000"),
    ("plan fit --vcpus 4 --memory 1GiB --count 0", "--count 0: allowed are 1 to 1000"),
    ("plan fit --count 2", "give a shape"),
    ("plan room --migrations -1", "--migrations"),
    ("capacity --vcpus 4 --memory 1GiB --after-rebalance --after-drain a", "one of"),
    ("teleport", "Unexpected argument 'teleport'"),
  ])
  func wrongArgumentsAreNamed(arguments: String, expected: String) {
    let text = complaint(arguments)
    #expect(text.contains(expected), "\(text)")
  }

  @Test(arguments: [
    ("place --vcpus 2", "a shape needs --vcpus and --memory"),
    ("place --vcpus 2 --memory 1GiB --guest-cells 9", "--guest-cells is 9; allowed: 1...8"),
    ("place --vcpus 1 --memory 1GiB --guest-cells 2", "--vcpus is 1; allowed: 2...4096"),
    ("place --vcpus 2 --memory 3MiB --page-size 2MiB", "whole multiples"),
    ("place --vcpus 4 --memory 1GiB --dedicated-vcpus 5", "dedicates pcpus to 5 of its 4 vcpus"),
  ])
  func shapesThatCannotBeAreUsageErrors(arguments: String, expected: String) throws {
    let command: PlaceCommand = try parsed(arguments)
    do {
      _ = try command.shape.resolved()
      Issue.record("accepted \(arguments)")
    } catch {
      #expect(error.exit == .usage)
      #expect(error.message.contains(expected), "\(error.message)")
    }
  }

  @Test(arguments: [
    (["status", "-o", "json", "--x"], true), (["status", "--output=json", "--x"], true),
    (["status", "-o", "table"], false),
    (["status", "--x"], false),
  ])
  func usageErrorsKnowWhetherJSONIsWanted(arguments: [String], json: Bool) {
    #expect(EntryPoint.wantsJSON(arguments) == json)
  }

  @Test func everySubcommandTeaches() {
    func check(_ command: any ParsableCommand.Type, _ path: String) {
      #expect(!command.configuration.abstract.isEmpty, "\(path)")
      // Wider lines are broken once more where they are shown, which leaves a word or two on a line.
      let wide = command.configuration.discussion.split(separator: "\n").first { $0.count > 79 }
      #expect(wide == nil, "\(path)")
      for child in command.configuration.subcommands {
        check(child, "\(path) \(child.configuration.commandName ?? "?")")
      }
    }
    check(Numafleet.self, "numafleet")
    expectSnapshot(Numafleet.helpMessage(columns: 80), "help.txt")
    expectSnapshot(PlaceCommand.helpMessage(columns: 80), "help-place.txt")
    expectSnapshot(HostKSMCommand.helpMessage(columns: 80), "help-host-ksm.txt")
  }
}
