import Fleet

private enum HostRulesKey: String, SectionKey {
  case host, rack, zone, labels, taints, draining, bandwidth
}

extension HostRules {
  /// The rules of hosts, each of which may be listed once.
  static func list(_ value: Value) throws(ConfigurationError) -> [HostRules] {
    var rules: [HostRules] = []
    var known: Set<HostID> = []
    for item in try value.items() {
      let next = try HostRules(item)
      guard known.insert(next.host).inserted else {
        throw item.position.error("host \(next.host) is given twice in hosts; keep one")
      }
      rules.append(next)
    }
    return rules.sorted { $0.host < $1.host }
  }

  init(_ value: Value) throws(ConfigurationError) {
    let section = try Section<HostRulesKey>(value)
    self.init(host: HostID(try section.required(.host, example: "rack1-host7").word()))
    rack = try section[.rack]?.word()
    zone = try section[.zone]?.word()
    if let value = section[.labels] { for item in try value.items() { labels.append(try item.label()) } }
    if let value = section[.taints] { for item in try value.items() { taints.append(try item.label()) } }
    draining = try section[.draining]?.flag() ?? draining
    bandwidth = try section[.bandwidth]?.number(in: 0...PressureRules.bandwidthMax)
  }
}

extension Value {
  /// A label or a taint: a word, or two with `=` between them.
  func label() throws(ConfigurationError) -> String {
    let text = try text(allowing: 128)
    guard isLabel(text) else { throw bad("a word such as ssd, or key=value such as disk=nvme") }
    return text
  }
}

/// Whether a text is a label: `word` or `key=value`, of letters, digits, `.`, `_`, `-` and `/`.
public func isLabel(_ text: String) -> Bool {
  let parts = text.utf8.split(separator: UInt8(ascii: "="), omittingEmptySubsequences: false)
  return (1...2).contains(parts.count)
    && parts.allSatisfy { part in
      (1...64).contains(part.count) && part.allSatisfy { isLetterOrDigit($0) || "._-/".utf8.contains($0) }
    }
}
