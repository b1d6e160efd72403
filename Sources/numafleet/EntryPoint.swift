import ArgumentParser
import Glibc

/// Parses the arguments and runs the command, so that wrong arguments under `-o json` give JSON as well.
@main
enum EntryPoint {
  static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    do {
      var command = try Numafleet.parseAsRoot(arguments)
      try command.run()
    } catch let code as ExitCode {
      exit(code.rawValue)
    } catch {
      let code = Numafleet.exitCode(for: error)
      if code == .validationFailure, wantsJSON(arguments) {
        let failure = CommandFailure(usage: Numafleet.message(for: error))
        print(JSONText.failure(failure))
        exit(failure.exit.rawValue)
      }
      Numafleet.exit(withError: error)
    }
  }

  /// Whether the arguments, which could not be parsed, ask for JSON.
  static func wantsJSON(_ arguments: [String]) -> Bool {
    for (index, argument) in arguments.enumerated() {
      if ["-ojson", "-o=json", "--output=json"].contains(argument) { return true }
      if ["-o", "--output"].contains(argument), arguments.dropFirst(index + 1).first == "json" { return true }
    }
    return false
  }
}
