import CLibvirt
public import Fleet
import Glibc
public import LibvirtXML
public import NUMA

/// What libvirt tells of the host.
extension Connection {
  /// The versions in play, each as `major.minor.release`.
  public struct Versions: Sendable, Hashable {
    /// The library in this process (`virGetVersion`).
    public let library: String
    /// The daemon at the other end (`virConnectGetLibVersion`).
    public let daemon: String
    /// The hypervisor (`virConnectGetVersion`), QEMU's for a QEMU host; nil where the driver has none.
    public let hypervisor: String?
  }

  /// Asks for the versions at both ends.
  public func versions() throws(LibvirtError) -> Versions {
    let connection = try handle("virConnectGetLibVersion")
    var (library, daemon, hypervisor): (UInt, UInt, UInt) = (0, 0, 0)
    try check("virGetVersion", virGetVersion(&library, nil, nil))
    try check("virConnectGetLibVersion", virConnectGetLibVersion(connection, &daemon))
    let known = virConnectGetVersion(connection, &hypervisor) == 0 && hypervisor > 0
    return Versions(
      library: Self.release(library), daemon: Self.release(daemon), hypervisor: known ? Self.release(hypervisor) : nil)
  }

  private static func release(_ number: UInt) -> String {
    "\(number / 1_000_000).\(number / 1000 % 1000).\(number % 1000)"
  }

  /// The capabilities document as text (`virConnectGetCapabilities`). The first call after a start of libvirtd
  /// probes QEMU and may take minutes.
  public func capabilitiesXML() throws(LibvirtError) -> String {
    try text("virConnectGetCapabilities", virConnectGetCapabilities(try handle("virConnectGetCapabilities")))
  }

  /// The capabilities, parsed.
  public func capabilities() throws(LibvirtError) -> CapabilitiesDocument {
    let text = try capabilitiesXML()
    do {
      return try CapabilitiesDocument(parsing: text)
    } catch {
      throw LibvirtError(.document, call: "virConnectGetCapabilities", error.description)
    }
  }

  /// What is free on each cell of the topology now (`virNodeGetCellsFreeMemory`, `virNodeGetFreePages`).
  ///
  /// Each cell is asked for alone, because libvirt fails for a whole range when an id in it is not there.
  public func cellStates(of topology: HostTopology) throws(LibvirtError) -> [CellState] {
    let connection = try handle("virNodeGetCellsFreeMemory")
    var states: [CellState] = []
    for cell in topology.cells {
      guard cell.memoryTotal > 0 else {
        states.append(CellState(cell: cell.id, memoryFree: 0, pages: cell.pages))
        continue
      }
      var bytes: UInt64 = 0
      let filled = virNodeGetCellsFreeMemory(connection, &bytes, Int32(cell.id), 1)
      try check("virNodeGetCellsFreeMemory", filled)
      // Totals are counted before the kernel takes its share, so free never exceeds them; the test driver's does.
      let free = KiB(min(bytes / 1024, UInt64(cell.memoryTotal.count)).magnitudeAsInt)
      states.append(CellState(cell: cell.id, memoryFree: free, pages: try freePages(of: cell, connection)))
    }
    return states
  }

  private func freePages(of cell: Cell, _ connection: virConnectPtr) throws(LibvirtError) -> [PagePool] {
    guard !cell.pages.isEmpty else { return [] }
    var sizes = cell.pages.map { UInt32(clamping: $0.size.kib) }
    var counts = [UInt64](repeating: 0, count: sizes.count)
    let result = virNodeGetFreePages(connection, UInt32(sizes.count), &sizes, Int32(cell.id), 1, &counts, 0)
    try check("virNodeGetFreePages", result)
    return zip(cell.pages, counts).map { pool, count in
      PagePool(size: pool.size, total: pool.total, free: min(Int(clamping: count), pool.total))
    }
  }

  /// The host's PCI devices with their cells (`virConnectListAllNodeDevices`), ascending by address.
  public func pciDevices() throws(LibvirtError) -> [PCIDevice] {
    let call = "virConnectListAllNodeDevices"
    var list: UnsafeMutablePointer<virNodeDevicePtr?>?
    let flags = VIR_CONNECT_LIST_NODE_DEVICES_CAP_PCI_DEV.rawValue
    let count = try check(call, virConnectListAllNodeDevices(try handle(call), &list, flags))
    defer { free(list) }
    var devices: [PCIDevice] = []
    for index in 0..<count {
      guard let device = list?[index] else { continue }
      defer { virNodeDeviceFree(device) }
      // A device that went away meanwhile, or that cannot be read, is no reason to know none of the others.
      guard let xml = try? text("virNodeDeviceGetXMLDesc", virNodeDeviceGetXMLDesc(device, 0)) else { continue }
      if let parsed = try? PCIDevice(parsing: xml) { devices.append(parsed) }
    }
    return devices.sorted { $0.address < $1.address }
  }
}

extension UInt64 {
  fileprivate var magnitudeAsInt: Int { Int(clamping: self) }
}
