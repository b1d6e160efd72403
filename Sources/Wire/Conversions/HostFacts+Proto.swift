import Fleet
import NUMA

extension ProtoHostFacts {
  init(_ facts: HostFacts) {
    kernelVersion = facts.kernelVersion
    if let version = facts.libvirtVersion { libvirtVersion = version }
    if let version = facts.qemuVersion { qemuVersion = version }
    if let uri = facts.libvirtURI { libvirtUri = uri }
    if let uri = facts.migrationURI { migrationUri = uri }
    if let version = facts.cgroupVersion { cgroupVersion = Int64(version) }
    if let balancing = facts.numaBalancing { numaBalancing = Int64(balancing) }
    if let ksm = facts.ksm { self.ksm = ProtoKSMState(ksm) }
    foreignBalancers = facts.foreignBalancers
    if let banned = facts.irqbalanceBanned { irqbalanceBanned = banned.description }
    if let parent = facts.guestsParent { guestsParent = ProtoGuestsParent(parent) }
    sources = facts.sources.map { note in
      var proto = ProtoSourceNote()
      proto.part = note.part
      proto.source = note.source
      return proto
    }
  }
}

extension HostFacts {
  init(_ proto: ProtoHostFacts) throws(WireError.Kind) {
    self.init(
      kernelVersion: proto.kernelVersion, libvirtVersion: proto.hasLibvirtVersion ? proto.libvirtVersion : nil,
      qemuVersion: proto.hasQemuVersion ? proto.qemuVersion : nil,
      libvirtURI: proto.hasLibvirtUri ? proto.libvirtUri : nil,
      cgroupVersion: proto.hasCgroupVersion
        ? try FieldCheck.number(proto.cgroupVersion, in: 1...2, "facts.cgroup_version") : nil,
      numaBalancing: proto.hasNumaBalancing
        ? try FieldCheck.count(proto.numaBalancing, "facts.numa_balancing") : nil,
      ksm: proto.hasKsm ? try KSMState(proto.ksm) : nil, foreignBalancers: proto.foreignBalancers,
      irqbalanceBanned: proto.hasIrqbalanceBanned
        ? try IDList.set(proto.irqbalanceBanned, "facts.irqbalance_banned") : nil,
      guestsParent: proto.hasGuestsParent ? try GuestsParent(proto.guestsParent) : nil,
      sources: proto.sources.map { SourceNote(part: $0.part, source: $0.source) },
      migrationURI: proto.hasMigrationUri ? proto.migrationUri : nil)
  }
}

extension ProtoKSMState {
  init(_ state: KSMState) {
    run = Int64(state.run)
    mergeAcrossNodes = state.mergeAcrossNodes
    pagesShared = Int64(state.pagesShared)
    if let saved = state.saved { self.saved = Int64(saved.count) }
  }
}

extension KSMState {
  init(_ proto: ProtoKSMState) throws(WireError.Kind) {
    self.init(
      run: try FieldCheck.count(proto.run, "ksm.run"), mergeAcrossNodes: proto.mergeAcrossNodes,
      pagesShared: try FieldCheck.count(proto.pagesShared, "ksm.pages_shared"),
      saved: proto.hasSaved ? KiB(try FieldCheck.count(proto.saved, "ksm.saved")) : nil)
  }
}

extension ProtoGuestsParent {
  init(_ parent: GuestsParent) {
    cgroup = parent.cgroup
    if let cpus = parent.cpus { self.cpus = cpus.description }
    if let mems = parent.mems { self.mems = mems.description }
  }
}

extension GuestsParent {
  init(_ proto: ProtoGuestsParent) throws(WireError.Kind) {
    self.init(
      cgroup: proto.cgroup, cpus: proto.hasCpus ? try IDList.set(proto.cpus, "guests_parent.cpus") : nil,
      mems: proto.hasMems ? try IDList.set(proto.mems, "guests_parent.mems") : nil)
  }
}
