public import Fleet
import NUMA

/// A running domain's document as another host shall have it.
extension DomainDocument {
  /// The document with a placement on another host in it: what is pinned there is replaced as a whole, because the
  /// CPUs and nodes of the host that it leaves mean nothing on the one it goes to. Everything else stays, byte by
  /// byte, and with it the guest's ABI, which no pin and no numatune is part of.
  ///
  /// - Throws: `conflict` when the pinning names a vcpu, iothread or guest cell that the domain does not have, or
  ///   leaves a vcpu without a pin.
  public func moved(to pinning: Pinning) throws(XMLError) -> DomainDocument {
    for vcpu in 0..<vcpusMaximum where pinning.cpuset(ofVCPU: vcpu) == nil {
      throw XMLError(.conflict, in: "domain", "the placement has no pin for vcpu \(vcpu)")
    }
    if let stray = pinning.vcpus.first(where: { $0.vcpu >= vcpusMaximum }) {
      throw XMLError(.conflict, in: "domain", "vcpu \(stray.vcpu) shall be pinned, the domain has \(vcpusMaximum)")
    }
    if let stray = pinning.iothreads.first(where: { !iothreads.contains($0.iothread) }) {
      throw XMLError(
        .conflict, in: "domain", "iothread \(stray.iothread) shall be pinned, the domain has none of that id")
    }
    var edit = DomainEdit(self)
    let all = pinning.vcpus.reduce(into: pinning.emulator ?? []) { $0.formUnion($1.cpuset) }
    // Threads without a pin of their own follow the default, which named CPUs of the other host.
    if defaultCPUSet != nil || automaticPlacement { edit.setVCPUs(vcpusMaximum, defaultCPUSet: all) }
    edit.setPins(
      vcpus: pinning.vcpus, emulator: pinning.emulator, iothreads: pinning.iothreads, cputune: pinning.cputune)
    let placed = try numatune(placing: pinning.memory)
    if let tune = pinning.numatune ?? placed {
      try checkMemnodes(tune)
      edit.setNUMATune(tune)
    }
    return try edit.finished()
  }
}
