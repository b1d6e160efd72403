import ArgumentParser
import Fleet
import LibvirtXML

/// `numafleet place`.
struct PlaceCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "place", abstract: "Places a running guest anew, or finds the best place for a new one.",
    discussion: """
      For a running guest the coordinator picks the best cells of its host, or takes
      --cells, one for each guest cell in order, and moves threads and memory there;
      the host's kernel proves it.

        numafleet place db --dry-run --explain     what would be done, and why
        numafleet place db --cells 3
        numafleet place db --cells 0,2      guest cell 0 to node 0, guest cell 1 to 2

      For a new guest nothing is kept or changed: it prints the best host and cells
      over the fleet, the libvirt XML (merged into --domain-xml, where everything
      else stays as it is) and the equivalent QEMU arguments.

        numafleet place --shape cluster-config/shapes/database.yaml --explain
        numafleet place --vcpus 8 --memory 16GiB --guest-cells 2 --dedicated
        numafleet place --vcpus 8 --memory 8GiB --dedicated-vcpus 2 --label disk=nvme

      Many new guests are placed at once, in whatever order loses least. What fits
      nowhere is told with its reason, and refuses all with --all-or-nothing.

        numafleet place --batch cluster-config/batch.yaml
      """)

  @Argument(help: "A running guest: name, HOST/NAME or id. Leave it out and give a shape for a new guest.")
  var guest: String?

  @Option(
    help: ArgumentHelp("The node of each guest cell in order: 3, or 0,2.", valueName: "nodes"), transform: cellsInOrder)
  var cells: [Int]?

  @OptionGroup(title: "Shape of a new guest") var shape: ShapeOptions

  @Option(help: ArgumentHelp("The new guest's domain XML, to merge the placement into.", valueName: "file"))
  var domainXml: String?

  @Option(help: ArgumentHelp("Place all the new guests of a YAML file of `kind: batch`.", valueName: "file"))
  var batch: String?

  @Flag(help: "With --batch: place none when one fits nowhere.")
  var allOrNothing = false

  @Flag(help: "Name each cell chosen and each refused, with numbers.")
  var explain = false

  @OptionGroup var scope: ScopeOptions
  @OptionGroup var change: ChangeOptions
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if guest != nil, shape.isGiven || domainXml != nil || !shape.host.isEmpty {
      throw ValidationError("GUEST names a running guest; shape options and --domain-xml are for a new one")
    }
    if batch != nil, guest != nil || shape.isGiven || domainXml != nil || !shape.host.isEmpty {
      throw ValidationError("--batch FILE names all guests; it goes with neither GUEST nor shape options")
    }
    if allOrNothing, batch == nil { throw ValidationError("--all-or-nothing is for --batch") }
    if guest == nil, batch == nil, !shape.isGiven {
      throw ValidationError("name a running GUEST, or give a shape for a new one")
    }
    if guest == nil, cells != nil || scope.scope != nil || scope.driver != nil {
      throw ValidationError("--cells, --live, --config and --driver are for a running GUEST")
    }
  }

  func perform(_ console: Console) throws(CommandFailure) {
    if let batch { return try placeAll(batch, console) }
    guard let guest else { return try placeNew(console) }
    let place = PlaceGuest(
      guest: guest, cells: cells, scope: scope.scope, driver: scope.driver, dryRun: change.dryRun, explain: explain)
    try submit(.placeGuest(place), console, change.waiting, explain: explain)
  }

  private func placeNew(_ console: Console) throws(CommandFailure) {
    let shape = try shape.resolved()
    let xml: String? = if let domainXml { try readText(domainXml, kind: "domain XML") } else { nil }
    let client = try CoordinatorClient(connection, console)
    let reply = try client.ask(.placeShape(shape, explain: explain))
    guard case .decision(let decision) = reply else { throw client.unexpected(reply) }
    try console.check(decision)
    guard let placement = decision.placement else { throw client.unexpected(reply) }
    // The host's distances and hardware threads make the guest's own topology; without them it still fits.
    let host: HostView? = if case .host(let view) = try client.ask(.host(placement.host)) { view } else { nil }
    let proposal = try Proposal(decision: decision, shape: shape, host: host?.topology, domainXML: xml)
    console.show(table: proposal.text, json: proposal)
  }

  private func placeAll(_ path: String, _ console: Console) throws(CommandFailure) {
    let shapes = try readBatch(path)
    let request = PlaceShapes(shapes: shapes, allOrNothing: allOrNothing, explain: explain)
    let client = try CoordinatorClient(connection, console)
    let reply = try client.ask(.placeShapes(request))
    guard case .decisions(let decisions) = reply else { throw client.unexpected(reply) }
    let names = shapes.map(\.name)
    console.show(
      table: BatchText(names: names, decisions: decisions).text,
      json: BatchDocument(names: names, decisions: decisions))
  }
}
