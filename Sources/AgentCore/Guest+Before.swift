import Fleet
import NUMA

extension Guest {
  /// Where its threads are: libvirt's record, save where somebody has pinned a thread behind its back; and for what
  /// `desired` pins and nobody has pinned yet, where it is allowed now, or going back could not be proved.
  func livePinning(for desired: Pinning, on online: CPUSet) -> Pinning {
    var pinning = live
    func now(_ role: ThreadRole, _ record: CPUSet?) -> CPUSet? {
      let masks = threads.filter { $0.role == role }.map(\.cpusAllowed)
      guard let mask = masks.first, masks.allSatisfy({ $0 == mask }) else { return record }
      let written = record ?? defaultCPUSet ?? online
      if mask != written.intersection(online) { return mask }
      return record ?? (desired.cpuset(of: role) == nil ? nil : written)
    }
    for thread in threads {
      guard case .vcpu(let id) = thread.role else { continue }
      pinning.vcpus.removeAll { $0.vcpu == id }
      let pin = now(thread.role, live.cpuset(ofVCPU: id)).map { VCPUPin(vcpu: id, cpuset: $0) }
      pinning.vcpus += pin.map { [$0] } ?? []
    }
    pinning.vcpus.sort { $0.vcpu < $1.vcpu }
    pinning.emulator = now(.emulator, live.emulator)
    for id in iothreads where desired.cpuset(ofIOThread: id) != nil && live.cpuset(ofIOThread: id) == nil {
      pinning.iothreads += now(.iothread(id), nil).map { [IOThreadPin(iothread: id, cpuset: $0)] } ?? []
    }
    pinning.iothreads.sort { $0.iothread < $1.iothread }
    return pinning
  }
}

extension Pinning {
  /// The same pins without CPUs that are not among these; a pin of which nothing is left says nothing.
  func within(_ cpus: CPUSet) -> Pinning {
    func kept(_ cpuset: CPUSet) -> CPUSet? {
      let left = cpuset.intersection(cpus)
      return left.isEmpty ? nil : left
    }
    var copy = self
    copy.vcpus = vcpus.compactMap { pin in kept(pin.cpuset).map { VCPUPin(vcpu: pin.vcpu, cpuset: $0) } }
    copy.iothreads = iothreads.compactMap { pin in
      kept(pin.cpuset).map { IOThreadPin(iothread: pin.iothread, cpuset: $0) }
    }
    copy.emulator = emulator.flatMap(kept)
    return copy
  }
}
