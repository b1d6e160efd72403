public import Fleet

/// Joins a domain's live and inactive documents to the record that the agent works with.
extension DomainRecord {
  /// A record of one domain.
  ///
  /// - Parameters:
  ///   - live: the document without flags; of a domain that does not run, its definition.
  ///   - config: the document with `VIR_DOMAIN_XML_INACTIVE`; nil for a transient domain.
  ///   - pid: the hypervisor's process, where it is known.
  public init(
    live: DomainDocument, config: DomainDocument?, state: GuestState, persistent: Bool, pid: Int? = nil
  ) {
    self.init(
      uuid: live.uuid ?? "", name: live.name, type: live.type, state: state, persistent: persistent, pid: pid,
      vcpusMaximum: live.vcpusMaximum, vcpusOnline: live.vcpusOnline, memory: live.memory, pageSize: live.pageSize,
      guestCells: live.guestCells, live: live.pinning, config: config?.pinning, defaultCPUSet: live.defaultCPUSet,
      iothreads: live.iothreads, vfio: live.hostDevices, locked: live.memoryBacking.locked,
      sharedMemory: live.memoryBacking.shared, launchSecurity: live.launchSecurity)
  }

  /// The same from the documents' texts.
  public init(
    parsingLive live: String, config: String?, state: GuestState, persistent: Bool, pid: Int? = nil
  ) throws(XMLError) {
    let parsed = try config.map { (text) throws(XMLError) in try DomainDocument(parsing: text) }
    self.init(
      live: try DomainDocument(parsing: live), config: parsed, state: state, persistent: persistent, pid: pid)
  }
}
