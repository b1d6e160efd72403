import Fleet
import NUMA

/// Values of the fleet as parts of a transcript's lines: all that decides, nothing that only decorates.
extension Pinning {
  var line: String {
    var parts = vcpus.map { "v\($0.vcpu)=\($0.cpuset)" }
    if let emulator { parts.append("emulator=\(emulator)") }
    parts += iothreads.map { "io\($0.iothread)=\($0.cpuset)" }
    if let numatune {
      let mode = numatune.mode?.rawValue ?? "-"
      parts.append("numatune=\(mode):\(numatune.nodeset?.description ?? "-")")
      parts += numatune.memnodes.map { "memnode\($0.guestCell)=\($0.mode.rawValue):\($0.nodeset)" }
    }
    parts += cputune.parameters.map { "\($0.name)=\($0.value)" }
    parts += memory.map { "mem\($0.guestCell)->\($0.cell)" }
    return "[" + parts.joined(separator: " ") + "]"
  }
}

extension Guest {
  /// Threads as the kernel has them and pages by cell, by guest cell where there are several.
  var line: String {
    let allowed = threads.map { "\($0.role.line)=\($0.cpusAllowed)" }
    let places =
      guestCells.isEmpty
      ? mibByCell.map { "\($0.mib) MiB on \($0.cell)" }
      : guestCells.map { cell in
        "cell \(cell.id) on " + residency(ofGuestCell: cell.id).map { "\($0.cell)" }.joined(separator: ",")
      }
    return "\(name) \(state.rawValue) \(movability.class.rawValue) (" + (allowed + places).joined(separator: " ") + ")"
  }
}

extension ThreadRole {
  var line: String {
    switch self {
    case .vcpu(let id): "v\(id)"
    case .iothread(let id): "io\(id)"
    case .emulator: "e"
    case .worker: "w"
    }
  }
}

extension Note {
  var line: String {
    "note \(level) \(event)" + fields.map { " \($0.key)=\"\($0.value)\"" }.joined()
  }
}
