import Foundation
import Testing

/// The maps name every place, so that a newcomer finds it: Sources/README.md, Tests/README.md.
@Suite struct MapTests {
  /// The names that a map mentions neither as `name` nor as `name/`.
  static func missing(_ names: [String], in map: String) -> [String] {
    names.filter { name in !map.contains("`\(name)`") && !map.contains("`\(name)/`") }
  }

  /// Folders that hold files, directly below a folder of the root.
  private static func folders(in folder: String) -> [String] {
    let names = Tree.paths(under: [folder]).map { $0.split(separator: "/") }.filter { $0.count > 2 }.map {
      String($0[1])
    }
    return names.reduce(into: [String]()) { if $0.last != $1 { $0.append($1) } }
  }

  @Test func everyModuleIsOnTheMapOfSources() {
    let missing = Self.missing(Self.folders(in: "Sources"), in: Tree.text(of: "Sources/README.md") ?? "")
    #expect(missing.isEmpty, "Sources/README.md has no line for \(missing)")
  }

  @Test func everyModuleIsInTheTableOfImports() {
    let known = Set(Modules.libraries.keys).union(Modules.executables).union(Modules.foreign.keys)
    let unknown = Self.folders(in: "Sources").filter { !known.contains($0) }
    #expect(unknown.isEmpty, "Tests/TidyTests/Modules.swift has no entry for \(unknown)")
  }

  @Test func everyTestFolderIsOnTheMapOfTests() {
    let missing = Self.missing(Self.folders(in: "Tests"), in: Tree.text(of: "Tests/README.md") ?? "")
    #expect(missing.isEmpty, "Tests/README.md has no line for \(missing)")
  }

  @Test func everyConfigurationFileIsMentioned() {
    let maps = (Tree.text(of: "README.md") ?? "") + (Tree.text(of: "Sources/README.md") ?? "")
    let unmentioned = Tree.paths(under: ["cluster-config"]).filter { !Self.isMentioned($0, in: maps) }
    #expect(unmentioned.isEmpty, "neither README.md nor Sources/README.md mentions \(unmentioned)")
  }

  /// A file is mentioned by its path, or with its neighbours by their folder below `cluster-config`.
  static func isMentioned(_ path: String, in map: String) -> Bool {
    let parts = path.split(separator: "/")
    let folder = parts.dropLast().joined(separator: "/")
    return map.contains(path) || (parts.count > 2 && map.contains(folder))
  }

  @Test func mapWithoutALineIsFound() {
    #expect(Self.missing(["NUMA", "Fleet"], in: "| `NUMA` | words | Fleet") == ["Fleet"])
  }

  @Test func unmentionedConfigurationIsFound() {
    #expect(!Self.isMentioned("cluster-config/agent.yaml", in: "see cluster-config/policy.yaml"))
    #expect(Self.isMentioned("cluster-config/agent.yaml", in: "see `cluster-config/agent.yaml`"))
    #expect(Self.isMentioned("cluster-config/shapes/db.yaml", in: "see cluster-config/shapes/"))
  }
}
