import CLibvirt
public import Fleet
import LibvirtXML

/// Sending running domains to other hosts.
extension Connection {
  /// Sends a running domain to the libvirt at `uri`, which runs it with these pins, live and in its definition, and
  /// returns when it runs there (`virDomainMigrateToURI3`, peer to peer: this libvirtd connects to the other one, and
  /// the migration goes on when the caller is gone). A persistent domain is persistent there and undefined here; a
  /// transient one stays transient.
  ///
  /// It may take as long as the guest's memory is large, and does not end while the guest writes faster than is sent:
  /// `abortMigration` ends it, and the guest stays. An error is no proof that the guest stayed: look.
  ///
  /// - Parameter bandwidth: at most so many MiB/s; 0 leaves it to libvirt.
  /// - Returns: what libvirt says of it, for people.
  public func migrate(
    _ uuid: String, to uri: String, pinning: Pinning, bandwidth: Int = 0
  ) throws(LibvirtError) -> String {
    let call = "virDomainMigrateToURI3"
    let persistent = try domain(uuid: uuid).persistent
    var parameters = TypedParameters()
    let live = try xml(of: uuid, secure: true, migratable: true)
    try parameters.add(VIR_MIGRATE_PARAM_DEST_XML, text: try moved(live, to: pinning))
    var flags = VIR_MIGRATE_LIVE.rawValue | VIR_MIGRATE_PEER2PEER.rawValue
    if persistent {
      let config = try xml(of: uuid, inactive: true, secure: true)
      try parameters.add(VIR_MIGRATE_PARAM_PERSIST_XML, text: try moved(config, to: pinning))
      flags |= VIR_MIGRATE_PERSIST_DEST.rawValue | VIR_MIGRATE_UNDEFINE_SOURCE.rawValue
    }
    if bandwidth > 0 { try parameters.add(VIR_MIGRATE_PARAM_BANDWIDTH, unsigned: UInt64(bandwidth)) }
    return try parameters.withList { (list, count) throws(LibvirtError) in
      try withDomain(uuid) { (domain) throws(LibvirtError) in
        try check(call, virDomainMigrateToURI3(domain, uri, list, UInt32(count), flags))
        return statistics(of: domain, completed: true)?.text ?? "done"
      }
    }
  }

  private func moved(_ xml: String, to pinning: Pinning) throws(LibvirtError) -> String {
    do {
      return try DomainDocument(parsing: xml).moved(to: pinning).text
    } catch {
      throw LibvirtError(.document, call: "virDomainGetXMLDesc", error.description)
    }
  }

  /// How far the migration of a domain is (`virDomainGetJobStats`); nil when none is under way, or no such domain is
  /// here any more.
  public func migrationProgress(of uuid: String) throws(LibvirtError) -> String? {
    do throws(LibvirtError) {
      return try withDomain(uuid) { domain in statistics(of: domain, completed: false)?.text }
    } catch  where error.kind == .unknownDomain {
      return nil
    }
  }

  /// Calls off the migration of a domain (`virDomainAbortJob`); what else holds the domain is left alone. Whether there
  /// was one.
  @discardableResult
  public func abortMigration(of uuid: String) throws(LibvirtError) -> Bool {
    guard try migrationProgress(of: uuid) != nil else { return false }
    try withDomain(uuid) { (domain) throws(LibvirtError) in try check("virDomainAbortJob", virDomainAbortJob(domain)) }
    return true
  }

  /// The numbers of a migration out of this host; nil when there is none.
  private func statistics(of domain: virDomainPtr, completed: Bool) -> MigrationStatistics? {
    var type: Int32 = 0
    var list: virTypedParameterPtr?
    var count: Int32 = 0
    // A completed job of a domain that has left is remembered by nobody; that is no error of the migration.
    let flags = completed ? VIR_DOMAIN_JOB_STATS_COMPLETED.rawValue : 0
    guard virDomainGetJobStats(domain, &type, &list, &count, flags) == 0 else { return nil }
    let parameters = TypedParameters(taking: list, count: count)
    let isMigration =
      parameters.number(VIR_DOMAIN_JOB_OPERATION).map { $0 == Int(VIR_DOMAIN_JOB_OPERATION_MIGRATION_OUT.rawValue) }
      ?? false
    guard isMigration, type != Int32(VIR_DOMAIN_JOB_NONE.rawValue) else { return nil }
    return MigrationStatistics(
      milliseconds: parameters.number(VIR_DOMAIN_JOB_TIME_ELAPSED),
      copiedBytes: parameters.number(VIR_DOMAIN_JOB_MEMORY_PROCESSED),
      leftBytes: parameters.number(VIR_DOMAIN_JOB_MEMORY_REMAINING),
      rounds: parameters.number(VIR_DOMAIN_JOB_MEMORY_ITERATION),
      downtimeMilliseconds: parameters.number(VIR_DOMAIN_JOB_DOWNTIME))
  }
}

/// libvirt's numbers of one migration; nil where it does not tell.
private struct MigrationStatistics {
  let milliseconds: Int?
  let copiedBytes: Int?
  let leftBytes: Int?
  let rounds: Int?
  let downtimeMilliseconds: Int?

  var text: String {
    let parts: [String?] = [
      copiedBytes.map { "\($0 >> 20) MiB copied" }, leftBytes.map { "\($0 >> 20) MiB left" },
      rounds.map { "round \($0)" }, milliseconds.map { "\($0) ms" },
      downtimeMilliseconds.map { "paused for \($0) ms" },
    ]
    return parts.compactMap(\.self).joined(separator: ", ")
  }
}
