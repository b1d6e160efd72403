import ArgumentParser
import Glibc

/// A subcommand: `perform` does the work, and whatever it throws is shown as `-o` says, with the documented exit code.
protocol FleetCommand: ParsableCommand {
  var output: OutputOptions { get }
  func perform(_ console: Console) throws(CommandFailure)
}

extension FleetCommand {
  func run() throws {
    let console = Console(format: output.format)
    do throws(CommandFailure) {
      try perform(console)
    } catch {
      console.show(error)
      throw ExitCode(error.exit.rawValue)
    }
  }
}

/// Where results and progress go.
struct Console {
  let format: OutputFormat
  /// Takes results, each with its newline.
  var out: (String) -> Void = { Console.write($0, to: STDOUT_FILENO) }
  /// Takes progress and failures.
  var err: (String) -> Void = { Console.write($0, to: STDERR_FILENO) }

  /// Prints a result to stdout; the table's names must be escaped already.
  func show(table: @autoclosure () -> String, json: @autoclosure () -> some Encodable) {
    switch format {
    case .table: out(table() + "\n")
    case .json: out(JSONText.document(json()) + "\n")
    }
  }

  /// Prints one of many results on a line of its own.
  func showLine(table: @autoclosure () -> String, json: @autoclosure () -> some Encodable) {
    switch format {
    case .table: out(table() + "\n")
    case .json: out(JSONText.line(json()) + "\n")
    }
  }

  /// Prints a failure: JSON to stdout, words to stderr.
  func show(_ failure: CommandFailure) {
    switch format {
    case .table: note("numafleet: \(failure.text)")
    case .json: out(JSONText.failure(failure) + "\n")
    }
  }

  /// Prints a line of progress to stderr.
  func note(_ line: String) { err(printable(line) + "\n") }

  /// Writes all of a text; a reader that is gone ends the command as it ends any other, by SIGPIPE.
  private static func write(_ text: String, to file: Int32) {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }
}
