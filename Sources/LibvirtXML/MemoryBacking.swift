public import NUMA

/// `<memoryBacking>`: what the guest's memory is made of.
public struct MemoryBacking: Sendable, Hashable {
  /// The size of the pages: of `<hugepages>`, else the base page. `<hugepages/>` without a size means the host's
  /// default, which the document does not tell; 2 MiB is x86-64's.
  public let pageSize: PageSize
  /// `<page>` elements: sizes with the guest cells they are for; empty `guestCells` means all others.
  public let pages: [GuestPages]
  /// `<locked/>`: the memory is locked in RAM.
  public let locked: Bool
  /// `<nosharepages/>`: KSM leaves the memory alone.
  public let unmerged: Bool
  /// `<access mode='shared'/>` or `<source type='memfd'/>`, or shared cells: other processes may map the memory.
  public let shared: Bool
  /// `<source type=…>`: `anonymous`, `file`, `memfd`.
  public let source: String?
  /// `<allocation mode='immediate'/>`: pages are touched at start.
  public let allocatedImmediately: Bool

  /// One `<page size=… nodeset=…/>`.
  public struct GuestPages: Sendable, Hashable {
    /// The size of each page.
    public let size: PageSize
    /// The guest cells (libvirt's `nodeset`) that the pages are for; empty means all others.
    public let guestCells: NodeSet
  }

  init(_ root: XMLElement) throws(XMLError) {
    let reader = DomainDocument.reader
    let backing = root.first("memoryBacking")
    let hugepages = backing?.first("hugepages")
    var pages: [GuestPages] = []
    for page in hugepages?.all("page") ?? [] {
      let text = try reader.require(attribute: "size", of: page)
      let size = try reader.memory(text, unit: page["unit"], of: "<page size=>").count
      guard size > 0 else { throw XMLError(.invalid, in: "domain", "<page size=> is 0") }
      pages.append(
        GuestPages(size: PageSize(kib: size), guestCells: try reader.list(attribute: "nodeset", of: page) ?? []))
    }
    self.pages = pages
    let general = pages.first { $0.guestCells.isEmpty } ?? pages.first
    pageSize = general?.size ?? (hugepages == nil ? .base : .huge2M)
    locked = backing?.first("locked") != nil
    unmerged = backing?.first("nosharepages") != nil
    source = backing?.first("source")?["type"]
    let sharedCells = root.first("cpu", "numa")?.all("cell").contains { $0["memAccess"] == "shared" } ?? false
    shared = backing?.first("access")?["mode"] == "shared" || source == "memfd" || sharedCells
    allocatedImmediately = backing?.first("allocation")?["mode"] == "immediate"
  }
}
