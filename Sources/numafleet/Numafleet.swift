import ArgumentParser

/// The operator's command: asks a coordinator over the same wire as everything else, and shows the answer.
///
/// One file for each subcommand in `Commands/`, which turns arguments into one `OperatorRequest`; `Client/` sends it
/// and waits for the answer and for the jobs it caused; `Rendering/` turns values into text and touches nothing else.
/// Invariants: a command prints its result to stdout and everything else to stderr; with `-o json` stdout is one JSON
/// document, on failure too; no byte of a name that a guest's owner chose reaches the terminal unescaped; the exit
/// code is 0 only when what was asked is done and, for changes, verified by the host's kernel.
struct Numafleet: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "numafleet",
    abstract: "Sees, decides and proves where every guest of a fleet sits on its hosts' NUMA cells.",
    discussion: """
      Begin with:
        numafleet status          does the coordinator answer, and who reports to it
        numafleet topology HOST   one machine, as `numactl --hardware` shows it
        numafleet guest list      where every guest's threads and memory are
        numafleet doctor          what is wrong, and the command that mends it
        numafleet plan repair     how to mend it all; then `plan apply ID`
        numafleet auto shadow     what the fleet would mend by itself; then `auto on`
        numafleet place GUEST --dry-run --explain
        numafleet migrate GUEST --to HOST --dry-run    to another host, pins and all
        numafleet capacity --vcpus 4 --memory 8GiB     how many more such guests fit

      The coordinator is found at --coordinator, else $NUMAFLEET_COORDINATOR, else
      \(ConnectionOptions.defaultEndpoint). A tcp:// coordinator also needs --key
      (or $NUMAFLEET_KEY) and --coordinator-key (or $NUMAFLEET_COORDINATOR_KEY).

      Exit codes:
        0   done; a change is verified by the kernel of its host
        1   refused: nothing was changed, or everything was undone
        2   diverged: a guest is neither where it was nor where it should be
        3   no answer: no coordinator, or a job that outlasted the waiting
        64  the arguments, or a configuration or key file that they name, are wrong

      With -o json stdout is one JSON document (`events --follow`: one on each line)
      with sorted keys. Amounts of memory are numbers of KiB, times are milliseconds
      since 1970, sets of cpus and nodes are texts such as "0-3,8", a value with
      alternatives is an object whose one key names the alternative, absent keys
      mean "not known" or "not set". Lists are {"hosts": […]}, {"guests": […]} and
      so on. A failure is {"error": {"code": "unknownGuest", "message": "…",
      "remedy": "…"}}. Codes and keys are never renamed.
      """,
    version: numafleetVersion,
    subcommands: [
      StatusCommand.self, TopologyCommand.self, HostCommand.self, GuestCommand.self, DoctorCommand.self,
      PlaceCommand.self, MigrateCommand.self, CapacityCommand.self, StartCommand.self, PlanCommand.self,
      AutoCommand.self, AdoptCommand.self, MovabilityCommand.self, JobCommand.self, PinCommand.self,
      NumatuneCommand.self, CputuneCommand.self,
      EventsCommand.self, KeyCommand.self, ConfigCommand.self, PolicyCommand.self,
      SimulateCommand.self, BenchCommand.self,
    ])
}

/// The version of this build; the coordinator tells its own in `numafleet status`.
let numafleetVersion = "0.1.0"
