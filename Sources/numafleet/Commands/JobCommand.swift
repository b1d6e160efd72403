import ArgumentParser
import Fleet

/// `numafleet job`.
struct JobCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "job", abstract: "Shows jobs, and cancels them.",
    subcommands: [JobListCommand.self, JobShowCommand.self, JobCancelCommand.self])
}

/// `numafleet job list`.
struct JobListCommand: AskingCommand {
  static let configuration = CommandConfiguration(commandName: "list", abstract: "Lists jobs, the newest last.")

  @Flag(help: "Only jobs that have not ended.")
  var active = false

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) { try show(.jobs(active: active), console) }
}

/// `numafleet job show ID`.
struct JobShowCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Shows what a job wanted, did and found.",
    discussion: "With --wait the exit code is the job's: 0 verified, 1 refused, 2 diverged.")

  @Argument(help: "The job's number.")
  var id: UInt64

  @Flag(help: "Wait until it has ended, with progress on stderr.")
  var wait = false

  @Option(help: ArgumentHelp("How long to wait for its end, 1 to 86400.", valueName: "seconds"))
  var waitTimeout: Int = 900

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) {
    let client = try CoordinatorClient(connection, console)
    if wait {
      var waiting = WaitOptions()
      waiting.waitTimeout = waitTimeout
      let watch = JobWatch(client: client, console: console, options: waiting)
      return try console.show(watch.end(of: Accepted(jobs: [JobID(id)], text: "")))
    }
    let reply = try client.ask(.job(JobID(id)))
    guard case .jobs(let records) = reply, let record = records.first else { throw client.unexpected(reply) }
    console.show(table: JobText(record: record).text, json: record)
  }
}

/// `numafleet job cancel ID`.
struct JobCancelCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "cancel", abstract: "Ends a job before its time, its guest in its old place or its new one.",
    discussion: """
      What its agent has not begun ends at once with nothing changed, and a live
      migration is called off: the guest runs on where it was. Everything else ends
      by itself, for half a copy is brought back no sooner than the other half is
      brought over. It is refused once the job has ended or its guest has left.

      Automation may plan the same move again: switch it off first, or name the guest
      under `except_guests` in policy.yaml.

        numafleet job cancel 12 && numafleet job show 12 --wait
      """)

  @Argument(help: "The job's number.")
  var id: UInt64

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) { try show(.cancel(.job(JobID(id))), console) }
}
