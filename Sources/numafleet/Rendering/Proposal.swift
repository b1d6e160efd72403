import Fleet
import LibvirtXML
import NUMA

/// A place for a new guest with the configuration that puts it there.
struct Proposal: Encodable {
  let decision: Decision
  /// The given domain XML, or a minimal one, with the placement in it.
  let domainXML: String
  /// The arguments that give plain QEMU the same cells.
  let qemuArguments: [String]
  private let qemuText: String

  init(decision: Decision, shape: Shape, host: HostTopology?, domainXML: String?) throws(CommandFailure) {
    guard let placement = decision.placement else {
      throw CommandFailure(code: "noRoom", "there is no placement", remedy: "ask for less", exit: .refused)
    }
    self.decision = decision
    do {
      let base =
        if let domainXML {
          try DomainDocument(parsing: domainXML)
        } else {
          try DomainDocument(newGuest: shape, type: "kvm", architecture: "x86_64")
        }
      self.domainXML = try base.merging(shape: shape, placement: placement, host: host).text
      let arguments = try QEMUArguments(shape: shape, placement: placement, host: host)
      qemuArguments = arguments.arguments
      qemuText = arguments.text
    } catch {
      throw CommandFailure(error.refusal)
    }
  }

  /// Decision, XML and arguments one after another.
  var text: String {
    let xml = domainXML.last == "\n" ? String(domainXML.dropLast()) : domainXML
    return """
      \(DecisionText(decision: decision).text)

      libvirt:
      \(printableLines(xml))

      QEMU (pin its vcpus afterwards):
      \(printableLines(qemuText))
      """
  }

  enum CodingKeys: String, CodingKey {
    case decision, domainXML, qemuArguments
  }
}

/// Text of several lines, each without anything deceptive.
func printableLines(_ text: String) -> String {
  text.split(separator: "\n", omittingEmptySubsequences: false)
    .map {
      $0.split(separator: "\t", omittingEmptySubsequences: false).map { printable(String($0)) }.joined(separator: "\t")
    }
    .joined(separator: "\n")
}
