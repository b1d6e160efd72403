import ArgumentParser

/// Which coordinator to ask, who asks, and for how long to wait.
struct ConnectionOptions: ParsableArguments {
  /// Where a coordinator listens for operators of its own machine.
  static let defaultEndpoint = "ipc:///run/numafleet/operator.sock"

  @Option(
    help: ArgumentHelp(
      "The coordinator: ipc:///PATH or tcp://ADDRESS:PORT (default: $NUMAFLEET_COORDINATOR, else \(defaultEndpoint)).",
      valueName: "endpoint"))
  var coordinator: String?

  @Option(help: ArgumentHelp("Your secret key, for tcp (default: $NUMAFLEET_KEY).", valueName: "file"))
  var key: String?

  @Option(
    help: ArgumentHelp(
      "The coordinator's public key, or the file that holds it, for tcp (default: $NUMAFLEET_COORDINATOR_KEY).",
      valueName: "public"))
  var coordinatorKey: String?

  @Option(help: ArgumentHelp("How long to wait for an answer, 1 to 3600.", valueName: "seconds"))
  var timeout: Int = 10

  func validate() throws {
    guard (1...3600).contains(timeout) else { throw ValidationError("--timeout is \(timeout); allowed: 1...3600") }
  }
}
