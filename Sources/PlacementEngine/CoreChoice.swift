import Fleet
import NUMA

/// Picks host CPUs on one cell: whole cores where the SMT policy wants them, behind one L3 cache where possible.
struct CoreChoice {
  /// CPUs for the vcpus, siblings next to each other.
  var cpus: [Int] = []
  /// What the guest has for itself: `cpus`, and under `isolate` the idle threads of their cores.
  var dedicated = CPUSet()

  /// `count` CPUs for dedicated vcpus; nil when the cell cannot give them under that policy.
  init?(_ count: Int, smt: SMTPolicy, from cores: [CellRoom.Core], topology: HostTopology) {
    guard Self.shortfall(count, smt: smt, from: cores) == nil else { return nil }
    let groups = Self.groups(of: cores, on: topology).sorted { a, b in
      let (roomA, roomB) = (Self.room(a, smt: smt), Self.room(b, smt: smt))
      // The tightest cache that holds all comes first; otherwise the roomiest, so that few caches are shared.
      let (fitsA, fitsB) = (roomA >= count, roomB >= count)
      if fitsA != fitsB { return fitsA }
      if roomA != roomB { return fitsA ? roomA < roomB : roomA > roomB }
      return (a.first?.threads.first ?? 0) < (b.first?.threads.first ?? 0)
    }
    take(count, smt: smt, from: groups.flatMap { $0 })
    guard cpus.count == count else { return nil }
  }

  /// Why `count` CPUs are not to be had; nil when they are.
  static func shortfall(_ count: Int, smt: SMTPolicy, from cores: [CellRoom.Core]) -> Shortfall? {
    let all = cores.reduce(0) { $0 + $1.threads.count }
    if all < count { return Shortfall(.dedicated, need: count, has: all) }
    switch smt {
    case .prefer: return nil
    case .require:
      var rest = count
      for size in cores.filter(\.whole).map(\.threads.count).sorted(by: >) where size <= rest { rest -= size }
      return rest == 0
        ? nil : Shortfall(.wholeCores, need: count, has: count - rest, detail: "pcpus that fill whole cores")
    case .isolate:
      let whole = cores.count { $0.whole }
      return whole >= count ? nil : Shortfall(.wholeCores, need: count, has: whole, detail: "whole cores")
    }
  }

  /// Whether CPUs that are already used obey the policy.
  static func satisfies(_ smt: SMTPolicy, _ cpus: CPUSet, on topology: HostTopology) -> Bool {
    let online = topology.cpus
    return cpus.members.allSatisfy { cpu in
      let siblings = (topology.pcpu(cpu)?.siblings ?? [cpu]).intersection(online)
      return switch smt {
      case .prefer: true
      case .require: siblings.isSubset(of: cpus)
      case .isolate: siblings.intersection(cpus).count == 1
      }
    }
  }

  /// CPUs together with the idle threads of their cores under `isolate`.
  static func withIdleThreads(_ cpus: CPUSet, smt: SMTPolicy, on topology: HostTopology) -> CPUSet {
    guard smt == .isolate else { return cpus }
    return cpus.members.reduce(into: cpus) { all, cpu in
      all.formUnion((topology.pcpu(cpu)?.siblings ?? []).intersection(topology.cpus))
    }
  }

  private static func room(_ cores: [CellRoom.Core], smt: SMTPolicy) -> Int {
    switch smt {
    case .prefer, .require: cores.reduce(0) { $0 + ($1.whole ? $1.threads.count : 0) }
    case .isolate: cores.count { $0.whole }
    }
  }

  private static func groups(of cores: [CellRoom.Core], on topology: HostTopology) -> [[CellRoom.Core]] {
    guard topology.l3Groups.count > 1 else { return [cores] }
    var rest = cores
    var groups: [[CellRoom.Core]] = []
    for cache in topology.l3Groups.sorted(by: { $0.id < $1.id }) {
      let members = rest.filter { !$0.threads.isDisjoint(with: cache.cpus) }
      if !members.isEmpty { groups.append(members) }
      rest.removeAll { !$0.threads.isDisjoint(with: cache.cpus) }
    }
    if !rest.isEmpty { groups.append(rest) }
    return groups
  }

  private mutating func take(_ count: Int, smt: SMTPolicy, from cores: [CellRoom.Core]) {
    switch smt {
    case .isolate:
      for core in cores.lazy.filter(\.whole).prefix(count) {
        if let thread = core.threads.first { cpus.append(thread) }
        dedicated.formUnion(core.threads)
      }
    case .require, .prefer:
      var left: [CellRoom.Core] = []
      // Whole cores that the count fills, the larger first where a machine has two kinds, so that the sum comes out.
      let sizes = Set(cores.map(\.threads.count)).sorted(by: >)
      for core in sizes.flatMap({ size in cores.filter { $0.threads.count == size } }) {
        let size = core.threads.count
        if core.whole, size <= count - cpus.count { take(core.threads.members) } else { left.append(core) }
      }
      // The rest goes to cores that are broken already, so that whole ones stay whole.
      if smt == .prefer {
        for core in left.filter({ !$0.whole }) + left.filter(\.whole) {
          take(Array(core.threads.members.prefix(count - cpus.count)))
        }
      }
    }
  }

  private mutating func take(_ threads: [Int]) {
    cpus += threads
    dedicated.formUnion(CPUSet(threads))
  }
}
