import ArgumentParser
import Fleet

/// `numafleet host ksm HOST`.
struct HostKSMCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "ksm", abstract: "Sets whether a host's KSM merges pages of different nodes.",
    discussion: """
      A page that is merged with one of another node lies far from all guests but
      one, and no placement can mend that; see the finding ksmAcrossNodes of
      `numafleet doctor`.

        numafleet host ksm rack1-07 --merge within-nodes --dry-run
        numafleet host ksm rack1-07 --merge within-nodes

      The kernel takes the setting only while nothing is merged. So one job has the
      host's agent unmerge all pages (2 to /sys/kernel/mm/ksm/run), set
      merge_across_nodes, and let KSM run as it did before; what fails half way is
      undone, also when the agent is stopped. Unmerging may take minutes, and memory:
      it is refused where what KSM has saved (pages_sharing) is more than half of
      what is free, on the host or on a cell to which guests are bound.

      Pages that are not bound to a cell come back where the agent happens to run.
      `numafleet doctor` then tells of remote memory, and `numafleet plan repair`
      brings it home.

      The kernel forgets the setting at the next boot. To keep it, put the line
      `w /sys/kernel/mm/ksm/merge_across_nodes - - - - 0` into a file of
      /etc/tmpfiles.d on the host.
      """)

  @Argument(help: "The host's name.")
  var host: String

  @Option(help: "Which pages are merged: within-nodes or across-nodes.")
  var merge: MergedPages

  @OptionGroup var change: ChangeOptions
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) {
    let wish = SwitchKSM(host: HostID(host), mergeAcrossNodes: merge == .acrossNodes, dryRun: change.dryRun)
    try submit(.switchKSM(wish), console, change.waiting)
  }
}

/// `merge_across_nodes` in words.
enum MergedPages: String, CaseIterable, ExpressibleByArgument {
  case withinNodes = "within-nodes"
  case acrossNodes = "across-nodes"
}
