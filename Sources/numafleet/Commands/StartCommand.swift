import ArgumentParser
import Fleet

/// `numafleet start`.
struct StartCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "start", abstract: "Defines and starts a guest on the best host and cells of the fleet.",
    discussion: """
      The domain XML is the guest's own; shape and placement are merged into it on
      the chosen host, and everything else in it stays as it is. Cells are claimed
      before the job is sent, and the guest is verified when it runs.

        numafleet start --vcpus 4 --memory 8GiB --domain-xml web.xml --dry-run
        numafleet start --shape shapes/database.yaml --domain-xml db.xml
      """)

  @OptionGroup(title: "Shape") var shape: ShapeOptions

  @Option(help: ArgumentHelp("The guest's domain XML; - for stdin.", valueName: "file"))
  var domainXml: String

  @OptionGroup var change: ChangeOptions
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) {
    let shape = try shape.resolved()
    let domain = try DomainIdentity(xml: readText(domainXml, kind: "domain XML"))
    let start = StartGuest(
      guest: domain.guest, guestName: domain.name, shape: shape, domainXML: domain.xml, dryRun: change.dryRun)
    try submit(.start(start), console, change.waiting)
  }
}
