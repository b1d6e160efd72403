import ArgumentParser
import Fleet

/// `numafleet adopt GUEST`.
struct AdoptCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "adopt", abstract: "Takes the pins that a guest has now as what is wanted of it.",
    discussion: """
      For a guest that somebody pinned by hand, and rightly so. What the kernel shows
      is kept as the guest's wish before this returns: the doctor no longer calls it
      drifted, and nothing brings it back to where numafleet had placed it. Where
      libvirt's records say something else, one job writes them, so that the next
      start keeps the pins; no thread and no page of the running guest is moved.

        numafleet guest show db         wanted, config, live and kernel, side by side
        numafleet adopt db --dry-run
        numafleet adopt db               what is there is what is wanted
        numafleet place db               the other way: where numafleet would put it
        numafleet adopt --host rack1-h7    every running guest of a host

      Automation leaves adopted guests where they are unless the policy's
      automation.manage is all. The policy's drift (mend, adopt, tell) says what is
      done about guests that nobody has decided upon.
      """)

  @Argument(help: "The guest's name, HOST/NAME or id.")
  var guest: String?

  @Option(help: "Every running guest of this host instead.")
  var host: String?

  @OptionGroup var change: ChangeOptions
  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard (guest == nil) != (host == nil) else { throw ValidationError("name one guest, or --host HOST") }
  }

  func perform(_ console: Console) throws(CommandFailure) {
    let subject: Adopt.Subject = host.map { .guests(of: HostID($0)) } ?? .guest(guest ?? "")
    try submit(.adopt(Adopt(subject, dryRun: change.dryRun)), console, change.waiting)
  }
}
