import Glibc
import Testing

@testable import ZeroMQTransport

@Suite struct KeyTests {
  @Test func publicKeyIsDerivedFromTheSecret() throws {
    let key = try CurveSecretKey.generate()
    #expect(try CurveSecretKey(z85: key.revealedZ85()).publicKey == key.publicKey)
    #expect(try CurveSecretKey.generate() != key)
  }

  @Test(arguments: [
    "", "too short", String(repeating: "a", count: 41), String(repeating: " ", count: 40),
    String(repeating: "~", count: 40), String(repeating: "é", count: 20), String(repeating: "#", count: 40),
  ])
  func textThatIsNoKeyIsRefused(_ text: String) {
    #expect(throws: TransportError.self) { try CurvePublicKey(z85: text) }
    #expect(throws: TransportError.self) { try CurveSecretKey(z85: text) }
  }

  @Test func secretIsNeverShown() throws {
    let key = try CurveSecretKey.generate()
    let secret = key.revealedZ85()
    var dumped = ""
    dump(key, to: &dumped)
    let listener = Listener.curve(name: "a", endpoint: "tcp://*:0", serverKey: key, admitting: try KeyTable())
    dump(listener, to: &dumped)
    for text in ["\(key)", String(reflecting: key), "\([key])", "\(listener)", dumped] {
      #expect(!text.contains(secret))
    }
  }

  @Test func keyFilesAreReadBack() throws {
    let directory = try TemporaryDirectory()
    let key = try CurveSecretKey.generate()
    try KeyFile.write(key, to: "\(directory.path)/secret")
    try KeyFile.write(key.publicKey, to: "\(directory.path)/public")
    #expect(try KeyFile.readSecret("\(directory.path)/secret") == key)
    #expect(try KeyFile.readPublic("\(directory.path)/public") == key.publicKey)
    var status = stat()
    #expect(stat("\(directory.path)/secret", &status) == 0)
    #expect(status.st_mode & 0o777 == 0o600)
  }

  @Test func existingKeyFileIsNeverOverwritten() throws {
    let directory = try TemporaryDirectory()
    let path = "\(directory.path)/secret"
    let key = try CurveSecretKey.generate()
    try KeyFile.write(key, to: path)
    let other = try CurveSecretKey.generate()
    #expect(throws: TransportError.self) { try KeyFile.write(other, to: path) }
    #expect(try KeyFile.readSecret(path) == key)
  }

  @Test(arguments: [0o644, 0o640, 0o604, 0o660, 0o620, 0o601] as [mode_t])
  func secretThatOthersMayUseIsRefused(_ mode: mode_t) throws {
    let directory = try TemporaryDirectory()
    let path = "\(directory.path)/secret"
    try KeyFile.write(try .generate(), to: path)
    chmod(path, mode)
    let error = #expect(throws: TransportError.self) { try KeyFile.readSecret(path) }
    let text = try #require(error).description
    #expect(text.contains(path) && text.contains("chmod 600"))
  }

  @Test func secretBehindALinkOrInNoPlainFileIsRefused() throws {
    let directory = try TemporaryDirectory()
    try KeyFile.write(try .generate(), to: "\(directory.path)/secret")
    symlink("\(directory.path)/secret", "\(directory.path)/link")
    mkfifo("\(directory.path)/fifo", 0o600)
    for name in ["link", "fifo", "missing", ""] {
      #expect(throws: TransportError.self, "\(name)") { try KeyFile.readSecret("\(directory.path)/\(name)") }
    }
  }

  @Test(.enabled(if: geteuid() == 0, "needs root, to give a file away"))
  func secretThatBelongsToAnotherUserIsRefused() throws {
    let directory = try TemporaryDirectory()
    let path = "\(directory.path)/secret"
    try KeyFile.write(try .generate(), to: path)
    chown(path, 65_534, 65_534)
    let error = #expect(throws: TransportError.self) { try KeyFile.readSecret(path) }
    #expect(try #require(error).description.contains("65534"))
  }

  @Test(arguments: ["", "# only a comment\n", "one\ntwo\n", String(repeating: "x", count: 5000)])
  func fileWithoutExactlyOneKeyIsRefused(_ text: String) throws {
    let directory = try TemporaryDirectory()
    let path = "\(directory.path)/secret"
    let file = open(path, O_WRONLY | O_CREAT, 0o600)
    _ = write(file, text, text.utf8.count)
    close(file)
    #expect(throws: TransportError.self) { try KeyFile.readSecret(path) }
  }
}
