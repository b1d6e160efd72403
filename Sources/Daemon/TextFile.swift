import Glibc

/// A file that could not be read or written; the text says which and why.
public struct FileError: Error, Sendable, CustomStringConvertible {
  public let description: String
  public init(description: String) { self.description = description }
}

/// Small files read and replaced whole.
public enum TextFile {
  /// Configuration and journals are far smaller; a larger file is a mistake.
  public static let sizeMax = 16 << 20

  /// The whole text of a file.
  public static func read(_ path: String) throws(FileError) -> String {
    guard let file = fopen(path, "re") else { throw error(path, "cannot be read") }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 16_384)
    while bytes.count <= sizeMax {
      let count = fread(&chunk, 1, chunk.count, file)
      if count == 0 { break }
      bytes += chunk[..<count]
    }
    guard ferror(file) == 0 else { throw error(path, "cannot be read") }
    guard bytes.count <= sizeMax else { throw FileError(description: "\(path) is larger than \(sizeMax >> 20) MiB") }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Replaces a file so that a crash leaves the old text or the new one: written beside it, synced, renamed. Mode 0600.
  ///
  /// With `previous`, the old text stays under that name; a crash between the two renames leaves only that one.
  public static func replace(
    _ path: String, with bytes: [UInt8], keeping previous: String? = nil
  ) throws(FileError) {
    let fresh = path + ".new"
    let descriptor = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else {
      guard errno == ENOENT else { throw error(fresh, "cannot be written") }
      throw FileError(description: "\(path) cannot be written; create the directory \(folder(of: path))")
    }
    defer { close(descriptor) }
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { throw error(fresh, "cannot be written") }
      rest = rest.dropFirst(count)
    }
    guard fsync(descriptor) == 0 else { throw error(fresh, "cannot be made durable") }
    if let previous, rename(path, previous) != 0, errno != ENOENT { throw error(previous, "cannot be replaced") }
    FailPoint.reach("file-between-renames", when: previous != nil)
    guard rename(fresh, path) == 0 else { throw error(path, "cannot be replaced") }
    try syncFolder(of: path)
  }

  /// The rename itself is durable only when the folder is.
  private static func syncFolder(of path: String) throws(FileError) {
    let folder = folder(of: path)
    let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { throw error(folder, "cannot be opened") }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw error(folder, "cannot be made durable") }
  }

  private static func folder(of path: String) -> String {
    path.lastIndex(of: "/").map { path[..<$0].isEmpty ? "/" : String(path[..<$0]) } ?? "."
  }

  private static func error(_ path: String, _ what: String) -> FileError {
    FileError(description: "\(path) \(what): \(String(cString: strerror(errno)))")
  }
}

/// One line to standard error, for what ends a program before its log begins.
public func complain(_ text: String) {
  var bytes = Array((text + "\n").utf8)
  _ = write(STDERR_FILENO, &bytes, bytes.count)
}
