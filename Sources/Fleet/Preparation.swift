import NUMA

/// What would make a guest's memory movable while it runs, and what of it numafleet can see to before its next start.
public struct Preparation: Sendable, Hashable, Codable {
  public var when: When
  /// What to do, as a command or in words.
  public var remedy: String
  /// The change of the persistent definition that `numafleet movability GUEST --prepare` makes; nil where none of ours
  /// helps.
  public var desired: Pinning?

  /// When its memory can be moved.
  public enum When: String, Sendable, Hashable, Codable, CaseIterable {
    /// Already, as it runs.
    case now
    /// From the next start on, which needs nothing but the start.
    case nextStart
    /// From the next start on, once it is prepared.
    case prepared
    /// Only after somebody has changed what numafleet does not touch.
    case byHand
    case never
  }

  public init(_ when: When, _ remedy: String, desired: Pinning? = nil) {
    self.when = when
    self.remedy = remedy
    self.desired = desired
  }

  /// What the guest and the policy in force leave to do.
  ///
  /// libvirt changes the nodeset of a running guest only in mode restrictive, and never the mode; so that has to be in
  /// the definition before the start. Memnodes are left as they are: restrictive ones bind no memory to its cell.
  public init(of guest: Guest, policy: Policy) {
    let byPages = policy.allowsLivePages(of: guest)
    switch guest.movability.class {
    case .liveMemory: self = Preparation(.now, "nothing: libvirt moves it as it runs")
    case .livePages where byPages: self = Preparation(.now, "nothing: the policy's live_pages names it")
    case .livePages: self = Self.byPagesOnly(guest)
    case .cpuOnly: self = Self.ofStuck(guest)
    case .migrateOnly: self = Preparation(.never, "numafleet migrate GUEST --to HOST, which takes its memory along")
    case .fixed:
      self = guest.isStopped ? Self.ofNextStart(guest) : Preparation(.never, "nothing: \(guest.movability.reason)")
    }
  }

  private static func byPagesOnly(_ guest: Guest) -> Preparation {
    guard case .domain = guest.kind, guest.config != nil else {
      return Preparation(.byHand, "list it under live_pages in policy.yaml, for libvirt has no definition of it")
    }
    let next = ofNextStart(guest)
    guard next.when == .nextStart, guest.live.numatune == guest.config?.numatune else { return next }
    return Preparation(.byHand, "list it under live_pages in policy.yaml: \(guest.movability.reason)")
  }

  private static func ofNextStart(_ guest: Guest) -> Preparation {
    guard let config = guest.config else { return Preparation(.never, "nothing: it has no persistent definition") }
    if let stuck = stuck(guest) { return stuck }
    guard let tune = config.numatune else {
      return Preparation(.nextStart, "start it anew: its definition has no numatune")
    }
    guard tune.memnodes.isEmpty else {
      return Preparation(
        .byHand, "list it under live_pages in policy.yaml: with memnodes libvirt moves none of its guest cells")
    }
    if tune.mode == .restrictive, !tune.automatic {
      return Preparation(.nextStart, "start it anew: its definition is restrictive")
    }
    guard let nodeset = tune.nodeset ?? guest.live.numatune?.nodeset ?? guest.residentNodes else {
      return Preparation(.byHand, "give its definition a nodeset: numafleet numatune GUEST --nodeset N --config")
    }
    let mode = tune.automatic ? "automatic" : tune.mode?.rawValue ?? "strict"
    return Preparation(
      .prepared, "--prepare, then start it anew: numatune \(mode) becomes restrictive \(nodeset)",
      desired: Pinning(numatune: NUMATune(mode: .restrictive, nodeset: nodeset)))
  }

  private static func ofStuck(_ guest: Guest) -> Preparation {
    stuck(guest) ?? Preparation(.never, "nothing: \(guest.movability.reason)")
  }

  /// What holds its memory whatever its numatune says.
  private static func stuck(_ guest: Guest) -> Preparation? {
    if let device = guest.vfio.first {
      return Preparation(.byHand, "take VFIO device \(device) out of its definition, then start it anew")
    }
    if guest.pageSize >= .huge1G {
      return Preparation(.byHand, "back it with pages of 2 MiB in its definition, then start it anew")
    }
    if guest.locked { return Preparation(.byHand, "take <locked/> out of its definition, then start it anew") }
    return nil
  }
}

extension Guest {
  fileprivate var isStopped: Bool { state != .running && state != .paused }

  /// Cells that hold any of its memory; nil when none does.
  fileprivate var residentNodes: NodeSet? {
    let nodes = NodeSet(mibByCell.filter { $0.mib > 0 }.map(\.cell))
    return nodes.isEmpty ? nil : nodes
  }
}
