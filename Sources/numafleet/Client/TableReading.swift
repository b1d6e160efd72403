import CZlib
import Glibc

/// No table of a simulation is larger when unpacked.
private let tableBytesMax = 1 << 30

/// The bytes of a table, gzipped or plain.
func readTable(_ path: String) throws(CommandFailure) -> [UInt8] {
  guard let file = gzopen(path, "rb") else {
    throw CommandFailure(file: "\(path): \(String(cString: strerror(errno)))", remedy: "check the path", exit: .usage)
  }
  defer { gzclose(file) }
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 1 << 20)
  while true {
    let count = gzread(file, &chunk, UInt32(chunk.count))
    guard count >= 0 else {
      throw CommandFailure(file: "\(path) is a damaged gzip file", remedy: "fetch it again", exit: .usage)
    }
    if count == 0 { return bytes }
    bytes += chunk[..<Int(count)]
    guard bytes.count <= tableBytesMax else {
      throw CommandFailure(file: "\(path) has more than 1 GiB", remedy: "check the path", exit: .usage)
    }
  }
}
