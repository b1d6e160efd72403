import Fleet

/// `doctor`: what is wrong, worst first, each with the command that mends it.
struct FindingTable {
  let findings: [Finding]

  var text: String {
    if findings.isEmpty { return "nothing is wrong" }
    let order: [Finding.Severity] = [.error, .warning, .info]
    let blocks = order.flatMap { severity in findings.filter { $0.severity == severity } }.map { finding in
      let subject = finding.guestName.map { "\(finding.host)/\($0)" } ?? finding.host.text
      return [
        "\(finding.severity.rawValue): \(printable(subject)): \(finding.kind.rawValue)",
        "  \(printable(finding.evidence))", "  mend: \(printable(finding.remedy))",
      ].joined(separator: "\n")
    }
    let counts = order.map { severity in "\(findings.filter { $0.severity == severity }.count) \(severity.rawValue)" }
    return (blocks + [counts.joined(separator: ", ")]).joined(separator: "\n")
  }
}
