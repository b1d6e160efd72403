import Fleet

extension ProtoRefusal {
  init(_ refusal: Refusal) {
    code = refusal.code.proto
    message = refusal.message
    remedy = refusal.remedy
  }
}

extension Refusal {
  init(_ proto: ProtoRefusal) throws(WireError.Kind) {
    self.init(try Code(proto.code, "refusal.code"), proto.message, remedy: proto.remedy)
  }
}
