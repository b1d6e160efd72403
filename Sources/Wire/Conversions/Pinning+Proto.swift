import Fleet
import NUMA

extension ProtoPinning {
  init(_ pinning: Pinning) {
    vcpus = pinning.vcpus.map { pin in
      var proto = ProtoVCPUPin()
      proto.vcpu = Int64(pin.vcpu)
      proto.cpuset = pin.cpuset.description
      return proto
    }
    if let emulator = pinning.emulator { self.emulator = emulator.description }
    iothreads = pinning.iothreads.map { pin in
      var proto = ProtoIOThreadPin()
      proto.iothread = Int64(pin.iothread)
      proto.cpuset = pin.cpuset.description
      return proto
    }
    if let numatune = pinning.numatune { self.numatune = ProtoNUMATune(numatune) }
    // Most guests have no cputune at all, so its absence stands for all of it unset.
    if pinning.cputune != CPUTune() { cputune = ProtoCPUTune(pinning.cputune) }
    memory = pinning.memory.map { ProtoGuestCellPlacement($0) }
  }
}

extension Pinning {
  init(_ proto: ProtoPinning) throws(WireError.Kind) {
    self.init(
      vcpus: try proto.vcpus.map { pin throws(WireError.Kind) in
        VCPUPin(
          vcpu: try FieldCheck.vcpu(pin.vcpu, "vcpupin.vcpu"), cpuset: try IDList.set(pin.cpuset, "vcpupin.cpuset"))
      },
      emulator: proto.hasEmulator ? try IDList.set(proto.emulator, "emulatorpin") : nil,
      iothreads: try proto.iothreads.map { pin throws(WireError.Kind) in
        IOThreadPin(
          iothread: try FieldCheck.count(pin.iothread, "iothreadpin.iothread"),
          cpuset: try IDList.set(pin.cpuset, "iothreadpin.cpuset"))
      },
      numatune: proto.hasNumatune ? try NUMATune(proto.numatune) : nil,
      cputune: try CPUTune(proto.cputune),
      memory: try proto.memory.map { place throws(WireError.Kind) in try GuestCellPlacement(place) })
  }
}

extension ProtoGuestCellPlacement {
  init(_ placement: GuestCellPlacement) {
    guestCell = Int64(placement.guestCell)
    cell = Int64(placement.cell)
  }
}

extension GuestCellPlacement {
  init(_ proto: ProtoGuestCellPlacement) throws(WireError.Kind) {
    self.init(
      guestCell: try FieldCheck.cell(proto.guestCell, "memory.guest_cell"),
      cell: try FieldCheck.cell(proto.cell, "memory.cell"))
  }
}

extension ProtoNUMATune {
  init(_ numatune: NUMATune) {
    if let mode = numatune.mode { self.mode = mode.proto }
    if let nodeset = numatune.nodeset { self.nodeset = nodeset.description }
    automatic = numatune.automatic
    memnodes = numatune.memnodes.map { memnode in
      var proto = ProtoMemNode()
      proto.guestCell = Int64(memnode.guestCell)
      proto.mode = memnode.mode.proto
      proto.nodeset = memnode.nodeset.description
      return proto
    }
  }
}

extension NUMATune {
  init(_ proto: ProtoNUMATune) throws(WireError.Kind) {
    self.init(
      mode: proto.hasMode ? try NUMAMode(proto.mode, "numatune.mode") : nil,
      nodeset: proto.hasNodeset ? try IDList.set(proto.nodeset, "numatune.nodeset") : nil,
      automatic: proto.automatic,
      memnodes: try proto.memnodes.map { memnode throws(WireError.Kind) in
        MemNode(
          guestCell: try FieldCheck.cell(memnode.guestCell, "memnode.guest_cell"),
          mode: try NUMAMode(memnode.mode, "memnode.mode"),
          nodeset: try IDList.set(memnode.nodeset, "memnode.nodeset"))
      })
  }
}

extension ProtoCPUTune {
  init(_ tune: CPUTune) {
    if let value = tune.shares { shares = Int64(value) }
    if let value = tune.vcpuPeriod { vcpuPeriod = Int64(value) }
    if let value = tune.vcpuQuota { vcpuQuota = Int64(value) }
    if let value = tune.globalPeriod { globalPeriod = Int64(value) }
    if let value = tune.globalQuota { globalQuota = Int64(value) }
    if let value = tune.emulatorPeriod { emulatorPeriod = Int64(value) }
    if let value = tune.emulatorQuota { emulatorQuota = Int64(value) }
    if let value = tune.iothreadPeriod { iothreadPeriod = Int64(value) }
    if let value = tune.iothreadQuota { iothreadQuota = Int64(value) }
  }
}

extension CPUTune {
  /// libvirt's ranges differ by cgroup version and are the agent's to check; here only absurd numbers are refused.
  init(_ proto: ProtoCPUTune) throws(WireError.Kind) {
    self.init(
      shares: proto.hasShares ? try FieldCheck.count(proto.shares, "cputune.shares") : nil,
      vcpuPeriod: proto.hasVcpuPeriod ? try FieldCheck.count(proto.vcpuPeriod, "cputune.vcpu_period") : nil,
      vcpuQuota: proto.hasVcpuQuota ? try FieldCheck.signed(proto.vcpuQuota, "cputune.vcpu_quota") : nil,
      globalPeriod: proto.hasGlobalPeriod ? try FieldCheck.count(proto.globalPeriod, "cputune.global_period") : nil,
      globalQuota: proto.hasGlobalQuota ? try FieldCheck.signed(proto.globalQuota, "cputune.global_quota") : nil,
      emulatorPeriod: proto.hasEmulatorPeriod
        ? try FieldCheck.count(proto.emulatorPeriod, "cputune.emulator_period") : nil,
      emulatorQuota: proto.hasEmulatorQuota
        ? try FieldCheck.signed(proto.emulatorQuota, "cputune.emulator_quota") : nil,
      iothreadPeriod: proto.hasIothreadPeriod
        ? try FieldCheck.count(proto.iothreadPeriod, "cputune.iothread_period") : nil,
      iothreadQuota: proto.hasIothreadQuota
        ? try FieldCheck.signed(proto.iothreadQuota, "cputune.iothread_quota") : nil)
  }
}
