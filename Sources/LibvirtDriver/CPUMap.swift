import NUMA

/// A CPU map of libvirt: one bit a CPU, as many bytes as the host's CPUs need (`VIR_CPU_MAPLEN`).
struct CPUMap {
  var bytes: [UInt8]

  /// The bytes of one map for a host with that many CPUs.
  static func length(cpus: Int) -> Int { (cpus + 7) / 8 }

  /// The set as a map.
  ///
  /// - Throws: `invalidArgument` for the empty set and for CPUs that the host does not have; libvirt's test driver
  ///   would take both.
  init(_ set: CPUSet, hostCPUs: Int, call: String) throws(LibvirtError) {
    guard let last = set.last else { throw LibvirtError(.invalidArgument, call: call, "the cpuset is empty") }
    guard last < hostCPUs else {
      throw LibvirtError(.invalidArgument, call: call, "cpu \(last) is outside the host's cpus 0-\(hostCPUs - 1)")
    }
    bytes = [UInt8](repeating: 0, count: Self.length(cpus: hostCPUs))
    for id in set.members { bytes[id / 8] |= 1 << UInt8(id % 8) }
  }

  /// The set that a map says; bits beyond the host's CPUs, which fill the last byte, are dropped.
  static func set(_ bytes: some Collection<UInt8>, hostCPUs: Int) -> CPUSet {
    var set = CPUSet()
    for (index, byte) in bytes.enumerated() where byte != 0 {
      for bit in 0..<8 where byte & (1 << UInt8(bit)) != 0 && index * 8 + bit < hostCPUs { set.insert(index * 8 + bit) }
    }
    return set
  }
}
