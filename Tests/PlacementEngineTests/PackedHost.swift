import Fleet
import NUMA

/// Guests of so many CPUs of their own on each cell, from its first CPU on.
func packed(
  _ id: HostID, _ sizes: [[Int]], cpus: Int = 8, movable: MovabilityClass = .liveMemory, open: Bool = false
) -> HostView {
  var guests: [Guest] = []
  for (cell, own) in sizes.enumerated() {
    var next = cell * cpus
    for (index, count) in own.enumerated() {
      guests.append(
        guest(
          "\(id)-\(cell)\(index)", pins: (next..<(next + count)).map { [$0] }, mib: 256, on: cell, movable: movable))
      next += count
    }
  }
  var view = host(id, cells: sizes.count, cpus: cpus, guests: guests)
  if open { view.facts.migrationURI = "qemu+tls://\(id)/system" }
  return view
}
