import Fleet
import NUMA

/// `guest list`: one line a guest, as the kernel has it.
struct GuestTable {
  let guests: [PlacedGuest]

  var text: String {
    var table = Table("HOST", "GUEST", "STATE", ">VCPUS", "CPUSET OF VCPU", "MiB ON NODE", "MOVABILITY")
    for placed in guests {
      let guest = placed.guest
      table.add(
        placed.host.text, guest.name, guest.state.rawValue, GuestWords.vcpus(guest), GuestWords.cpusets(guest),
        GuestWords.mibByCell(guest), guest.movability.class.rawValue)
    }
    return table.text(empty: "no guest runs on a host that reports")
  }
}

/// Pieces of text about a guest that several views share.
enum GuestWords {
  /// `2` or `2 of 4` when some may still be plugged.
  static func vcpus(_ guest: Guest) -> String {
    let online = guest.vcpusOnline.count
    return online == guest.vcpusMaximum ? "\(online)" : "\(online) of \(guest.vcpusMaximum)"
  }

  /// Vcpus with equal cpusets together: `0-1:4-7 2:8`. The kernel's masks where threads run, the pins otherwise.
  static func cpusets(_ guest: Guest) -> String {
    let masks = guest.threads.filter { isVCPU($0.role) }
    if masks.isEmpty, case .process = guest.kind { return grouped(workers(of: guest)) }
    if masks.isEmpty { return pins(guest.config ?? guest.live) }
    return grouped(
      masks.compactMap { thread in
        guard case .vcpu(let id) = thread.role else { return nil }
        return (id, thread.cpusAllowed)
      })
  }

  /// `0-1:4-7 2:8` of recorded pins.
  static func pins(_ pinning: Pinning) -> String { grouped(pinning.vcpus.map { ($0.vcpu, $0.cpuset) }) }

  /// `0:96 3:32`, without nodes that hold nothing.
  static func mibByCell(_ guest: Guest) -> String {
    guest.mibByCell.filter { $0.mib > 0 }.map { "\($0.cell):\($0.mib)" }.joined(separator: " ")
  }

  /// A process's threads have no numbers of their own: they are counted in order of their ids.
  private static func workers(of guest: Guest) -> [(Int, CPUSet)] {
    guest.threads.enumerated().map { ($0, $1.cpusAllowed) }
  }

  private static func isVCPU(_ role: ThreadRole) -> Bool {
    if case .vcpu = role { return true }
    return false
  }

  private static func grouped(_ masks: [(id: Int, cpuset: CPUSet)]) -> String {
    groups(masks).map { "\($0.ids):\($0.cpuset)" }.joined(separator: " ")
  }

  /// Ids of equal cpusets together, by their smallest id.
  static func groups(_ masks: [(id: Int, cpuset: CPUSet)]) -> [(ids: CPUSet, cpuset: CPUSet)] {
    var groups: [(ids: CPUSet, cpuset: CPUSet)] = []
    for mask in masks.sorted(by: { $0.id < $1.id }) where (0..<CPUKind.idLimit).contains(mask.id) {
      if let index = groups.firstIndex(where: { $0.cpuset == mask.cpuset }) {
        groups[index].ids.insert(mask.id)
      } else {
        groups.append(([mask.id], mask.cpuset))
      }
    }
    return groups
  }
}
