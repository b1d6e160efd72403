import Fleet
import NUMA
import SwiftProtobuf

extension DriftRule: WireEnumeration {
  var proto: ProtoDriftRule {
    switch self {
    case .mend: .mend
    case .adopt: .adopt
    case .tell: .tell
    }
  }
}

extension ManagedGuests: WireEnumeration {
  var proto: ProtoManagedGuests {
    switch self {
    case .ours: .ours
    case .all: .all
    }
  }
}

extension ProtoAdopt {
  init(_ adopt: Adopt) {
    switch adopt.subject {
    case .guest(let guest): subject = .guest(guest)
    case .guests(let host): subject = .host(host.text)
    }
    dryRun = adopt.dryRun
  }
}

extension Adopt {
  init(_ proto: ProtoAdopt) throws(WireError.Kind) {
    switch proto.subject {
    case .guest(let guest): self.init(.guest(guest), dryRun: proto.dryRun)
    case .host(let host): self.init(.guests(of: try FieldCheck.id(host, "adopt.host")), dryRun: proto.dryRun)
    case nil: throw .unknownPayload(expected: "a guest or a host to adopt")
    }
  }
}

extension ProtoWish {
  init(_ wish: Wish) {
    guest = wish.guest.text
    host = wish.host.text
    if let incarnation = wish.incarnation { self.incarnation = ProtoIncarnation(incarnation) }
    pinning = ProtoPinning(wish.pinning)
    switch wish.origin {
    case .placed(let job): origin = .placed(job.number)
    case .adopted(let actor): origin = .adopted(actor)
    }
    since = Int64(wish.since)
  }
}

extension Wish {
  init(_ proto: ProtoWish) throws(WireError.Kind) {
    try FieldCheck.present(proto.hasPinning, "wish.pinning")
    let origin: Origin
    switch proto.origin {
    case .placed(let job): origin = .placed(JobID(try FieldCheck.counter(job, "wish.placed")))
    case .adopted(let actor): origin = .adopted(by: actor)
    case nil: throw .unknownPayload(expected: "where a wish comes from")
    }
    self.init(
      guest: try FieldCheck.id(proto.guest, "wish.guest"), host: try FieldCheck.id(proto.host, "wish.host"),
      incarnation: proto.hasIncarnation ? try Incarnation(proto.incarnation) : nil,
      pinning: try Pinning(proto.pinning), origin: origin, since: try FieldCheck.count(proto.since, "wish.since"))
  }
}
