import Fleet
import Foundation
import NUMA
import Testing

@testable import PlacementEngine

/// Text files of a fleet, requests and the answers; `RERECORD=1 swift test` writes the answers anew, to be read.
@Suite struct ScenarioTests {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Scenarios")

  static let names: [String] = {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return all.filter { $0.hasSuffix(".txt") }.sorted()
  }()

  @Test func thereAreScenarios() { #expect(Self.names.count >= 12) }

  @Test(arguments: names) func answersAreAsRecorded(_ name: String) throws {
    let url = Self.folder.appendingPathComponent(name)
    let text = try String(contentsOf: url, encoding: .utf8)
    let parts = text.components(separatedBy: "\n----\n")
    let scenario = try Scenario(parts[0])
    let answers = try scenario.requests.map { try answer($0, scenario) }.joined(separator: "\n")
    if ProcessInfo.processInfo.environment["RERECORD"] != nil {
      try "\(parts[0])\n----\n\(answers)\n".write(to: url, atomically: true, encoding: .utf8)
      return
    }
    #expect(parts.count == 2, "\(name) has no answers; RERECORD=1 writes them")
    #expect(answers + "\n" == parts.dropFirst().first, "\(name)")
  }

  private func answer(_ words: [String], _ scenario: Scenario) throws -> String {
    let head = "> \(words.joined(separator: " "))\n"
    let placer = Placer(inventory: scenario.inventory, policy: scenario.policy)
    let rest = Array(words.dropFirst())
    switch words.first {
    case "place":
      let shape = try shape(rest)
      let decision = placer.place(shape, explain: true)
      let broken = decision.placement.map {
        violations(of: $0, shape: shape, in: scenario.inventory, policy: scenario.policy)
      }
      #expect(broken ?? [] == [], "\(head)")
      return head + Self.text(decision)
    case "replace":
      let host = HostID(rest[0])
      let guest = try #require(scenario.inventory.host(host)?.guests.first { $0.name == rest[1] })
      let cells = rest.count > 2 ? try rest[2].split(separator: ",").map { try Scenario.number(String($0)) } : nil
      return head + Self.text(placer.replace(guest, on: host, cells: cells, explain: true))
    case "repair":
      let input = PlanningInput(
        inventory: scenario.inventory, policy: scenario.policy, parent: 0,
        request: .repair(host: rest.first.map { HostID($0) }))
      let plan = Placer.plan(input)
      #expect(violations(of: plan, in: scenario.inventory, policy: scenario.policy) == [], "\(head)")
      return head + Self.text(plan)
    case "findings":
      return head
        + scenario.inventory.hosts.flatMap { findings(in: $0, policy: scenario.policy) }.map {
          "\($0.severity) \($0.kind) \($0.host) \($0.guestName ?? "-"): \($0.evidence); \($0.remedy)\n"
        }.joined()
    default: throw Scenario.Problem(description: "unknown request \(words)")
    }
  }

  /// `cells 2x1024,4x2048` are vcpus and MiB of each guest cell.
  private func shape(_ words: [String]) throws -> Shape {
    var shape = Shape(guestCells: [])
    for (key, value) in try Scenario.pairs(words) {
      switch key {
      case "cells":
        shape.guestCells = try value.split(separator: ",").map { cell in
          let parts = cell.split(separator: "x").map(String.init)
          return ShapeCell(vcpus: try Scenario.number(parts.first), memory: KiB(mib: try Scenario.number(parts.last)))
        }
      case "class": shape.cpuClass = CPUClass(rawValue: value) ?? .floating
      case "smt": shape.smt = SMTPolicy(rawValue: value) ?? .prefer
      case "pages": shape.pageSize = PageSize(kib: try Scenario.number(value))
      case "near": shape.near = [value]
      case "emulator": shape.emulatorPCPUs = try Scenario.number(value)
      case "iothreads": shape.iothreads = try Scenario.number(value)
      case "hosts": shape.hosts = value.split(separator: ",").map { HostID(String($0)) }
      case "mode": shape.mode = NUMAMode(rawValue: value) ?? .strict
      default: throw Scenario.Problem(description: "unknown shape \(key)")
      }
    }
    return shape
  }

  private static func text(_ decision: Decision) -> String {
    var text = decision.placement.map { Self.text($0) } ?? ""
    if let refusal = decision.refusal { text += "refused \(refusal.code): \(refusal)\n" }
    guard let explanation = decision.explanation else { return text }
    for note in explanation.chosen { text += "chosen  \(Self.text(note))\n" }
    for note in explanation.refused { text += "refused \(Self.text(note))\n" }
    for count in explanation.counts { text += "count   \(count)\n" }
    if let movability = explanation.movability { text += "it is \(movability.class): \(movability.reason)\n" }
    return text
  }

  private static func text(_ note: CellNote) -> String {
    let cell = note.cell.map { " cell \($0)" } ?? ""
    let guestCell = note.guestCell.map { " guest cell \($0)" } ?? ""
    return "\(note.host)\(cell)\(guestCell): \(note.text)"
  }

  private static func text(_ placement: Placement) -> String {
    let pinning = placement.pinning
    let cells = placement.cells.map { "\($0.guestCell) on \($0.cell)" }.joined(separator: ", ")
    let pins = pinning.vcpus.map { "\($0.vcpu):\($0.cpuset)" }.joined(separator: " ")
    var text = "host \(placement.host), cells \(cells), score \(placement.score)\n"
    text += "vcpus \(pins); emulator \(pinning.emulator?.description ?? "-")"
    for pin in pinning.iothreads { text += "; iothread \(pin.iothread):\(pin.cpuset)" }
    text += "; dedicated \(placement.dedicated.isEmpty ? "-" : placement.dedicated.description)\n"
    let memory = pinning.memory.map { "\($0.guestCell) on \($0.cell)" }.joined(separator: ", ")
    text += "memory \(memory.isEmpty ? "stays" : memory)"
    if let tune = pinning.numatune {
      text += "; numatune \(tune.mode.map { "\($0)" } ?? "-") \(tune.nodeset?.description ?? "-")"
      for memnode in tune.memnodes { text += " \(memnode.guestCell):\(memnode.mode):\(memnode.nodeset)" }
    }
    return text + "\n"
  }

  private static func text(_ plan: Plan) -> String {
    var text = ""
    for (index, wave) in plan.waves.enumerated() {
      for move in wave.moves {
        text += "wave \(index): \(move.guestName), copies \(move.copy), because \(move.reason)\n"
        text += Self.text(move.placement).split(separator: "\n").map { "  \($0)\n" }.joined()
      }
    }
    for guest in plan.unmoved { text += "unmoved \(guest.guestName): \(guest.reason)\n" }
    return text.isEmpty ? "nothing to do\n" : text
  }
}
