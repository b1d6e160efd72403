import Fleet

extension ThreadRole {
  /// The vcpu or iothread that a thread's name tells; nil for every other thread.
  ///
  /// QEMU with `debug-threads=on` (libvirt always sets it) names them `CPU 3/KVM`,
  /// `CPU 3/TCG` and `IO iothread1`; cloud-hypervisor `vcpu3`, Firecracker `fc_vcpu 3`. QEMU's single TCG thread,
  /// `ALL CPUs/TCG`, counts as vcpu 0.
  init?(threadName name: String) {
    if name.hasPrefix("CPU "), let slash = name.firstIndex(of: "/") {
      guard let vcpu = Self.number(name[..<slash].dropFirst(4)) else { return nil }
      self = .vcpu(vcpu)
    } else if name.hasPrefix("IO iothread") {
      guard let iothread = Self.number(name.dropFirst(11)) else { return nil }
      self = .iothread(iothread)
    } else if name == "ALL CPUs/TCG" {
      self = .vcpu(0)
    } else {
      for prefix in ["fc_vcpu ", "vcpu"] where name.hasPrefix(prefix) {
        guard let vcpu = Self.number(name.dropFirst(prefix.count)) else { continue }
        self = .vcpu(vcpu)
        return
      }
      return nil
    }
  }

  private static func number(_ digits: Substring) -> Int? {
    guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 48 && $0 <= 57 }) else { return nil }
    return Int(digits)
  }
}
