/// The direction of dependencies, read from the imports.
enum ImportRules {
  static let all = [direction]

  static let direction = Rule(
    name: "imports",
    bad: [
      .init("Sources/Fleet/A.swift", "import Foundation"), .init("Sources/NUMA/A.swift", "public import Fleet"),
      .init("Sources/AgentCore/A.swift", "import struct Glibc.timespec"),
      .init("Sources/Store/A.swift", "import ZeroMQTransport"), .init("Sources/numafleet/A.swift", "import CZeroMQ"),
      .init("Sources/LibvirtDriver/A.swift", "import NUMADriver"),
      .init("Sources/numafleet-agent/A.swift", "import GRDB"),
      .init("Sources/numafleet-agent/A.swift", "import numafleet"),
      .init("Sources/Unheard/A.swift", "import NUMA"), .init("Sources/CoordinatorCore/A.swift", "import Dispatch"),
    ],
    good: [
      .init("Sources/Store/A.swift", "import GRDB\nimport Glibc"),
      .init("Sources/LibvirtDriver/A.swift", "import CLibvirt\npublic import LibvirtXML"),
      .init("Sources/numafleet-agent/A.swift", "import AgentCore\nimport Logging\nimport ArgumentParser"),
      .init("Tests/StoreTests/A.swift", "import GRDB"), .init("Sources/NUMA/A.swift", "// import Foundation"),
    ]
  ) { file in
    guard file.isSource else { return [] }
    return imports(of: file).filter { !Modules.allows(file.module, toImport: $0.module) }.map {
      ($0.line, "\(file.module) may not import \($0.module); see Tests/TidyTests/Modules.swift")
    }
  }

  static func imports(of file: SourceFile) -> [(module: String, line: Int)] {
    let kinds: Set = ["struct", "class", "enum", "protocol", "typealias", "func", "let", "var"]
    return file.places(of: ["import"]).compactMap { place in
      var next = place + 1
      if next < file.tokens.count, kinds.contains(file.tokens[next].text) { next += 1 }
      guard next < file.tokens.count else { return nil }
      return (file.tokens[next].text, file.tokens[place].line)
    }
  }
}
