import CLibvirt
public import Fleet
import Glibc
public import NUMA

/// Pins of vcpus, emulator and iothreads.
extension Connection {
  /// Pins one vcpu (`virDomainPinVcpuFlags`). A vcpu that is offline gets its pin when it is plugged.
  public func pinVCPU(_ vcpu: Int, of uuid: String, to cpus: CPUSet, scope: Scope) throws(LibvirtError) {
    let call = "virDomainPinVcpuFlags"
    guard (0..<CPUKind.idLimit).contains(vcpu) else {
      throw LibvirtError(.invalidArgument, call: call, "there is no vcpu \(vcpu)")
    }
    var map = try CPUMap(cpus, hostCPUs: hostCPUs, call: call).bytes
    try withDomain(uuid) { (domain) throws(LibvirtError) in
      guard virDomainPinVcpuFlags(domain, UInt32(vcpu), &map, Int32(map.count), scope.flags) < 0 else { return }
      let error = failure(call)
      // The test driver has only the older call, which means the running domain.
      guard error.kind == .unsupported, scope == .live else { throw error }
      try check("virDomainPinVcpu", virDomainPinVcpu(domain, UInt32(vcpu), &map, Int32(map.count)))
    }
  }

  /// Pins the emulator's threads (`virDomainPinEmulator`).
  public func pinEmulator(of uuid: String, to cpus: CPUSet, scope: Scope) throws(LibvirtError) {
    let call = "virDomainPinEmulator"
    var map = try CPUMap(cpus, hostCPUs: hostCPUs, call: call).bytes
    try withDomain(uuid) { (domain) throws(LibvirtError) in
      try check(call, virDomainPinEmulator(domain, &map, Int32(map.count), scope.flags))
    }
  }

  /// Pins one iothread by its id (`virDomainPinIOThread`).
  public func pinIOThread(_ id: Int, of uuid: String, to cpus: CPUSet, scope: Scope) throws(LibvirtError) {
    let call = "virDomainPinIOThread"
    guard let number = UInt32(exactly: id), id > 0 else {
      throw LibvirtError(.invalidArgument, call: call, "there is no iothread \(id)")
    }
    var map = try CPUMap(cpus, hostCPUs: hostCPUs, call: call).bytes
    try withDomain(uuid) { (domain) throws(LibvirtError) in
      try check(call, virDomainPinIOThread(domain, number, &map, Int32(map.count), scope.flags))
    }
  }

  /// The cpuset of every vcpu that may be plugged (`virDomainGetVcpuPinInfo`); one without a pin has the default.
  public func vcpuPins(of uuid: String, config: Bool) throws(LibvirtError) -> [VCPUPin] {
    try withDomain(uuid) { (domain) throws(LibvirtError) in
      let flags = affect(config: config)
      let maximum = virDomainGetVcpusFlags(domain, flags | VIR_DOMAIN_VCPU_MAXIMUM.rawValue)
      let count = min(try check("virDomainGetVcpusFlags", maximum), CPUKind.idLimit)
      let length = CPUMap.length(cpus: hostCPUs)
      var maps = [UInt8](repeating: 0, count: count * length)
      let filled = try check(
        "virDomainGetVcpuPinInfo", virDomainGetVcpuPinInfo(domain, Int32(count), &maps, Int32(length), flags))
      return (0..<min(filled, count)).map { vcpu in
        VCPUPin(vcpu: vcpu, cpuset: CPUMap.set(maps[(vcpu * length)..<((vcpu + 1) * length)], hostCPUs: hostCPUs))
      }
    }
  }

  /// The CPUs that the kernel allows each running vcpu, as libvirt reads them back (`virDomainGetVcpus`).
  public func vcpuAffinities(of uuid: String) throws(LibvirtError) -> [VCPUPin] {
    try withDomain(uuid) { (domain) throws(LibvirtError) in
      let maximum = virDomainGetVcpusFlags(domain, affect(config: false) | VIR_DOMAIN_VCPU_MAXIMUM.rawValue)
      let count = min(try check("virDomainGetVcpusFlags", maximum), CPUKind.idLimit)
      let length = CPUMap.length(cpus: hostCPUs)
      var infos = [virVcpuInfo](repeating: virVcpuInfo(), count: count)
      var maps = [UInt8](repeating: 0, count: count * length)
      let filled = try check(
        "virDomainGetVcpus", virDomainGetVcpus(domain, &infos, Int32(count), &maps, Int32(length)))
      return (0..<min(filled, count)).map { index in
        let map = maps[(index * length)..<((index + 1) * length)]
        return VCPUPin(vcpu: Int(infos[index].number), cpuset: CPUMap.set(map, hostCPUs: hostCPUs))
      }
    }
  }

  /// The cpuset of the emulator (`virDomainGetEmulatorPinInfo`); nil when it has no pin.
  public func emulatorPin(of uuid: String, config: Bool) throws(LibvirtError) -> CPUSet? {
    try withDomain(uuid) { (domain) throws(LibvirtError) in
      var map = [UInt8](repeating: 0, count: CPUMap.length(cpus: hostCPUs))
      let result = virDomainGetEmulatorPinInfo(domain, &map, Int32(map.count), affect(config: config))
      return try check("virDomainGetEmulatorPinInfo", result) == 0 ? nil : CPUMap.set(map, hostCPUs: hostCPUs)
    }
  }

  /// The cpusets of the iothreads (`virDomainGetIOThreadInfo`), ascending by id.
  public func iothreadPins(of uuid: String, config: Bool) throws(LibvirtError) -> [IOThreadPin] {
    try withDomain(uuid) { (domain) throws(LibvirtError) in
      var infos: UnsafeMutablePointer<virDomainIOThreadInfoPtr?>?
      let result = virDomainGetIOThreadInfo(domain, &infos, affect(config: config))
      let count = try check("virDomainGetIOThreadInfo", result)
      defer { free(infos) }
      var pins: [IOThreadPin] = []
      for index in 0..<count {
        guard let info = infos?[index] else { continue }
        let map = UnsafeBufferPointer(start: info.pointee.cpumap, count: Int(info.pointee.cpumaplen))
        pins.append(
          IOThreadPin(iothread: Int(info.pointee.iothread_id), cpuset: CPUMap.set(map, hostCPUs: hostCPUs)))
        virDomainIOThreadInfoFree(info)
      }
      return pins.sorted { $0.iothread < $1.iothread }
    }
  }
}
