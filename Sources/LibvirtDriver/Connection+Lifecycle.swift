import CLibvirt
public import Fleet
import LibvirtXML

/// Defining, starting and stopping domains, and rewriting their definitions.
extension Connection {
  /// Defines a persistent domain (`virDomainDefineXMLFlags`) and returns its UUID; a definition of the same name
  /// and UUID is replaced.
  ///
  /// - Parameter validate: checks the document against libvirt's schema first, which finds misspelt elements.
  @discardableResult
  public func define(xml: String, validate: Bool = true) throws(LibvirtError) -> String {
    let call = "virDomainDefineXMLFlags"
    let flags = validate ? VIR_DOMAIN_DEFINE_VALIDATE.rawValue : 0
    guard let domain = virDomainDefineXMLFlags(try handle(call), xml, flags) else { throw failure(call) }
    defer { virDomainFree(domain) }
    return try uuid(of: domain)
  }

  /// Starts a defined domain (`virDomainCreateWithFlags`).
  public func start(_ uuid: String, paused: Bool = false) throws(LibvirtError) {
    try withDomain(uuid) { (domain) throws(LibvirtError) in
      let flags = paused ? VIR_DOMAIN_START_PAUSED.rawValue : 0
      try check("virDomainCreateWithFlags", virDomainCreateWithFlags(domain, flags))
    }
  }

  /// Asks the guest to shut down (`virDomainShutdown`); it may take its time or refuse.
  public func shutdown(_ uuid: String) throws(LibvirtError) {
    try withDomain(uuid) { (domain) throws(LibvirtError) in try check("virDomainShutdown", virDomainShutdown(domain)) }
  }

  /// Ends the domain at once (`virDomainDestroy`).
  public func destroy(_ uuid: String) throws(LibvirtError) {
    try withDomain(uuid) { (domain) throws(LibvirtError) in try check("virDomainDestroy", virDomainDestroy(domain)) }
  }

  /// Removes the persistent definition (`virDomainUndefineFlags`), never its disks.
  public func undefine(_ uuid: String) throws(LibvirtError) {
    try withDomain(uuid) { (domain) throws(LibvirtError) in
      try check("virDomainUndefineFlags", virDomainUndefineFlags(domain, 0))
    }
  }

  /// Plugs or unplugs vcpus (`virDomainSetVcpusFlags`). libvirt may move a strict guest's pages back to the nodeset
  /// it was started with: check residency afterwards.
  public func setVCPUs(of uuid: String, to count: Int, scope: Scope) throws(LibvirtError) {
    let call = "virDomainSetVcpusFlags"
    guard let number = UInt32(exactly: count), count > 0 else {
      throw LibvirtError(.invalidArgument, call: call, "a guest cannot have \(count) vcpus")
    }
    try withDomain(uuid) { (domain) throws(LibvirtError) in
      try check(call, virDomainSetVcpusFlags(domain, number, scope.flags))
    }
  }

  /// Writes a wish into the persistent definition (`DomainDocument.settingConfig`) and defines it again: the only
  /// way to a memnode. Whether something had to be changed.
  ///
  /// Not atomic against others who define the same domain meanwhile, so read back afterwards.
  public func rewriteConfig(of uuid: String, pinning wish: Pinning) throws(LibvirtError) -> Bool {
    guard try domain(uuid: uuid).persistent else {
      throw LibvirtError(.invalidState, call: "virDomainDefineXMLFlags", "a transient domain has no definition")
    }
    let old = try xml(of: uuid, inactive: true, secure: true)
    let new: String
    do {
      new = try DomainDocument(parsing: old).settingConfig(pinning: wish).text
    } catch {
      throw LibvirtError(.document, call: "virDomainGetXMLDesc", error.description)
    }
    guard new != old else { return false }
    try define(xml: new)
    return true
  }
}
