import Fleet
import NUMA

extension Movability {
  /// What may be done to a running domain, from what libvirt and the kernel allow.
  static func ofDomain(_ domain: DomainRecord, process: ProcessObservation?, facts: HostFacts) -> Movability {
    var movability = onHost(domain, process: process, facts: facts)
    movability.staysBecause = stayingDomain(domain)
    return movability
  }

  /// Why libvirt cannot send a domain to another host; whether its disks are there only libvirt knows.
  private static func stayingDomain(_ domain: DomainRecord) -> String? {
    if domain.state != .running && domain.state != .paused { return "it does not run" }
    if let device = domain.vfio.first { return "VFIO device \(device) does not travel" }
    return domain.launchSecurity.map { "its memory is encrypted (\($0))" }
  }

  private static func onHost(_ domain: DomainRecord, process: ProcessObservation?, facts: HostFacts) -> Movability {
    guard domain.state == .running || domain.state == .paused else {
      return Movability(.fixed, because: "it does not run")
    }
    guard process != nil else {
      return Movability(.cpuOnly, because: "its process cannot be read, so its memory could not be verified")
    }
    if let stuck = immovableMemory(domain) { return stuck }
    let numatune = domain.live.numatune
    if let memnodes = numatune?.memnodes, !memnodes.isEmpty {
      return Movability(
        .livePages, because: "it has memnodes, and libvirt's live nodeset would put all guest cells on the same cells")
    }
    if numatune?.automatic == true {
      return Movability(.livePages, because: "its numatune is automatic (strict, chosen by numad at start)")
    }
    if let mode = numatune?.mode, mode != .restrictive {
      return Movability(
        .livePages,
        because: "its numatune mode is \(mode.rawValue), and libvirt changes only restrictive ones while it runs")
    }
    guard facts.cpusetMigratesPages else {
      return Movability(
        .livePages,
        because:
          "on kernel \(facts.kernelVersion) with cgroup v\(facts.cgroupVersion ?? 0) a nodeset change moves no pages")
    }
    return Movability(
      .liveMemory,
      because: numatune?.mode == nil ? "it has no numatune" : "its numatune mode is restrictive, without memnodes")
  }

  /// What may be done to a process of which libvirt says nothing.
  static func ofProcess(_ process: ProcessObservation, _ machine: MachineArguments?) -> Movability {
    var movability = ofProcessOnHost(process, machine)
    movability.staysBecause = machine?.domainType == nil ? "libvirt does not know it" : "libvirt does not answer"
    return movability
  }

  private static func ofProcessOnHost(_ process: ProcessObservation, _ machine: MachineArguments?) -> Movability {
    if let machine, let stuck = pinnedMemory(vfio: machine.vfio, pageSize: machine.pageSize) { return stuck }
    if process.locked > 0, process.locked >= process.resident {
      return Movability(.cpuOnly, because: "its memory is locked (VmLck \(process.locked))")
    }
    let silence = machine?.domainType == nil ? "libvirt does not know it" : "libvirt does not answer"
    return Movability(.livePages, because: "\(silence), so only libnuma moves its pages")
  }

  private static func immovableMemory(_ domain: DomainRecord) -> Movability? {
    if let security = domain.launchSecurity {
      return Movability(.cpuOnly, because: "its memory is encrypted (\(security))")
    }
    if domain.locked { return Movability(.cpuOnly, because: "its memory is locked (<locked/>)") }
    return pinnedMemory(vfio: domain.vfio, pageSize: domain.pageSize)
  }

  private static func pinnedMemory(vfio: [String], pageSize: PageSize) -> Movability? {
    if let device = vfio.first { return Movability(.cpuOnly, because: "VFIO device \(device) pins its memory") }
    if pageSize >= .huge1G {
      return Movability(.cpuOnly, because: "its memory is backed by pages of \(pageSize), which do not migrate")
    }
    return nil
  }
}
