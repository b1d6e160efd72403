import Fleet
import NUMA

/// What is to be placed, the same for a new shape and for a guest that runs.
struct Demand: Sendable {
  let name: String
  /// 1 to 8, in order of guest cell.
  var cells: [DemandCell]
  let smt: SMTPolicy
  let pageSize: PageSize
  /// The mode that numatune is written with.
  let mode: NUMAMode
  /// Devices that the first guest cell must share a cell with.
  let near: [String]
  let emulatorPCPUs: Int
  /// Ids of iothreads.
  let iothreads: [Int]
  /// Hosts it may go to, ascending; empty means any.
  let hosts: [HostID]
  /// Labels that its host must have, and taints that it does not mind.
  let labels: [String]
  let tolerates: [String]
  /// What its groups forbid it; nil where it is in none.
  var limits: GroupLimits?
  /// Whether several guest cells may share one host cell.
  var sharing = false
  /// What is known of it when it runs and stays on its host.
  var running: RunningDemand?
  /// What it uses where it runs; nothing is known of a new one.
  var use = HostStrain.Use()
  /// The host that a running guest leaves for another; there it is like a new one.
  var leaves: HostID?
  /// Hosts that it may not go to, ascending.
  var closed: [HostID] = []
  /// The only host cell of each guest cell, by id, where an operator names them for a guest that comes from elsewhere.
  var wanted: [Int]?

  /// Vcpus that run from the start, over all guest cells; at least 1, because costs are divided by it.
  var vcpus: Int { max(cells.reduce(0) { $0 + $1.online.count }, 1) }
  /// Those of them that share CPUs.
  var floatingVCPUs: Int { cells.reduce(0) { $0 + $1.online.count - $1.dedicated.count } }
  /// Whether each guest cell needs the same as any other.
  var isOfLikeCells: Bool {
    cells.dropFirst().allSatisfy { cell in
      cell.online.count == cells[0].online.count && cell.dedicated.count == cells[0].dedicated.count
        && cell.memory == cells[0].memory
    } && emulatorPCPUs == 0 && near.isEmpty
  }
  /// Whether some vcpu has a CPU of its own.
  var hasOwnCPUs: Bool { cells.contains { !$0.dedicated.isEmpty } }
  /// Whether no vcpu shares CPUs.
  var isDedicated: Bool { cells.allSatisfy { $0.dedicated.count == $0.online.count } }
  /// KiB over all guest cells, at least 1.
  var memory: Int { max(cells.reduce(0) { $0 + $1.memory }, 1) }
}

/// One guest cell of a demand.
struct DemandCell: Sendable {
  let guestCell: Int
  /// Vcpus that run, ascending.
  let online: [Int]
  /// Those of them that have a CPU of their own, ascending; the others share.
  let dedicated: [Int]
  /// Vcpus that may be plugged later, ascending.
  let offline: [Int]
  /// KiB.
  let memory: Int
  /// Memory already on each host cell, by index; empty for a new guest.
  var resident: [Int] = []

  /// Vcpus that run and share CPUs, ascending.
  var floating: [Int] {
    if dedicated.isEmpty { return online }
    let own = CPUSet(dedicated)
    return online.filter { !own.contains($0) }
  }

  /// KiB that must be copied, or for a new guest allocated, when it goes to the cell of that index.
  func arriving(at index: Int, wholePages: Bool) -> Int {
    if resident.isEmpty { return memory }
    // Huge pages are allocated at start, so those not seen anywhere are still counted; base pages come when touched.
    if wholePages { return max(memory - resident[index], 0) }
    return resident.reduce(0, +) - resident[index]
  }
}

/// What ties a running guest to the host it is on.
struct RunningDemand: Sendable {
  let guest: Guest
  /// The only host cell of each guest cell by index, where it is fixed; nil where all may be tried.
  var fixed: [Int?]
  /// Whether its memory may go to other cells.
  let memoryMoves: Bool
  /// Why its memory stays, or what moves it.
  let memoryReason: String
  /// Whether libnuma moves the pages, cell by cell, instead of libvirt.
  let byPages: Bool
  /// Where each guest cell's memory mostly is, by index.
  let homes: [Int?]
  /// Its present single CPU of each vcpu when it is pinned 1:1.
  let pins: [VCPUPin]

  /// Whether libnuma can do it: it moves all that a guest has on one cell, so a moving guest cell must neither come
  /// from nor go to a cell that another guest cell's memory is on.
  func canMovePages(to cells: [Int]) -> Bool {
    guard byPages else { return true }
    for (index, target) in cells.enumerated() {
      guard let home = homes[index], home != target else { continue }
      for (other, otherHome) in homes.enumerated() where other != index {
        if otherHome == target || otherHome == home || cells[other] == target { return false }
      }
    }
    return true
  }
}

extension Demand {
  /// A new guest of a shape without contradictions.
  init(_ shape: Shape) {
    name = shape.name
    var next = 0
    cells = shape.guestCells.enumerated().map { index, cell in
      defer { next += cell.vcpus }
      return DemandCell(
        guestCell: index, online: Array(next..<(next + cell.vcpus)),
        dedicated: Array(next..<(next + cell.dedicated(shape.cpuClass))), offline: [], memory: cell.memory.count)
    }
    smt = shape.smt
    pageSize = shape.pageSize
    mode = shape.mode
    near = shape.near
    emulatorPCPUs = shape.cpuClass == .floating ? 0 : shape.emulatorPCPUs
    iothreads = Array(0..<shape.iothreads).map { $0 + 1 }
    hosts = Set(shape.hosts).sorted()
    labels = shape.labels
    tolerates = shape.tolerates
  }
}

extension Shape {
  /// What makes the shape impossible anywhere or too absurd to compute with; nil when it can be tried.
  func refusal() -> Refusal? {
    func malformed(_ text: String) -> Refusal {
      Refusal(.malformed, "shape \(name): \(text)", remedy: "correct the shape")
    }
    for (index, cell) in guestCells.enumerated() {
      if cell.vcpus > Guest.vcpusLimit || cell.memory.count > Amounts.memoryLimit {
        return malformed("guest cell \(index) asks for \(cell.vcpus) vcpus and \(cell.memory), more than any host has")
      }
    }
    if pageSize.kib <= 0 { return malformed("a page size of \(pageSize.kib) KiB is none") }
    if let text = contradictions().first { return malformed(text) }
    if vcpus > Guest.vcpusLimit {
      return malformed("\(vcpus) vcpus are more than a guest can have (\(Guest.vcpusLimit))")
    }
    if !(0...Guest.vcpusLimit).contains(emulatorPCPUs) { return malformed("\(emulatorPCPUs) emulator pcpus are none") }
    if !(0...Guest.vcpusLimit).contains(iothreads) { return malformed("\(iothreads) iothreads are none") }
    return nil
  }
}
