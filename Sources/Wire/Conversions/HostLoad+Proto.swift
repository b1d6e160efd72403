import Fleet
import NUMA

extension ProtoHostLoad {
  init(_ load: HostLoad) {
    if let percent = load.cpuPressure { cpuPressure = Int64(percent) }
    if let percent = load.memoryPressure { memoryPressure = Int64(percent) }
    if let percent = load.memoryStalled { memoryStalled = Int64(percent) }
    cells = load.cells.map { ProtoCellLoad($0) }
  }
}

extension HostLoad {
  init(_ proto: ProtoHostLoad) throws(WireError.Kind) {
    self.init(
      cpuPressure: proto.hasCpuPressure
        ? try FieldCheck.number(proto.cpuPressure, in: 0...100, "load.cpu_pressure") : nil,
      memoryPressure: proto.hasMemoryPressure
        ? try FieldCheck.number(proto.memoryPressure, in: 0...100, "load.memory_pressure") : nil,
      memoryStalled: proto.hasMemoryStalled
        ? try FieldCheck.number(proto.memoryStalled, in: 0...100, "load.memory_stalled") : nil,
      cells: try proto.cells.map { cell throws(WireError.Kind) in try CellLoad(cell) })
  }
}

extension ProtoCellLoad {
  init(_ load: CellLoad) {
    cell = Int64(load.cell)
    if let percent = load.busy { busy = Int64(percent) }
    fileCacheKib = Int64(load.fileCache.count)
    if let bandwidth = load.bandwidth { self.bandwidth = Int64(bandwidth) }
  }
}

extension CellLoad {
  init(_ proto: ProtoCellLoad) throws(WireError.Kind) {
    self.init(
      cell: try FieldCheck.cell(proto.cell, "cell_load.cell"),
      busy: proto.hasBusy ? try FieldCheck.number(proto.busy, in: 0...100, "cell_load.busy") : nil,
      fileCache: try FieldCheck.memory(proto.fileCacheKib, "cell_load.file_cache_kib"),
      bandwidth: proto.hasBandwidth ? try FieldCheck.count(proto.bandwidth, "cell_load.bandwidth") : nil)
  }
}
