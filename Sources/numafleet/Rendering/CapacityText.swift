import Fleet
import NUMA

/// How many more guests fit.
struct CapacityText {
  let capacity: Capacity

  var text: String {
    var parts = ["\(capacity.isExact ? "" : "at least ")\(capacity.fits) more fit"]
    if !capacity.hosts.isEmpty {
      var table = Table("HOST", ">FITS")
      for host in capacity.hosts { table.add(host.host.text, "\(host.fits)") }
      parts.append(table.text(empty: ""))
    }
    if !capacity.counts.isEmpty {
      parts.append("no room:\n" + capacity.counts.map { "  " + printable($0) }.joined(separator: "\n"))
    }
    if let after = capacity.after {
      let stay = after.unmoved == 0 ? "" : ", and \(after.unmoved) cannot be moved that should be"
      parts.append(
        printable(
          "after `\(after.purpose)`, \(after.moves) moves, \(after.migrations) of them to other hosts, "
            + "\(after.copy) to copy\(stay): \(after.isExact ? "" : "at least ")\(after.fits) more fit"))
    }
    return parts.joined(separator: "\n\n")
  }
}

/// Where many guests go, a line each.
struct BatchText {
  let names: [String]
  let decisions: [Decision]

  var text: String {
    var table = Table("GUEST", "HOST", "NODES", "CPUS", ">SCORE")
    var refused: [String] = []
    for (name, decision) in zip(names, decisions) {
      guard let placement = decision.placement else {
        refused.append(printable("\(name): \(decision.refusal?.description ?? "fits nowhere")"))
        continue
      }
      let nodes = placement.cells.map { "\($0.cell)" }.joined(separator: ",")
      let cpus = placement.dedicated.isEmpty ? "shared" : "\(placement.dedicated)"
      table.add(name, placement.host.text, nodes, cpus, "\(placement.score)")
    }
    let placed = decisions.count - refused.count
    return ([table.text(empty: ""), "\(placed) of \(decisions.count) placed"] + refused)
      .filter { !$0.isEmpty }.joined(separator: "\n")
  }
}

/// The JSON document of many placements.
struct BatchDocument: Encodable {
  struct Entry: Encodable {
    let name: String
    let decision: Decision
  }

  let guests: [Entry]
  let placed: Int

  init(names: [String], decisions: [Decision]) {
    guests = zip(names, decisions).map { Entry(name: $0, decision: $1) }
    placed = decisions.count { $0.placement != nil }
  }
}
