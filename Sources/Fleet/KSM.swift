public import NUMA

/// `/sys/kernel/mm/ksm`.
public struct KSMState: Sendable, Hashable, Codable {
  /// `run`: 0 stopped, 1 running, 2 unmerging.
  public var run: Int
  /// `merge_across_nodes`: whether pages of different cells are merged into one.
  public var mergeAcrossNodes: Bool
  /// `pages_shared`: merged pages in use.
  public var pagesShared: Int
  /// What the host would need more if all had their own pages again (`pages_sharing`); nil from agents that do not
  /// tell.
  public var saved: KiB?
  public init(run: Int, mergeAcrossNodes: Bool, pagesShared: Int, saved: KiB? = nil) {
    self.run = run
    self.mergeAcrossNodes = mergeAcrossNodes
    self.pagesShared = pagesShared
    self.saved = saved
  }
}

/// Setting a host's `merge_across_nodes`, which the kernel takes only while nothing is merged: all is unmerged first,
/// and everybody gets the pages back that KSM has saved.
public struct KSMSwitch: Sendable, Hashable {
  public var host: HostID
  public var mergeAcrossNodes: Bool
  public init(host: HostID, mergeAcrossNodes: Bool) {
    self.host = host
    self.mergeAcrossNodes = mergeAcrossNodes
  }

  /// Unmerging may take one part in so many of what is free: guests go on taking memory while it lasts.
  static let partOfFree = 2

  /// Why it must not be done, by the kernel's newest numbers; nil when it may, or is so already.
  ///
  /// The one check for dry runs, coordinator and agent alike. `guests` are those of the host: what is bound to one cell
  /// gets its pages back there or not at all; for others the kernel takes them where the agent's thread runs.
  public func refusal(_ state: KSMState?, cells: [CellState], guests: [Guest]) -> Refusal? {
    guard let state else {
      return Refusal(.unsupported, "the kernel of host \(host) has no KSM", remedy: "there is nothing to switch")
    }
    guard cells.count > 1 else {
      return Refusal(.unsupported, "host \(host) has one cell", remedy: "there is nothing to switch")
    }
    guard state.mergeAcrossNodes != mergeAcrossNodes, let saved = state.saved else { return nil }
    let free = cells.reduce(KiB(0)) { KiB($0.count + $1.memoryFree.count) }
    if saved.count > free.count / Self.partOfFree {
      return noRoom("unmerging takes \(saved), more than half of the \(free) that are free on host \(host)")
    }
    for cell in cells {
      let bound = guests.reduce(0) { $0 + ($1.isThere ? $1.memory(boundTo: cell.cell).count : 0) }
      let most = KiB(min(saved.count, bound))
      guard most.count > cell.memoryFree.count / Self.partOfFree else { continue }
      return noRoom(
        "unmerging may take \(most) of cell \(cell.cell) for guests that are bound to it, more than half of the "
          + "\(cell.memoryFree) that are free there")
    }
    return nil
  }

  private func noRoom(_ message: String) -> Refusal {
    Refusal(.noRoom, message, remedy: "move guests off host \(host) or stop some, and ask again")
  }
}

extension Guest {
  /// Whether its process may be there: a paused guest has its memory and its disks all the same.
  public var isThere: Bool { state == .running || state == .paused }

  /// The most of its memory that comes from that cell or from nowhere.
  func memory(boundTo cell: Int) -> KiB {
    let cpusets = threads.reduce(into: NodeSet()) { $0.formUnion($1.memsAllowed) }
    let isHeld = live.numatune.map { $0.mode == .strict || $0.mode == .restrictive } ?? false
    if cpusets == [cell] || (isHeld && live.numatune?.nodeset == [cell]) { return memory }
    let memnodes = live.numatune?.memnodes ?? []
    let tuned = guestCells.reduce(0) { sum, guestCell in
      let isBound = memnodes.contains {
        $0.guestCell == guestCell.id && $0.mode == .strict && $0.nodeset == [cell]
      }
      return sum + (isBound ? guestCell.memory.count : 0)
    }
    let mapped = regions.reduce(0) { sum, region in
      sum + (region.policy.hasPrefix("bind") && region.policy.hasSuffix(":\(cell)") ? region.size.count : 0)
    }
    return KiB(max(tuned, mapped))
  }
}
