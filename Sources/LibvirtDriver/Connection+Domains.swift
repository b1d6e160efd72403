import CLibvirt
public import Fleet
import Glibc
import LibvirtXML

/// Reading domains.
extension Connection {
  /// The domains that could be read, and those that could not.
  public struct Listing: Sendable, Hashable {
    /// Ascending by UUID.
    public var records: [DomainRecord]
    /// Domains that are there but could not be read, in libvirt's order.
    public var unreadable: [Unreadable]
  }

  /// A domain whose document makes no sense to us; the others are not made to suffer for it.
  public struct Unreadable: Sendable, Hashable {
    /// The domain's UUID.
    public var uuid: String
    /// Why it could not be read.
    public var reason: LibvirtError
  }

  /// Every domain, running or not (`virConnectListAllDomains`), each with its live and inactive documents read.
  /// A domain that vanishes meanwhile is left out.
  public func domains() throws(LibvirtError) -> Listing {
    let call = "virConnectListAllDomains"
    var list: UnsafeMutablePointer<virDomainPtr?>?
    let count = try check(call, virConnectListAllDomains(try handle(call), &list, 0))
    defer {
      for index in 0..<count { if let domain = list?[index] { virDomainFree(domain) } }
      free(list)
    }
    var listing = Listing(records: [], unreadable: [])
    var seen: Set<String> = []
    for index in 0..<count {
      guard let domain = list?[index] else { continue }
      let uuid = try uuid(of: domain)
      seen.insert(uuid)
      do throws(LibvirtError) {
        listing.records.append(try record(of: domain, uuid: uuid))
      } catch {
        guard error.kind != .down else { throw error }
        if error.kind != .unknownDomain { listing.unreadable.append(Unreadable(uuid: uuid, reason: error)) }
      }
    }
    records.keepOnly(seen)
    listing.records.sort { $0.uuid < $1.uuid }
    return listing
  }

  /// One domain.
  ///
  /// - Throws: `unknownDomain` when there is none of that UUID, `document` when its XML makes no sense.
  public func domain(uuid: String) throws(LibvirtError) -> DomainRecord {
    try withDomain(uuid) { (domain) throws(LibvirtError) in try record(of: domain, uuid: uuid) }
  }

  /// Whether there is a domain of that UUID, running or not.
  public func isDefined(_ uuid: String) throws(LibvirtError) -> Bool {
    do throws(LibvirtError) {
      try withDomain(uuid) { _ in }
      return true
    } catch  where error.kind == .unknownDomain {
      return false
    }
  }

  /// A domain's document (`virDomainGetXMLDesc`).
  ///
  /// - Parameters:
  ///   - inactive: the persistent definition instead of the running domain.
  ///   - secure: with passwords, without which a definition cannot be written back unharmed; never show it.
  ///   - migratable: without what belongs to this host, as another one takes it.
  public func xml(
    of uuid: String, inactive: Bool = false, secure: Bool = false, migratable: Bool = false
  ) throws(LibvirtError) -> String {
    try withDomain(uuid) { (domain) throws(LibvirtError) in
      try xml(of: domain, inactive: inactive, secure: secure, migratable: migratable)
    }
  }

  private func xml(
    of domain: virDomainPtr, inactive: Bool, secure: Bool = false, migratable: Bool = false
  ) throws(LibvirtError) -> String {
    var flags: UInt32 = inactive ? VIR_DOMAIN_XML_INACTIVE.rawValue : 0
    if secure { flags |= VIR_DOMAIN_XML_SECURE.rawValue }
    if migratable { flags |= VIR_DOMAIN_XML_MIGRATABLE.rawValue }
    return try text("virDomainGetXMLDesc", virDomainGetXMLDesc(domain, flags))
  }

  func uuid(of domain: virDomainPtr) throws(LibvirtError) -> String {
    var buffer = [CChar](repeating: 0, count: Int(VIR_UUID_STRING_BUFLEN))
    try check("virDomainGetUUIDString", virDomainGetUUIDString(domain, &buffer))
    return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  private func record(of domain: virDomainPtr, uuid: String) throws(LibvirtError) -> DomainRecord {
    var (state, reason): (Int32, Int32) = (0, 0)
    try check("virDomainGetState", virDomainGetState(domain, &state, &reason, 0))
    let isActive = try check("virDomainIsActive", virDomainIsActive(domain)) == 1
    let isPersistent = try check("virDomainIsPersistent", virDomainIsPersistent(domain)) == 1
    let live = try xml(of: domain, inactive: false)
    let source = RecordCache.Source(
      live: live, config: !isPersistent ? nil : isActive ? try xml(of: domain, inactive: true) : live,
      state: GuestState(state), persistent: isPersistent, pid: isActive ? pid(of: domain) : nil)
    if let known = records.record(uuid, from: source) { return known }
    do {
      let record = try DomainRecord(
        parsingLive: source.live, config: source.config, state: source.state, persistent: source.persistent,
        pid: source.pid)
      records.keep(record, uuid, from: source)
      return record
    } catch {
      throw LibvirtError(.document, call: "virDomainGetXMLDesc", error.description)
    }
  }

  /// The process of a running QEMU domain from its pid file, the only place where libvirt tells it.
  private func pid(of domain: virDomainPtr) -> Int? {
    guard hypervisorType == "QEMU", let name = virDomainGetName(domain).map({ String(cString: $0) }) else { return nil }
    return Self.pid(ofDomain: name, in: runDirectories)
  }

  /// The process that libvirt has on record for a QEMU domain (`NAME.pid` in its run directory), also while libvirtd
  /// is down; nil when there is none. It may have ended since.
  public static func pid(ofDomain name: String, in runDirectories: [String] = defaultRunDirectories) -> Int? {
    // The name is the guest's owner's choice and becomes part of a path here.
    guard !name.contains("/"), name != ".", name != ".." else { return nil }
    for directory in runDirectories {
      if let pid = number(inFile: "\(directory)/\(name).pid") { return pid }
    }
    return nil
  }

  private static func number(inFile path: String) -> Int? {
    let file = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
    guard file >= 0 else { return nil }
    defer { Glibc.close(file) }
    var buffer = [UInt8](repeating: 0, count: 32)
    let count = Glibc.read(file, &buffer, buffer.count)
    guard count > 0 else { return nil }
    let digits = buffer[..<count].prefix { (48...57).contains($0) }
    return Int(String(decoding: digits, as: UTF8.self)).flatMap { $0 > 0 ? $0 : nil }
  }
}

extension GuestState {
  /// From `virDomainState`.
  init(_ number: Int32) {
    switch virDomainState(UInt32(clamping: number)) {
    case VIR_DOMAIN_RUNNING, VIR_DOMAIN_BLOCKED: self = .running
    case VIR_DOMAIN_PAUSED: self = .paused
    case VIR_DOMAIN_SHUTOFF, VIR_DOMAIN_CRASHED: self = .shutoff
    default: self = .other
    }
  }
}
