import CLibvirt
public import Fleet
import Glibc
public import NUMA

/// numatune and scheduler parameters.
extension Connection {
  /// Sets the whole-domain numatune (`virDomainSetNumaParameters`); nil leaves a part as it is.
  ///
  /// On a running domain libvirt moves the pages before the call returns, which may take minutes, and holds the
  /// domain's job meanwhile. It refuses a change of the mode, and of the nodeset unless the mode is restrictive. It
  /// does not refuse a domain that has memnodes only, whose cells it would flatten: ask `numaTune(of:config:)` first.
  /// A failure may leave some threads on the new nodeset: read back.
  public func setNUMATune(
    of uuid: String, mode: NUMAMode?, nodeset: NodeSet?, scope: Scope
  ) throws(LibvirtError) {
    let call = "virDomainSetNumaParameters"
    var parameters = TypedParameters()
    if let mode { try parameters.add(VIR_DOMAIN_NUMA_MODE, int: mode.number) }
    if let nodeset {
      guard !nodeset.isEmpty else { throw LibvirtError(.invalidArgument, call: call, "the nodeset is empty") }
      try parameters.add(VIR_DOMAIN_NUMA_NODESET, text: nodeset.description)
    }
    guard parameters.count > 0 else { return }
    try parameters.withList { (list, count) throws(LibvirtError) in
      try withDomain(uuid) { (domain) throws(LibvirtError) in
        try check(call, virDomainSetNumaParameters(domain, list, count, scope.flags))
      }
    }
  }

  /// The whole-domain numatune (`virDomainGetNumaParameters`), which tells no memnodes: those are in the XML.
  public func numaTune(of uuid: String, config: Bool) throws(LibvirtError) -> NUMATune {
    let call = "virDomainGetNumaParameters"
    return try withDomain(uuid) { (domain) throws(LibvirtError) in
      let flags = affect(config: config)
      var room: Int32 = 0
      try check(call, virDomainGetNumaParameters(domain, nil, &room, flags))
      let parameters = try TypedParameters(room: room) { (list, count) throws(LibvirtError) in
        try check(call, virDomainGetNumaParameters(domain, list, &count, flags))
      }
      let nodeset = parameters.text(VIR_DOMAIN_NUMA_NODESET).flatMap { NodeSet($0) } ?? []
      let mode = parameters.number(VIR_DOMAIN_NUMA_MODE).flatMap { NUMAMode(number: $0) }
      return NUMATune(mode: mode, nodeset: nodeset.isEmpty ? nil : nodeset)
    }
  }

  /// Sets scheduler parameters that are not nil (`virDomainSetSchedulerParametersFlags`).
  public func setCPUTune(of uuid: String, _ cputune: CPUTune, scope: Scope) throws(LibvirtError) {
    var parameters = TypedParameters()
    for (name, value) in cputune.parameters {
      // Quotas may be -1; shares and periods are unsigned in libvirt, which refuses the wrong type.
      if name.hasSuffix("quota") {
        try parameters.add(name, signed: Int64(value))
      } else if let value = UInt64(exactly: value) {
        try parameters.add(name, unsigned: value)
      } else {
        throw LibvirtError(.invalidArgument, call: "virDomainSetSchedulerParametersFlags", "\(name) is \(value)")
      }
    }
    guard parameters.count > 0 else { return }
    try parameters.withList { (list, count) throws(LibvirtError) in
      try withDomain(uuid) { (domain) throws(LibvirtError) in
        let result = virDomainSetSchedulerParametersFlags(domain, list, count, scope.flags)
        try check("virDomainSetSchedulerParametersFlags", result)
      }
    }
  }

  /// What libvirt tells of a running domain without a quota, in µs: the kernel's largest.
  static let unlimitedQuota = 17_592_186_044_415

  /// The scheduler parameters (`virDomainGetSchedulerParametersFlags`); nil for those that are unset (libvirt's 0)
  /// or that the driver does not have, -1 for a quota without limit.
  public func cpuTune(of uuid: String, config: Bool) throws(LibvirtError) -> CPUTune {
    let call = "virDomainGetSchedulerParametersFlags"
    return try withDomain(uuid) { (domain) throws(LibvirtError) in
      var room: Int32 = 0
      _ = try text("virDomainGetSchedulerType", virDomainGetSchedulerType(domain, &room))
      let parameters = try TypedParameters(room: room) { (list, count) throws(LibvirtError) in
        guard virDomainGetSchedulerParametersFlags(domain, list, &count, affect(config: config)) < 0 else { return }
        let error = failure(call)
        // The test driver has only the older call, which means the running domain.
        guard error.kind == .unsupported, !config else { throw error }
        try check("virDomainGetSchedulerParameters", virDomainGetSchedulerParameters(domain, list, &count))
      }
      func value(_ name: String) -> Int? {
        guard let number = parameters.number(name), number != 0 else { return nil }
        return name.hasSuffix("quota") && number >= Self.unlimitedQuota ? -1 : number
      }
      return CPUTune(
        shares: value("cpu_shares"), vcpuPeriod: value("vcpu_period"), vcpuQuota: value("vcpu_quota"),
        globalPeriod: value("global_period"), globalQuota: value("global_quota"),
        emulatorPeriod: value("emulator_period"), emulatorQuota: value("emulator_quota"),
        iothreadPeriod: value("iothread_period"), iothreadQuota: value("iothread_quota"))
    }
  }
}

extension NUMAMode {
  /// `virDomainNumatuneMemMode`.
  var number: Int32 {
    switch self {
    case .strict: Int32(VIR_DOMAIN_NUMATUNE_MEM_STRICT.rawValue)
    case .preferred: Int32(VIR_DOMAIN_NUMATUNE_MEM_PREFERRED.rawValue)
    case .interleave: Int32(VIR_DOMAIN_NUMATUNE_MEM_INTERLEAVE.rawValue)
    case .restrictive: Int32(VIR_DOMAIN_NUMATUNE_MEM_RESTRICTIVE.rawValue)
    }
  }

  init?(number: Int) {
    guard let mode = Self.allCases.first(where: { $0.number == number }) else { return nil }
    self = mode
  }
}
