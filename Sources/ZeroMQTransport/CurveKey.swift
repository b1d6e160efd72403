import CZeroMQ

/// A CURVE public key: who a peer is. Text form: 40 characters of Z85.
public struct CurvePublicKey: Hashable, Sendable, CustomStringConvertible {
  /// The key as 40 characters of Z85.
  public let z85: String

  /// Checks and keeps a key; white space around it is not accepted. Throws `.invalidKey`.
  public init(z85: String) throws(TransportError) {
    try checkZ85(z85)
    self.z85 = z85
  }

  /// The Z85 text of a key's 32 bytes, as they come in an authentication request.
  init?(bytes: [UInt8]) {
    guard bytes.count == 32, let text = z85Text(of: bytes) else { return nil }
    z85 = text
  }

  /// The key itself: a public key is no secret.
  public var description: String { z85 }
}

/// A CURVE secret key with the public key that belongs to it. Never shown by `print` or a log.
public struct CurveSecretKey: Equatable, Sendable, CustomStringConvertible, CustomDebugStringConvertible,
  CustomReflectable
{
  let z85: String
  /// What others know this key by.
  public let publicKey: CurvePublicKey

  /// Checks a secret key in Z85 and derives its public key (zmq_curve_public). Throws `.invalidKey`.
  public init(z85: String) throws(TransportError) {
    try checkZ85(z85)
    var text = [CChar](repeating: 0, count: 41)
    guard zmq_curve_public(&text, z85) == 0 else {
      throw .invalidKey(problem: "no public key belongs to it (\(reason(zmq_errno())))")
    }
    self.z85 = z85
    publicKey = try CurvePublicKey(z85: string(text))
  }

  /// A new key from the system's random numbers (zmq_curve_keypair). Throws `.system` if libzmq has no CURVE.
  public static func generate() throws(TransportError) -> CurveSecretKey {
    var publicText = [CChar](repeating: 0, count: 41)
    var secretText = [CChar](repeating: 0, count: 41)
    guard zmq_curve_keypair(&publicText, &secretText) == 0 else { throw .last("zmq_curve_keypair") }
    return try CurveSecretKey(z85: string(secretText))
  }

  /// The secret's Z85 text, for a caller that must hand it to something else than a file (a test, the C yardstick).
  public func revealedZ85() -> String { z85 }

  /// Names the key by its public half.
  public var description: String { "secret key of \(publicKey)" }
  /// Names the key by its public half.
  public var debugDescription: String { description }
  /// Hides the secret from `dump` and test failures.
  public var customMirror: Mirror { Mirror(self, children: ["publicKey": publicKey]) }
}

private func string(_ text: [CChar]) -> String {
  String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

private func checkZ85(_ text: String) throws(TransportError) {
  guard text.utf8.count == 40 else {
    throw .invalidKey(problem: "it has \(text.utf8.count) characters instead of 40")
  }
  var bytes = [UInt8](repeating: 0, count: 32)
  guard zmq_z85_decode(&bytes, text) != nil else { throw .invalidKey(problem: "it has a character that Z85 has not") }
}

private func z85Text(of bytes: [UInt8]) -> String? {
  var text = [CChar](repeating: 0, count: bytes.count * 5 / 4 + 1)
  return zmq_z85_encode(&text, bytes, bytes.count) == nil ? nil : string(text)
}
