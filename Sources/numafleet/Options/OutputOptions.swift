import ArgumentParser

/// How results are shown.
struct OutputOptions: ParsableArguments {
  @Option(name: [.customShort("o"), .customLong("output")], help: "How to print the result: table or json.")
  var format: OutputFormat = .table
}

/// How simulations and measurements show theirs: scripts of this field say `--json`.
struct TrialOutput: ParsableArguments {
  @Flag(help: "The same as --output json.")
  var json = false

  @OptionGroup var output: OutputOptions

  var format: OutputOptions {
    var wanted = output
    if json { wanted.format = .json }
    return wanted
  }
}

/// `-o`.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
  case table, json
}
