import ArgumentParser
import Fleet

/// `numafleet plan verify ID`.
struct PlanVerifyCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "verify", abstract: "Compares a plan with where its guests are now, and changes nothing.",
    discussion: """
      Guest by guest: the cpuset of each vcpu and the MiB on each node, before (as
      the plan saw them) and now (as the kernel shows them). Exits with 2 when a
      guest is not where the plan said.
      """)

  @Argument(help: "The plan's number.")
  var id: UInt64

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) {
    let client = try CoordinatorClient(connection, console)
    let reply = try client.ask(.plan(PlanID(id)))
    guard case .plan(let plan) = reply else { throw client.unexpected(reply) }
    let answer = try client.ask(.guests(host: nil))
    guard case .guests(let guests) = answer else { throw client.unexpected(answer) }
    let checks = plan.moves.map { move in
      PlanCheck(
        move: move, guest: guests.first { $0.guest.id == move.guest && $0.host == move.placement.host }?.guest)
    }
    console.show(table: PlanCheckText(plan: plan.id, checks: checks).text, json: ["checks": checks])
    let failed = checks.filter { !$0.differences.isEmpty }
    guard failed.isEmpty else {
      throw CommandFailure(
        Refusal(
          .diverged, "\(failed.count) of \(checks.count) guests are not where plan \(id) said",
          remedy: "see numafleet doctor"))
    }
  }
}

/// One move of a plan against what is observed now.
struct PlanCheck: Encodable {
  var host: HostID
  var guest: GuestID
  var name: String
  /// The cell of each guest cell when the plan was made.
  var before: [GuestCellPlacement]
  var wanted: Pinning
  /// Empty when the guest is where the plan said.
  var differences: [String]
  var cpusetsBefore: String
  var cpusetsNow: String
  var mibNow: String

  init(move: Move, guest: Guest?) {
    host = move.placement.host
    self.guest = move.guest
    name = move.guestName
    before = move.from
    wanted = move.placement.pinning
    cpusetsBefore = GuestWords.pins(move.expected)
    guard let guest else {
      differences = [move.isMigration ? "the guest is not there" : "the guest is gone"]
      cpusetsNow = ""
      mibNow = ""
      return
    }
    differences = Verification(desired: wanted, scope: .live, checksRecords: false).differences(in: guest)
    cpusetsNow = GuestWords.cpusets(guest)
    mibNow = GuestWords.mibByCell(guest)
  }
}

/// The checks as a table, what differs below it.
struct PlanCheckText {
  let plan: PlanID
  let checks: [PlanCheck]

  var text: String {
    var table = Table(
      "HOST", "GUEST", "PINS BEFORE", "CPUSET NOW", "NODE BEFORE", "NODE WANTED", "MiB ON NODE", "RESULT")
    for check in checks {
      table.add(
        check.host.text, check.name, check.cpusetsBefore, check.cpusetsNow, cells(check.before),
        cells(check.wanted.memory), check.mibNow, check.differences.isEmpty ? "as planned" : "differs")
    }
    let details = checks.flatMap { check in check.differences.map { "\(printable(check.name)): \(printable($0))" } }
    let rows = table.text(empty: "plan \(plan) moves nothing, so there is nothing to verify")
    return ([rows] + details).joined(separator: "\n")
  }

  private func cells(_ cells: [GuestCellPlacement]) -> String {
    cells.map { "\($0.guestCell):\($0.cell)" }.joined(separator: " ")
  }
}
