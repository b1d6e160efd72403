import Fleet
import NUMA
import Testing

@testable import PlacementEngine

/// Guests that libvirt does not know: plain QEMU and any process a rule names.
@Suite struct ProcessTests {
  /// Four threads without vcpu names, free to run anywhere, with 512 MiB on cell 1.
  private func process(role: ThreadRole, cpus: CPUSet = CPUSet(0..<8)) -> Guest {
    Guest(
      id: "h/process/9@1", name: "server-9", kind: .process(rule: "server"), state: .running,
      incarnation: Incarnation(pid: 9, startTicks: 1), vcpusMaximum: 4, memory: KiB(mib: 512),
      threads: (0..<4).map {
        GuestThread(tid: 9 + $0, role: role, name: "server", cpusAllowed: cpus, memsAllowed: [0, 1])
      },
      regions: [
        MemoryRegion(
          start: 1, size: KiB(mib: 300), guestCell: nil, policy: "default",
          residency: [CellResidency(cell: 1, pageSize: .base, pages: 300 * 256)])
      ], residency: [CellResidency(cell: 1, pageSize: .base, pages: 512 * 256)],
      movability: Movability(.livePages, because: "libvirt does not know it"))
  }

  private let policy = Policy(reserve: Reserve(memoryPerCell: 0), livePages: ["*"])

  @Test(arguments: [ThreadRole.worker, .emulator]) func allThreadsGetTheMaskOfTheCell(_ role: ThreadRole) throws {
    let inventory = Inventory(hosts: [host("h", guests: [process(role: role)])])
    #expect(findings(in: inventory.hosts[0], policy: policy).map(\.kind) == [.floating])
    let plan = Placer.plan(PlanningInput(inventory: inventory, policy: policy, parent: 0, request: .repair(host: nil)))
    #expect(violations(of: plan, in: inventory, policy: policy) == [])
    let pinning = try #require(plan.moves.first).placement.pinning
    #expect(pinning.vcpus.isEmpty)
    #expect(pinning.emulator == [4, 5, 6, 7])
    #expect(pinning.numatune == nil)
    #expect(pinning.memory == [GuestCellPlacement(guestCell: 0, cell: 1)])
    let moved = process(role: role, cpus: [4, 5, 6, 7])
    #expect(findings(in: host("h", guests: [moved]), policy: policy) == [])
  }

  @Test func allItsMemoryIsCopiedNotOnlyItsLargestMapping() {
    let guest = process(role: .worker)
    let inventory = Inventory(hosts: [host("h", guests: [guest])])
    let plan = Placer.plan(
      PlanningInput(
        inventory: inventory, policy: policy, parent: 0, request: .place(guest: guest.id, host: "h", cells: [0])))
    #expect(plan.moves.first?.copy == KiB(mib: 512))
    #expect(violations(of: plan, in: inventory, policy: policy) == [])
  }

  @Test func guestCellsWhoseMappingsAreNotToldApartKeepTheirMemory() throws {
    var wide = guest("wide", cells: [0, 1])
    for index in wide.regions.indices { wide.regions[index].guestCell = nil }
    let placer = Placer(inventory: Inventory(hosts: [host("h", cells: 3, guests: [wide])]), policy: policy)
    let placement = try #require(placer.replace(wide, on: "h", cells: nil, explain: false).placement)
    #expect(placement.pinning.memory.isEmpty)
    #expect(placer.replace(wide, on: "h", cells: [2, 1], explain: false).refusal?.code == .notMovable)
  }
}

extension ProcessTests {
  @Test func onlyThreadsThatExistArePinned() throws {
    var qemu = guest("qemu", pins: [CPUSet(0..<8), CPUSet(0..<8)], movable: .livePages)
    qemu.kind = .process(rule: "qemu")
    qemu.vcpusMaximum = 4
    let inventory = Inventory(hosts: [host("h", guests: [qemu])])
    let plan = Placer.plan(PlanningInput(inventory: inventory, policy: policy, parent: 0, request: .repair(host: nil)))
    #expect(violations(of: plan, in: inventory, policy: policy) == [])
    let move = try #require(plan.moves.first)
    #expect(move.placement.pinning.vcpus.map(\.vcpu) == [0, 1])
    let preflight = Preflight(topology: inventory.hosts[0].topology, facts: inventory.hosts[0].facts, livePages: true)
    #expect(preflight.refusal(of: move.placement.pinning, for: qemu, scope: .live) == nil)
  }
}
