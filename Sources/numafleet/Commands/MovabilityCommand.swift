import ArgumentParser
import Fleet

/// `numafleet movability [GUEST]`.
struct MovabilityCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "movability", abstract: "Shows whose memory can be moved while it runs, and what would make it so.",
    discussion: """
      libvirt moves the memory of a running guest only in numatune mode restrictive,
      which cannot be changed while it runs; libnuma moves pages of others where the
      policy's live_pages allow it; VFIO devices, locked memory and pages of 1 GiB
      hold it. MOVES says when: now; next start (its definition is right already);
      if prepared; by hand (somebody has to change its definition or the policy);
      never.

        numafleet movability                     all guests
        numafleet movability --host rack1-h7
        numafleet movability db --prepare --dry-run
        numafleet movability db --prepare        its definition only, one job

      --prepare makes strict, preferred and interleave numatunes without memnodes
      restrictive in the persistent definition, on the same nodes: the next start is
      movable. The running guest is not touched. Memory of a restrictive guest goes
      elsewhere rather than fail where its nodes are full.
      """)

  @Argument(help: "Only this guest, by name, HOST/NAME or id.")
  var guest: String?

  @Option(help: "Only the guests of this host.")
  var host: String?

  @Flag(help: "Change the guest's definition so that its next start is movable.")
  var prepare = false

  @OptionGroup var change: ChangeOptions
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if guest != nil, host != nil { throw ValidationError("name a guest or --host, not both") }
    if prepare, guest == nil { throw ValidationError("--prepare changes one guest; name it") }
    if change.dryRun, !prepare { throw ValidationError("--dry-run goes with --prepare") }
  }

  func perform(_ console: Console) throws(CommandFailure) {
    let client = try CoordinatorClient(connection, console)
    guard case .policy(let policy) = try client.ask(.policy) else { return }
    let reply = try client.ask(guest.map { .guest($0) } ?? .guests(host: host.map { HostID($0) }))
    switch reply {
    case .guest(let placed) where prepare: try make(placed, ready: policy, console)
    case .guest(let placed): show([placed], policy, console)
    case .guests(let all): show(all, policy, console)
    default: try console.show(reply)
    }
  }

  private func show(_ guests: [PlacedGuest], _ policy: Policy, _ console: Console) {
    let rows = guests.map { MovabilityRow($0, policy: policy) }
    console.show(table: MovabilityTable(rows: rows).text, json: ["guests": rows])
  }

  private func make(_ placed: PlacedGuest, ready policy: Policy, _ console: Console) throws(CommandFailure) {
    let preparation = Preparation(of: placed.guest, policy: policy)
    guard let desired = preparation.desired else {
      throw CommandFailure(
        Refusal(
          .unsupported, "the definition of guest \(placed.guest.name) needs no change that numafleet makes",
          remedy: preparation.remedy))
    }
    let wish = ManualChange(
      guest: placed.guest.id.text, desired: desired, scope: .config, dryRun: change.dryRun)
    try submit(.change(wish), console, change.waiting)
  }
}
