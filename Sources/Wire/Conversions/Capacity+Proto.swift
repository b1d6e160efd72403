import Fleet

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
      }, counts: proto.counts)
  }
}
