import Synchronization

/// One key and the user it admits.
public struct AdmittedKey: Hashable, Sendable {
  /// The peer's public key.
  public let key: CurvePublicKey
  /// Who the peer then is; shows up with each of its messages.
  public let user: String

  /// A key and its user.
  public init(key: CurvePublicKey, user: String) {
    self.key = key
    self.user = user
  }
}

/// The keys that one listener admits; empty, it admits nobody. May be replaced at any time from any thread: what is
/// no longer in it is refused at the next handshake and, on a live session, at the next message.
public final class KeyTable: Sendable {
  /// What a handshake was admitted as. The serial stands for this key with this user for the life of the process,
  /// so a revoked key is told apart from another key of the same user.
  struct Admission: Sendable {
    let serial: UInt64
    let user: String
  }

  private struct State {
    var byKey: [CurvePublicKey: Admission] = [:]
    var bySerial: [UInt64: Admission] = [:]
  }

  /// The serial of local listeners, which have no keys.
  static let localSerial: UInt64 = 0
  private static let nextSerial = Atomic<UInt64>(1)
  private let state = Mutex(State())
  /// Counts the replacements, so that a hub asks for a copy only after a change.
  private let changes = Atomic<Int>(0)

  /// A table that admits the given keys. Throws `.ambiguousKey` if one key has two users.
  public init(_ keys: [AdmittedKey] = []) throws(TransportError) {
    try replace(with: keys)
  }

  /// The table of a local listener: whoever may open the socket file is this user.
  init(localUser: String) {
    let admission = Admission(serial: KeyTable.localSerial, user: localUser)
    state.withLock { $0.bySerial = [KeyTable.localSerial: admission] }
  }

  /// Admits exactly the given keys from now on; all or nothing. Throws `.ambiguousKey` if one key has two users.
  public func replace(with keys: [AdmittedKey]) throws(TransportError) {
    var users: [CurvePublicKey: String] = [:]
    for admitted in keys {
      if let other = users.updateValue(admitted.user, forKey: admitted.key), other != admitted.user {
        throw .ambiguousKey(admitted.key, users: [other, admitted.user].sorted())
      }
    }
    state.withLock { state in
      var next = State()
      for admitted in keys {
        let known = state.byKey[admitted.key].flatMap { $0.user == admitted.user ? $0 : nil }
        let serial = known?.serial ?? KeyTable.nextSerial.wrappingAdd(1, ordering: .relaxed).oldValue
        let admission = Admission(serial: serial, user: admitted.user)
        next.byKey[admitted.key] = admission
        next.bySerial[serial] = admission
      }
      state = next
    }
    changes.wrappingAdd(1, ordering: .releasing)
  }

  /// How many keys are admitted.
  public var count: Int { state.withLock { $0.byKey.count } }

  func admission(of key: CurvePublicKey) -> Admission? { state.withLock { $0.byKey[key] } }

  var version: Int { changes.load(ordering: .acquiring) }

  /// All admissions by serial, and the version they are at least of.
  func snapshot() -> (version: Int, admissions: [UInt64: Admission]) {
    let version = self.version
    return (version, state.withLock { $0.bySerial })
  }
}
