import Glibc

/// No file that a command reads is larger: the largest domain XML of libvirt is far below.
private let fileBytesMax = 4 << 20

/// The text of a file that the arguments name, `-` for stdin.
func readText(_ path: String, kind: String) throws(CommandFailure) -> String {
  let file = path == "-" ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC)
  guard file >= 0 else {
    let reason = String(cString: strerror(errno))
    throw CommandFailure(file: "\(kind) file \(path): \(reason)", remedy: "check the path", exit: .usage)
  }
  defer { if path != "-" { close(file) } }
  var bytes: [UInt8] = []
  var chunk = [UInt8](repeating: 0, count: 65_536)
  while true {
    let count = read(file, &chunk, chunk.count)
    if count < 0, errno == EINTR { continue }
    guard count >= 0 else {
      let reason = String(cString: strerror(errno))
      throw CommandFailure(file: "\(kind) file \(path): \(reason)", remedy: "check the path", exit: .usage)
    }
    if count == 0 { break }
    bytes += chunk[..<count]
    guard bytes.count <= fileBytesMax else {
      throw CommandFailure(
        file: "\(kind) file \(path) has more than \(fileBytesMax) bytes", remedy: "check the path", exit: .usage)
    }
  }
  guard let text = String(validating: bytes, as: UTF8.self) else {
    throw CommandFailure(file: "\(kind) file \(path) is not UTF-8 text", remedy: "check the path", exit: .usage)
  }
  return text
}
