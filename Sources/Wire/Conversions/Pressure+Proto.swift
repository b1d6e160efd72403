import Fleet
import SwiftProtobuf

extension ProtoPressureRules {
  init(_ rules: PressureRules) {
    busyPercent = Int64(rules.busyPercent)
    bandwidth = Int64(rules.bandwidth)
    waitingPercent = Int64(rules.waitingPercent)
  }
}

extension PressureRules {
  init(_ proto: ProtoPressureRules) throws(WireError.Kind) {
    self.init(
      busyPercent: try FieldCheck.number(proto.busyPercent, in: 0...99, "policy.pressure.busy_percent"),
      bandwidth: try FieldCheck.number(
        proto.bandwidth, in: 0...Int64(PressureRules.bandwidthMax), "policy.pressure.bandwidth"),
      waitingPercent: try FieldCheck.number(proto.waitingPercent, in: 0...99, "policy.pressure.waiting_percent"))
  }
}

extension Relief.Strain: WireEnumeration {
  var proto: ProtoStrain {
    switch self {
    case .busy: .busy
    case .bandwidth: .bandwidth
    }
  }
}

extension ProtoRelief {
  init(_ relief: Relief) {
    cell = Int64(relief.cell)
    strain = relief.strain.proto
    before = Int64(relief.before)
    if let after = relief.after { self.after = Int64(after) }
  }
}

extension Relief {
  init(_ proto: ProtoRelief) throws(WireError.Kind) {
    self.init(
      cell: try FieldCheck.cell(proto.cell, "relief.cell"), strain: try Strain(proto.strain, "relief.strain"),
      before: try FieldCheck.count(proto.before, "relief.before"),
      after: proto.hasAfter ? try FieldCheck.count(proto.after, "relief.after") : nil)
  }
}
