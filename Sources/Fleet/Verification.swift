import NUMA

/// Compares a guest as the kernel and libvirt show it with what was wanted: the same for an agent that ends a job and
/// for an operator who checks a plan. Reads only observations.
public struct Verification: Sendable {
  /// A guest cell counts as on its cell when no more than this share of its pages is elsewhere.
  public static let elsewherePercent = 1

  let desired: Pinning
  let scope: Scope
  /// Whether libvirt's own live record must agree too.
  let checksRecords: Bool
  /// Whether its persistent definition must; the kernel driver writes that through libvirt as well.
  let checksConfig: Bool

  public init(desired: Pinning, scope: Scope, checksRecords: Bool, checksConfig: Bool? = nil) {
    self.desired = desired
    self.scope = scope
    self.checksRecords = checksRecords
    self.checksConfig = checksConfig ?? checksRecords
  }

  /// What is not as wanted, in words; empty when all of it is.
  public func differences(in guest: Guest) -> [String] {
    (scope.touchesLive ? threadDifferences(guest) + memoryDifferences(guest) : [])
      + (checksRecords && scope.touchesLive
        ? recordDifferences(guest.live, layer: "live", guest, pagesMoveOnly: true) : [])
      + (checksConfig && scope.touchesConfig && guest.persistent
        ? recordDifferences(guest.config ?? Pinning(), layer: "config", guest, pagesMoveOnly: false) : [])
  }

  private func threadDifferences(_ guest: Guest) -> [String] {
    guest.threads.compactMap { thread in
      guard let wanted = desired.cpuset(of: thread.role), wanted != thread.cpusAllowed else { return nil }
      return "thread \(thread.tid) (\(thread.name)) is allowed cpus \(thread.cpusAllowed), wanted \(wanted)"
    }
  }

  /// The guest cells whose memory is not on the cell it should be on, in words.
  public func memoryDifferences(_ guest: Guest) -> [String] {
    desired.memory.compactMap { target in
      guard guest.tellsMemory(ofGuestCell: target.guestCell) else {
        return "the memory of guest cell \(target.guestCell) cannot be told from the others"
      }
      let all = guest.residency(ofGuestCell: target.guestCell).reduce(0) { $0 + $1.pages * $1.pageSize.kib }
      let elsewhere = guest.memoryElsewhere(than: target)
      guard elsewhere.count > all / 100 * Self.elsewherePercent else { return nil }
      return "guest cell \(target.guestCell) has \(elsewhere) of \(KiB(all)) outside cell \(target.cell)"
    }
  }

  private func recordDifferences(_ record: Pinning, layer: String, _ guest: Guest, pagesMoveOnly: Bool) -> [String] {
    var found: [String] = []
    for pin in desired.vcpus where record.cpuset(ofVCPU: pin.vcpu) != pin.cpuset {
      let now = record.cpuset(ofVCPU: pin.vcpu)?.description ?? "unset"
      found.append("libvirt's \(layer) vcpupin \(pin.vcpu) is \(now), wanted \(pin.cpuset)")
    }
    if let emulator = desired.emulator, record.emulator != emulator {
      found.append("libvirt's \(layer) emulatorpin is \(record.emulator?.description ?? "unset"), wanted \(emulator)")
    }
    for pin in desired.iothreads where record.cpuset(ofIOThread: pin.iothread) != pin.cpuset {
      found.append("libvirt's \(layer) iothreadpin \(pin.iothread) is not \(pin.cpuset)")
    }
    for (name, value) in desired.cputune.parameters {
      let now = record.cputune.parameters.first { $0.name == name }?.value
      if now != value {
        found.append("libvirt's \(layer) \(name) is \(now.map(String.init) ?? "unset"), wanted \(value)")
      }
    }
    // A guest whose pages only libnuma moves keeps its live numatune: libvirt allows no other.
    let retunes = !pagesMoveOnly || guest.movability.class == .liveMemory
    if retunes, let nodeset = desired.numatune?.nodeset, record.numatune?.nodeset != nodeset {
      found.append(
        "libvirt's \(layer) nodeset is \(record.numatune?.nodeset?.description ?? "unset"), wanted \(nodeset)")
    }
    if retunes, let mode = desired.numatune?.mode, record.numatune?.mode != mode {
      let now = record.numatune?.mode?.rawValue ?? "unset"
      found.append("libvirt's \(layer) numatune mode is \(now), wanted \(mode.rawValue)")
    }
    // Memnodes of a running guest cannot change; where its pages are is told by their mappings.
    for memnode in desired.numatune?.memnodes ?? []
    where !pagesMoveOnly && record.numatune?.memnodes.contains(memnode) != true {
      found.append("libvirt's \(layer) memnode of guest cell \(memnode.guestCell) is not \(memnode.nodeset)")
    }
    return found
  }
}
