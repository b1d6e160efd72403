import CLibvirt
import Glibc

/// libvirt's typed parameters: a list of named numbers and texts, freed with the value that owns it.
struct TypedParameters: ~Copyable {
  private var pointer: virTypedParameterPtr?
  private(set) var count: Int32
  private var capacity: Int32

  /// An empty list to add to.
  init() {
    pointer = nil
    count = 0
    capacity = 0
  }

  /// A list with room for `count` parameters, which `fill` asks libvirt to write.
  init(
    room: Int32, fill: (virTypedParameterPtr, inout Int32) throws(LibvirtError) -> Void
  ) throws(LibvirtError) {
    count = max(room, 0)
    capacity = count
    let bytes = calloc(max(Int(room), 1), MemoryLayout<virTypedParameter>.stride)
    guard let list = bytes?.assumingMemoryBound(to: virTypedParameter.self) else {
      throw LibvirtError(.refused, call: "calloc", "there is no memory for \(room) parameters")
    }
    pointer = list
    try fill(list, &count)
  }

  /// A list that libvirt has allocated, which is freed with this value.
  init(taking list: virTypedParameterPtr?, count: Int32) {
    pointer = list
    self.count = count
    capacity = count
  }

  deinit { virTypedParamsFree(pointer, count) }

  /// Lends the list to a call; it lives at least as long as the call.
  @discardableResult
  borrowing func withList<Result>(
    _ body: (virTypedParameterPtr?, Int32) throws(LibvirtError) -> Result
  ) throws(LibvirtError) -> Result {
    try body(pointer, count)
  }

  mutating func add(_ name: String, unsigned value: UInt64) throws(LibvirtError) {
    try check(virTypedParamsAddULLong(&pointer, &count, &capacity, name, value))
  }

  mutating func add(_ name: String, signed value: Int64) throws(LibvirtError) {
    try check(virTypedParamsAddLLong(&pointer, &count, &capacity, name, value))
  }

  mutating func add(_ name: String, int value: Int32) throws(LibvirtError) {
    try check(virTypedParamsAddInt(&pointer, &count, &capacity, name, value))
  }

  mutating func add(_ name: String, text value: String) throws(LibvirtError) {
    try check(virTypedParamsAddString(&pointer, &count, &capacity, name, value))
  }

  /// A whole number of any type; nil when it is absent, not a number, or beyond Int (libvirt's "no limit").
  func number(_ name: String) -> Int? {
    guard let parameter = virTypedParamsGet(pointer, count, name) else { return nil }
    return Self.number(parameter.pointee)
  }

  /// A text; nil when it is absent or no text.
  func text(_ name: String) -> String? {
    guard let parameter = virTypedParamsGet(pointer, count, name)?.pointee, Self.isText(parameter) else { return nil }
    return parameter.value.s.map { String(cString: $0) }
  }

  private static func isText(_ parameter: virTypedParameter) -> Bool {
    parameter.type == Int32(VIR_TYPED_PARAM_STRING.rawValue)
  }

  /// A parameter's name.
  static func name(_ parameter: virTypedParameter) -> String {
    withUnsafeBytes(of: parameter.field) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
  }

  /// A parameter's value of any type, for people.
  static func text(_ parameter: virTypedParameter) -> String {
    if isText(parameter) { return parameter.value.s.map { String(cString: $0) } ?? "" }
    return number(parameter).map { "\($0)" } ?? ""
  }

  static func number(_ parameter: virTypedParameter) -> Int? {
    switch virTypedParameterType(UInt32(parameter.type)) {
    case VIR_TYPED_PARAM_INT: Int(parameter.value.i)
    case VIR_TYPED_PARAM_UINT: Int(parameter.value.ui)
    case VIR_TYPED_PARAM_LLONG: Int(parameter.value.l)
    case VIR_TYPED_PARAM_ULLONG: Int(exactly: parameter.value.ul)
    case VIR_TYPED_PARAM_BOOLEAN: Int(parameter.value.b)
    default: nil
    }
  }

  private func check(_ result: Int32) throws(LibvirtError) {
    if result < 0 { throw LibvirtError.last("virTypedParamsAdd") }
  }
}
