import ArgumentParser

/// How results are shown.
struct OutputOptions: ParsableArguments {
  @Option(name: [.customShort("o"), .customLong("output")], help: "How to print the result: table or json.")
  var format: OutputFormat = .table
}

/// `-o`.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
  case table, json
}
