import CWireReference
import Glibc
import ZeroMQTransport

/// The yardstick: a ROUTER in bare C in a process of its own.
final class ReferenceServer {
  let endpoint: String
  let publicKey: CurvePublicKey
  let process: ChildProcess

  /// Starts it; it answers every request with these bytes.
  init(_ programs: Programs, in folder: TrialFolder, reply: [UInt8]) throws(CommandFailure) {
    let digits = reply.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    process = try ChildProcess(
      programs.path("numafleet"), ["bench", "reference", "--reply", digits], log: folder.file("reference.log"),
      input: .held)
    let words = try process.line(milliseconds: 60_000).split(separator: " ").map(String.init)
    guard words.count == 2, let key = try? CurvePublicKey(z85: words[1]) else {
      throw CommandFailure(file: "the reference server did not say where it listens", remedy: "report this")
    }
    endpoint = words[0]
    publicKey = key
  }

  /// Serves in this process until stdin ends.
  static func serve(_ reply: [UInt8]) throws {
    let key = try CurveSecretKey.generate()
    var bound = [CChar](repeating: 0, count: 256)
    var server: OpaquePointer?
    // A peer is two descriptors: its connection and its queue's.
    _ = cwire_allow_open_files(32_768)
    let code = reply.withUnsafeBufferPointer { reply in
      cwire_server_start(
        "tcp://127.0.0.1:*", key.revealedZ85(), reply.baseAddress, reply.count, &bound, bound.count, &server)
    }
    guard code == 0, let server else { throw CommandFailure(file: "no reference server: error \(code)", remedy: "") }
    let endpoint = String(decoding: bound.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    print("\(endpoint) \(key.publicKey.z85)")
    fflush(nil)
    var byte: UInt8 = 0
    while true {
      let count = read(STDIN_FILENO, &byte, 1)
      if count == 0 || (count < 0 && errno != EINTR) { break }
    }
    cwire_server_stop(server)
  }

  static func bytes(hexadecimal text: String) -> [UInt8]? {
    let digits = Array(text)
    guard digits.count.isMultiple(of: 2) else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let byte = UInt8(String(digits[index...index + 1]), radix: 16) else { return nil }
      bytes.append(byte)
    }
    return bytes
  }
}
