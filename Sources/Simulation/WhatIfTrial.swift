public import Fleet
public import NUMA
import PlacementEngine

/// How many guests of a shape hosts take that nobody has yet: so many of one kind, with nothing on them.
public struct WhatIfTrial: Sendable {
  /// Of all hosts, or why the question makes no sense.
  public let answer: Result<Capacity, Refusal>
  /// On each host by itself.
  public let fitsPerHost: Int
  /// Of counting, in the unit of the clock.
  public let duration: UInt64

  public init(_ shape: Shape, on hosts: Int, of topology: HostTopology, policy: Policy, clock: () -> UInt64) {
    let empty = topology.emptied
    let facts = HostFacts(kernelVersion: "")
    func fleet(_ count: Int) -> Placer {
      let views = (0..<count).map { number in
        HostView(
          id: HostID("new-\(number + 1)"), liveness: .connected, facts: facts, topology: empty, guests: [])
      }
      return Placer(inventory: Inventory(hosts: views), policy: policy)
    }
    var one = fleet(1)
    fitsPerHost = (try? one.capacity(for: shape, byHost: true).get())?.hosts.first?.fits ?? 0
    var placer = fleet(hosts)
    let begun = clock()
    answer = placer.capacity(for: shape)
    duration = clock() - begun
  }
}

extension HostTopology {
  /// The same machine with no guest on it: all memory is free, and every page of its pools.
  public var emptied: HostTopology {
    var topology = self
    for index in topology.cells.indices {
      var ordinary = topology.cells[index].memoryTotal
      // Pools of huge pages are taken from the cell's memory; the smallest pages are what is left.
      let base = topology.cells[index].pages.map(\.size).min().flatMap { $0.kib <= 64 ? $0 : nil }
      for pool in topology.cells[index].pages.indices {
        let pages = topology.cells[index].pages[pool]
        topology.cells[index].pages[pool].free = pages.total
        guard pages.size != base else { continue }
        let (taken, isBeyond) = pages.total.multipliedReportingOverflow(by: pages.size.kib)
        ordinary = isBeyond || taken > ordinary.count ? 0 : ordinary - KiB(taken)
      }
      topology.cells[index].memoryFree = max(ordinary, 0)
    }
    return topology
  }
}
