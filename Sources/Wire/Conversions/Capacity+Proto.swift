import Fleet
import NUMA

extension ProtoCapacity {
  init(_ capacity: Capacity) {
    fits = Int64(capacity.fits)
    isExact = capacity.isExact
    hosts = capacity.hosts.map { host in
      var proto = ProtoHostCapacity()
      proto.host = host.host.text
      proto.fits = Int64(host.fits)
      return proto
    }
    counts = capacity.counts
    if let after = capacity.after { self.after = ProtoCapacityAfter(after) }
  }
}

extension Capacity {
  init(_ proto: ProtoCapacity) throws(WireError.Kind) {
    self.init(
      fits: try FieldCheck.count(proto.fits, "capacity.fits"), isExact: proto.isExact,
      hosts: try proto.hosts.map { host throws(WireError.Kind) in
        HostCapacity(
          host: try FieldCheck.id(host.host, "capacity.hosts.host"),
          fits: try FieldCheck.count(host.fits, "capacity.hosts.fits"))
      }, counts: proto.counts, after: proto.hasAfter ? try CapacityAfter(proto.after) : nil)
  }
}

extension ProtoCapacityAfter {
  init(_ after: CapacityAfter) {
    purpose = after.purpose
    fits = Int64(after.fits)
    isExact = after.isExact
    moves = Int32(after.moves)
    migrations = Int32(after.migrations)
    copyKib = Int64(after.copy.count)
    unmoved = Int32(after.unmoved)
  }
}

extension CapacityAfter {
  init(_ proto: ProtoCapacityAfter) throws(WireError.Kind) {
    self.init(
      purpose: proto.purpose, fits: try FieldCheck.count(proto.fits, "capacity.after.fits"), isExact: proto.isExact,
      moves: try FieldCheck.count(Int64(proto.moves), "capacity.after.moves"),
      migrations: try FieldCheck.count(Int64(proto.migrations), "capacity.after.migrations"),
      copy: try FieldCheck.memory(proto.copyKib, "capacity.after.copy_kib"),
      unmoved: try FieldCheck.count(Int64(proto.unmoved), "capacity.after.unmoved"))
  }
}
