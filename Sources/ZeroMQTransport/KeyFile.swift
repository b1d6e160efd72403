import Glibc

/// Keys on disk: one comment line that starts with `#`, then the key in Z85. A secret is readable by its owner only.
public enum KeyFile {
  /// No key file is larger: more is not one.
  private static let bytesMax = 4096

  /// Makes a new file of mode 0600 and makes it durable. An existing file is never overwritten. Throws `.keyFile`.
  public static func write(_ key: CurveSecretKey, to path: String) throws(TransportError) {
    let text = "# numafleet secret key; keep it on this host, mode 0600. Public key: \(key.publicKey)\n\(key.z85)\n"
    try create(path, mode: 0o600, text: text)
  }

  /// Makes a new file of mode 0644, to be given to the other side. Throws `.keyFile`.
  public static func write(_ key: CurvePublicKey, to path: String) throws(TransportError) {
    try create(path, mode: 0o644, text: "# numafleet public key; no secret.\n\(key)\n")
  }

  /// Reads a secret key. Refused: a file that group or others may use, that belongs to another user than this one
  /// or root, that is a symbolic link or no plain file. Throws `.keyFile`.
  public static func readSecret(_ path: String) throws(TransportError) -> CurveSecretKey {
    let text = try read(path, secret: true)
    do { return try CurveSecretKey(z85: text) } catch { throw .keyFile(path: path, problem: "\(error)") }
  }

  /// Reads a public key. Throws `.keyFile`.
  public static func readPublic(_ path: String) throws(TransportError) -> CurvePublicKey {
    let text = try read(path, secret: false)
    do { return try CurvePublicKey(z85: text) } catch { throw .keyFile(path: path, problem: "\(error)") }
  }

  private static func create(_ path: String, mode: mode_t, text: String) throws(TransportError) {
    let file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
    guard file >= 0 else {
      if errno == ENOENT { throw .noDirectory(directory(of: path), of: path) }
      let problem =
        errno == EEXIST ? "it exists already; move it away first, a key is never overwritten" : reason(errno)
      throw .keyFile(path: path, problem: problem)
    }
    defer { close(file) }
    let bytes = Array(text.utf8)
    guard Glibc.write(file, bytes, bytes.count) == bytes.count, fchmod(file, mode) == 0, fsync(file) == 0 else {
      let problem = "it could not be written: \(reason(errno))"
      unlink(path)
      throw .keyFile(path: path, problem: problem)
    }
    syncDirectory(of: path)
  }

  /// Makes the new name durable as well; best effort, for the file itself is.
  private static func syncDirectory(of path: String) {
    let descriptor = open(directory(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }

  private static func read(_ path: String, secret: Bool) throws(TransportError) -> String {
    // Non-blocking, so that a FIFO in the key's place cannot hang the start.
    let file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (secret ? O_NOFOLLOW : 0))
    guard file >= 0 else {
      let problem = errno == ELOOP ? "it is a symbolic link; name the file itself" : reason(errno)
      throw .keyFile(path: path, problem: problem)
    }
    defer { close(file) }
    if let problem = problem(ofFile: file, path: path, secret: secret) { throw .keyFile(path: path, problem: problem) }

    var bytes = [UInt8](repeating: 0, count: bytesMax + 1)
    let got = Glibc.read(file, &bytes, bytes.count)
    guard got >= 0, got <= bytesMax else { throw .keyFile(path: path, problem: "it is too large for a key file") }
    let lines = String(decoding: bytes[..<got], as: UTF8.self)
      .split(separator: "\n").filter { !$0.hasPrefix("#") }
    guard lines.count == 1 else {
      throw .keyFile(path: path, problem: "it has \(lines.count) lines besides comments instead of one key")
    }
    return String(lines[0])
  }

  private static func problem(ofFile file: Int32, path: String, secret: Bool) -> String? {
    var status = stat()
    guard fstat(file, &status) == 0 else { return reason(errno) }
    guard status.st_mode & S_IFMT == S_IFREG else { return "it is no plain file" }
    guard secret else { return nil }
    guard status.st_mode & 0o077 == 0 else {
      let mode = String(status.st_mode & 0o777, radix: 8)
      return "its mode is 0\(mode), so others than its owner may use it; run: chmod 600 '\(path)' (and make a new "
        + "key if anybody may have read it)"
    }
    guard status.st_uid == geteuid() || status.st_uid == 0 else {
      return "it belongs to user id \(status.st_uid), neither to this process's user nor to root"
    }
    return nil
  }
}
