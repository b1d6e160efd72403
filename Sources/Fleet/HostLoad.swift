public import NUMA

/// How busy a host is. It changes with every look, so it is part of no hash and by itself no reason for a report:
/// it travels with the reports that go out anyway.
public struct HostLoad: Sendable, Hashable, Codable {
  /// Percent of the last 10 s in which some task waited for a CPU (`/proc/pressure/cpu`, `some avg10`); nil where
  /// the kernel does not tell.
  public var cpuPressure: Int?
  /// The same for memory.
  public var memoryPressure: Int?
  /// Percent of the last 10 s in which all tasks waited for memory (`/proc/pressure/memory`, `full avg10`).
  public var memoryStalled: Int?
  /// Ascending by cell.
  public var cells: [CellLoad]

  public init(
    cpuPressure: Int? = nil, memoryPressure: Int? = nil, memoryStalled: Int? = nil, cells: [CellLoad] = []
  ) {
    self.cpuPressure = cpuPressure
    self.memoryPressure = memoryPressure
    self.memoryStalled = memoryStalled
    self.cells = cells
  }

  /// The load of that cell.
  public func cell(_ id: Int) -> CellLoad? { cells.first { $0.cell == id } }
}

/// How busy one cell is.
public struct CellLoad: Sendable, Hashable, Codable {
  public var cell: Int
  /// Percent of the time of its CPUs that was not idle (`/proc/stat`), over 10 s or more; nil until two looks were
  /// so far apart, and for a cell without CPUs.
  public var busy: Int?
  /// File pages of the page cache, which the kernel gives up before it kills (`Active(file)`, `Inactive(file)`).
  public var fileCache: KiB
  /// Memory traffic in MiB a second, over 10 s or more, local and remote (resctrl's `mbm_total_bytes`); nil where the
  /// hardware does not count or `/sys/fs/resctrl` is not mounted.
  public var bandwidth: Int?

  public init(cell: Int, busy: Int? = nil, fileCache: KiB = 0, bandwidth: Int? = nil) {
    self.cell = cell
    self.busy = busy
    self.fileCache = fileCache
    self.bandwidth = bandwidth
  }
}
