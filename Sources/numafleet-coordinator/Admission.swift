import Fleet
import ZeroMQTransport

/// Which keys the listeners admit, made from the durable table; and who stands behind a key.
struct Admission {
  let agents: KeyTable
  let operators: KeyTable

  /// Who sent a message.
  struct Identity: Sendable {
    var name: String
    var role: Role
  }

  init(keys: [AuthorizedKey]) throws {
    agents = try KeyTable()
    operators = try KeyTable()
    try replace(keys)
  }

  /// Takes effect at once: a revoked key loses its live session too.
  func replace(_ keys: [AuthorizedKey]) throws {
    let valid = keys.filter { !$0.revoked }
    try agents.replace(with: valid.filter { $0.role == .agent }.map(Self.entry))
    try operators.replace(with: valid.filter { $0.role != .agent }.map(Self.entry))
  }

  /// The identity in a delivery; a local user got past the socket's mode and the kernel's peer check.
  static func identity(of delivery: Delivery) -> Identity? {
    if delivery.listener == ListenerName.local { return Identity(name: "local", role: .admin) }
    guard let colon = delivery.user.utf8.firstIndex(of: UInt8(ascii: ":")),
      let role = Role(rawValue: String(delivery.user[..<colon]))
    else { return nil }
    return Identity(name: String(delivery.user[delivery.user.utf8.index(after: colon)...]), role: role)
  }

  private static func entry(_ key: AuthorizedKey) throws -> AdmittedKey {
    try AdmittedKey(key: CurvePublicKey(z85: key.publicKey), user: "\(key.role.rawValue):\(key.owner)")
  }
}
