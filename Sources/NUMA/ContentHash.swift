/// FNV-1a over 64 bits: a hash that is the same in every process, unlike Swift's `Hasher`.
///
/// It tells "the same topology as before" from "another", between peers that trust each other's keys; it is no
/// protection against somebody who wants two topologies to collide.
public struct ContentHash: Sendable {
  /// The hash so far.
  public private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  public init() {}

  /// Mixes one number in.
  public mutating func combine(_ number: Int) {
    var rest = UInt64(bitPattern: Int64(number))
    for _ in 0..<8 {
      value = (value ^ (rest & 0xff)) &* 0x100_0000_01b3
      rest >>= 8
    }
  }

  /// Mixes a text in, with its length, so that neighbours cannot flow together.
  public mutating func combine(_ text: String) {
    combine(text.utf8.count)
    for byte in text.utf8 { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
  }
}

extension HostTopology {
  /// A hash of everything but the free amounts, equal on both ends of the wire for equal topologies.
  public var contentHash: UInt64 {
    var hash = ContentHash()
    for cell in cells {
      hash.combine(cell.id)
      hash.combine(cell.memoryTotal.count)
      hash.combine(cell.cpus.description)
      for pool in cell.pages {
        hash.combine(pool.size.kib)
        hash.combine(pool.total)
      }
    }
    for cpu in pcpus {
      for number in [cpu.id, cpu.cell ?? -1, cpu.socket, cpu.die, cpu.core] { hash.combine(number) }
      hash.combine(cpu.siblings.description)
    }
    for id in distances?.ids ?? [] { hash.combine(id) }
    for value in distances?.values ?? [] { hash.combine(value) }
    for group in l3Groups {
      hash.combine(group.id)
      hash.combine(group.size.count)
      hash.combine(group.cpus.description)
    }
    for device in devices {
      for text in [device.address, device.classID, device.vendor, device.device, device.driver ?? "-"] {
        hash.combine(text)
      }
      hash.combine(device.cell ?? -1)
    }
    for set in [offline, isolated, nohzFull, allowed] { hash.combine(set.description) }
    return hash.value
  }
}
