import ArgumentParser
import Fleet

/// `numafleet migrate GUEST --to HOST`.
struct MigrateCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "migrate", abstract: "Migrates a running guest to another host, live, onto the cells where it fits.",
    discussion: """
      The guest arrives with its new pins, in the running domain and in its
      definition, and is undefined where it was. What it takes there is reserved
      before anything is done. The job is verified when the other host shows it with
      these pins; when the migration fails or does not converge in time, the guest
      stays where it was.

      The other host's agent needs migration_uri; libvirt decides whether the
      guest's disks can be reached from there.

        numafleet migrate db --to rack1-host8 --dry-run     where to, and why
        numafleet migrate db --to rack1-host8 --cells 0,2
      """)

  @Argument(help: "A running guest: name, HOST/NAME or id.")
  var guest: String

  @Option(help: "The host to migrate it to.")
  var to: String

  @Option(
    help: ArgumentHelp("The other host's node of each guest cell in order: 3, or 0,2.", valueName: "nodes"),
    transform: cellsInOrder)
  var cells: [Int]?

  @OptionGroup var change: ChangeOptions
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) {
    let wish = PlaceGuest(guest: guest, cells: cells, to: HostID(to), dryRun: change.dryRun, explain: change.dryRun)
    try submit(.placeGuest(wish), console, change.waiting, explain: change.dryRun)
  }
}
