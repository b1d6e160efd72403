import Fleet
import NUMA

/// What four layers say of one guest, line by line: what is wanted, the definition of the next start, libvirt's record
/// of the running guest, and the kernel.
struct PlacementLayers: Encodable {
  /// Empty texts are layers that say nothing.
  struct Row: Encodable, Equatable {
    var record: String
    var wanted = ""
    var config = ""
    var live = ""
    var kernel = ""
    /// Whether two layers that should agree do not.
    var differs = false
  }

  let rows: [Row]

  init(_ placed: PlacedGuest) {
    let guest = placed.guest
    let wish = placed.wish.map { PinningWords($0.pinning) }
    let config = guest.config.map { PinningWords($0).records } ?? []
    let live = PinningWords(guest.live).records
    let (masks, homes) = (Self.masks(guest), Self.homes(guest))
    var names = live.map(\.name)
    // A name that another layer has alone goes to its place by kind, not to the end.
    for layer in [config, wish?.records ?? [], masks] {
      for (index, row) in layer.enumerated() where !names.contains(row.name) {
        let before = layer[..<index].last { names.contains($0.name) }
        let place = before.flatMap { names.firstIndex(of: $0.name) }.map { $0 + 1 } ?? 0
        names.insert(row.name, at: place)
      }
    }
    let hasConfig = guest.config != nil && guest.state == .running
    let pins = names.map { name in
      var row = Row(
        record: name, wanted: Self.value(name, wish?.records ?? []), config: Self.value(name, config),
        live: Self.value(name, live), kernel: Self.value(name, masks))
      let recorded = row.live.isEmpty ? guest.defaultCPUSet.map { "\($0)" } ?? "" : row.live
      let shown = row.kernel.isEmpty ? row.live : row.kernel
      // libvirt tells the kernel's scheduler parameters of a running guest, whether or not somebody has set them.
      let isUnset = row.config.isEmpty && guest.live.cputune.parameters.contains { $0.name == name }
      row.differs =
        (hasConfig && row.config != row.live && !isUnset)
        || (!row.kernel.isEmpty && !recorded.isEmpty && recorded != row.kernel)
        || (!row.wanted.isEmpty && !shown.isEmpty && row.wanted != shown)
      return row
    }
    let wanted = wish?.memory ?? []
    let places = homes + wanted.filter { place in !homes.contains { $0.name == place.name } }
    rows =
      pins
      + places.map(\.name).map { name in
        var row = Row(record: name, wanted: Self.value(name, wanted), kernel: Self.value(name, homes))
        row.differs = !row.wanted.isEmpty && !row.kernel.isEmpty && row.wanted != row.kernel
        return row
      }
  }

  func encode(to encoder: any Encoder) throws { try rows.encode(to: encoder) }

  /// The kernel's masks of threads that libvirt has pins for.
  private static func masks(_ guest: Guest) -> [(name: String, value: String)] {
    var rows: [(name: String, value: String)] = []
    for thread in guest.threads.sorted(by: { ($0.role.order, $0.tid) < ($1.role.order, $1.tid) }) {
      guard let name = thread.role.record, !rows.contains(where: { $0.name == name }) else { continue }
      rows.append((name, "\(thread.cpusAllowed)"))
    }
    return rows
  }

  /// The node that holds most of each guest cell's memory.
  private static func homes(_ guest: Guest) -> [(name: String, value: String)] {
    guest.cellsToPlace.compactMap { cell in
      guest.majorityCell(ofGuestCell: cell.id).map { ("memory of guest cell \(cell.id)", "node \($0)") }
    }
  }

  private static func value(_ name: String, _ rows: [(name: String, value: String)]) -> String {
    rows.first { $0.name == name }?.value ?? ""
  }
}

extension ThreadRole {
  /// libvirt's name of the pin that holds such a thread; nil for a thread of a process that is no VM.
  fileprivate var record: String? {
    switch self {
    case .vcpu(let id): "vcpupin \(id)"
    case .emulator: "emulatorpin"
    case .iothread(let id): "iothreadpin \(id)"
    case .worker: nil
    }
  }

  /// vcpus, then the emulator, then iothreads, as libvirt's documents have them.
  fileprivate var order: Int {
    switch self {
    case .vcpu(let id): id
    case .emulator: Guest.vcpusLimit
    case .iothread(let id): Guest.vcpusLimit + 1 + id
    case .worker: .max
    }
  }
}

/// `guest show -o json`: the guest with what is wanted of it, and the four layers side by side.
struct GuestDocument: Encodable {
  let host: HostID
  let guest: Guest
  let wish: Wish?
  let layers: PlacementLayers

  init(_ placed: PlacedGuest) {
    host = placed.host
    guest = placed.guest
    wish = placed.wish
    layers = PlacementLayers(placed)
  }
}
