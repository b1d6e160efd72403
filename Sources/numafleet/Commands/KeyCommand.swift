import ArgumentParser
import Fleet
import ZeroMQTransport

/// `numafleet key`.
struct KeyCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "key", abstract: "Makes, shows, authorizes and revokes keys.",
    discussion: """
      Every agent and every operator over tcp has a key of its own; the coordinator
      lets in only public keys that an admin authorized, each with the name of its
      owner. On a host:

        numafleet key new --out /etc/numafleet/agent.key        prints the public key
      and on the coordinator's machine:
        numafleet key authorize host-a 'THE PUBLIC KEY' --role agent
      """,
    subcommands: [
      KeyNewCommand.self, KeyShowCommand.self, KeyListCommand.self, KeyAuthorizeCommand.self, KeyRevokeCommand.self,
    ])
}

/// `numafleet key new --out FILE`.
struct KeyNewCommand: FleetCommand {
  static let configuration = CommandConfiguration(
    commandName: "new", abstract: "Makes a key pair: FILE for the secret, FILE.pub for the public key. Asks nobody.")

  @Option(
    help: ArgumentHelp("Where to write the secret key; an existing file is never overwritten.", valueName: "file"))
  var out: String

  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) {
    do {
      let key = try CurveSecretKey.generate()
      try KeyFile.write(key, to: out)
      try KeyFile.write(key.publicKey, to: out + ".pub")
      console.show(
        table: key.publicKey.z85, json: ["publicKey": key.publicKey.z85, "secretFile": out, "publicFile": out + ".pub"])
    } catch {
      let remedy =
        switch error {
        case .noDirectory: ""
        default: "choose another --out"
        }
      throw CommandFailure(code: "key", "\(error)", remedy: remedy, exit: .refused)
    }
  }
}

/// `numafleet key show FILE`.
struct KeyShowCommand: FleetCommand {
  static let configuration = CommandConfiguration(
    commandName: "show", abstract: "Prints the public key of a key file, secret or public. Never prints a secret.")

  @Argument(help: "A file that `numafleet key new` made.")
  var file: String

  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) {
    let key = try publicKey(named: file)
    console.show(table: key.z85, json: ["publicKey": key.z85])
  }
}

/// `numafleet key list`.
struct KeyListCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "list", abstract: "Lists the keys that the coordinator knows, revoked ones too.")

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) { try show(.keys, console) }
}

/// `numafleet key authorize NAME PUBLIC --role ROLE`.
struct KeyAuthorizeCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "authorize", abstract: "Lets a public key in, as a host's agent or as an operator.",
    discussion: """
      NAME becomes the identity of whoever holds the secret: for an agent the host's
      name in the fleet. Roles: agent reports for its host; viewer reads; operator
      also changes guests; admin also changes keys.

        numafleet key authorize host-a ./agent.key.pub --role agent
        numafleet key authorize alice 'rq:rM…40 characters…' --role operator

      Quote a key, for it has characters that a shell reads; put -- before one that
      begins with a dash.
      """)

  @Argument(help: "The host or operator that the key belongs to.")
  var name: String

  @Argument(help: "The public key, or a file that holds it.")
  var `public`: String

  @Option(help: "agent, viewer, operator or admin.")
  var role: Role

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    let allowed = name.utf8.allSatisfy { byte in
      (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || "._-".utf8.contains(byte)
    }
    guard (1...64).contains(name.utf8.count), allowed else {
      throw ValidationError("NAME \"\(printable(name))\" may have 1...64 of the characters A-Z a-z 0-9 . _ -")
    }
  }

  func perform(_ console: Console) throws(CommandFailure) {
    let key = try publicKey(named: `public`)
    try show(.authorizeKey(AuthorizedKey(publicKey: key.z85, owner: name, role: role)), console)
  }
}

/// `numafleet key revoke PUBLIC`.
struct KeyRevokeCommand: AskingCommand {
  static let configuration = CommandConfiguration(
    commandName: "revoke", abstract: "Shuts a public key out, its living connections too. What it claimed stays.")

  @Argument(help: "The public key, or a file that holds it.")
  var `public`: String

  @OptionGroup var connection: ConnectionOptions
  @OptionGroup var output: OutputOptions

  func perform(_ console: Console) throws(CommandFailure) {
    try show(.revokeKey(publicKey: publicKey(named: `public`).z85), console)
  }
}
