import ArgumentParser
import Fleet
import NUMA

/// `numafleet numatune GUEST`.
struct NumatuneCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "numatune", abstract: "Changes the nodes and the mode of a guest's memory, and moves its pages.",
    discussion: """
      What `virsh numatune` does, checked before it is tried: libvirt changes the
      nodeset of a running guest only in mode restrictive, and the mode never.
      --memory-cells names the node on which the pages of each guest cell shall be;
      where libvirt cannot do that, libnuma does if the policy's live_pages allow
      it.

        numafleet numatune db --nodeset 3
        numafleet numatune db --mode restrictive --nodeset 2-3 --config
        numafleet numatune db --memory-cells 0=2 --live   moves one guest cell
      """)

  @Argument(help: "The guest's name, HOST/NAME or id.")
  var guest: String

  @Option(
    help: ArgumentHelp("The nodes of the whole guest.", valueName: "nodes"),
    transform: { try nonEmptyList($0) as NodeSet })
  var nodeset: NodeSet?

  @Option(help: "strict, preferred, interleave or restrictive.")
  var mode: NUMAMode?

  @Option(
    help: ArgumentHelp("The node of one guest cell's memory: 0=2. May be repeated.", valueName: "cell=node"),
    transform: { try CellAssignment($0) })
  var memoryCells: [CellAssignment] = []

  @OptionGroup var scope: ScopeOptions
  @OptionGroup var change: ChangeOptions
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if nodeset == nil, mode == nil, memoryCells.isEmpty {
      throw ValidationError("name at least one of --nodeset, --mode and --memory-cells")
    }
    for (index, cell) in memoryCells.enumerated()
    where memoryCells[..<index].contains(where: { $0.guestCell == cell.guestCell }) {
      throw ValidationError("--memory-cells names guest cell \(cell.guestCell) twice; give each once")
    }
  }

  var desired: Pinning {
    Pinning(
      numatune: nodeset == nil && mode == nil ? nil : NUMATune(mode: mode, nodeset: nodeset),
      memory: memoryCells.map { GuestCellPlacement(guestCell: $0.guestCell, cell: $0.cell) })
  }

  func perform(_ console: Console) throws(CommandFailure) {
    try changeGuest(guest, to: desired, scope, change, console)
  }
}
