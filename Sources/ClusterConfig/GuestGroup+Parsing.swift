import Fleet

private enum GuestGroupKey: String, SectionKey {
  case name, rule, level, members, domains, size
}

extension GuestGroup {
  init(_ value: Value) throws(ConfigurationError) {
    let section = try Section<GuestGroupKey>(value)
    self.init(
      name: try section.required(.name, example: "web").word(),
      rule: try section.required(.rule, example: "apart").choice(),
      level: try section.required(.level, example: "host").choice())
    if let value = section[.members] { for item in try value.items() { members.append(try item.pattern()) } }
    if let value = section[.domains] {
      for item in try value.items() {
        var domain: [String] = []
        for member in try item.items() { domain.append(try member.pattern()) }
        domains.append(domain)
      }
    }
    size = try section[.size]?.number(in: 1...100_000)
    if members.isEmpty, domains.allSatisfy(\.isEmpty) {
      throw value.position.error("group \(name) has no members; write for example members: [web-*]")
    }
    if rule == .together, !domains.isEmpty {
      throw value.position.error(
        "group \(name) is to be together, so that domains contradict it; use members, or apart")
    }
    if rule == .apart, size != nil {
      throw value.position.error("group \(name) is to be apart, where no size is looked for; leave it out")
    }
    if let twice = domains.flatMap({ $0 }).first(where: { pattern in domains.count { $0.contains(pattern) } > 1 }) {
      throw value.position.error("group \(name) has \(quoted(twice)) in two domains; keep one")
    }
  }
}

extension Value {
  /// A guest's name or id, in which `*` stands for any characters.
  func pattern() throws(ConfigurationError) -> String {
    let text = try text(allowing: 256)
    guard text.utf8.count(where: { $0 == UInt8(ascii: "*") }) <= 4 else { throw bad("a name with at most four *") }
    return text
  }
}
