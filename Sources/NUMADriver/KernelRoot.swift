import Glibc
public import NUMA

/// Where /proc and /sys are: this machine's, or a dump of another machine's under a folder.
public struct KernelRoot: Sendable, Hashable {
  /// Put before every path; empty for this machine.
  public let prefix: String
  /// The base page of the machine.
  public let pageSize: PageSize

  /// This machine.
  public static let machine = KernelRoot(prefix: "", pageSize: PageSize(kib: Int(sysconf(Int32(_SC_PAGESIZE))) / 1024))

  /// A dump below `prefix` (`PREFIX/sys/devices/…`, `PREFIX/proc/…`) of a machine with that base page.
  public init(prefix: String, pageSize: PageSize = .base) {
    self.prefix = prefix
    self.pageSize = pageSize
  }

  /// Largest file that is read whole; numa_maps of a process at the limit of 65,530 mappings has about 10 MiB.
  static let bytesMaximum = 64 << 20

  // MARK: Bytes

  /// The whole file; nil when it, its folder or its process does not exist.
  func bytesIfPresent(_ path: String, expecting size: Int = 4096) throws(KernelError) -> [UInt8]? {
    let descriptor = retrying { open(prefix + path, O_RDONLY | O_CLOEXEC) }
    guard descriptor >= 0 else {
      let code = errno
      if code == ENOENT || code == ENOTDIR || code == ESRCH { return nil }
      throw .file("open", path, errno: code)
    }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    let failure = withUnsafeTemporaryAllocation(byteCount: size, alignment: 16) { chunk -> Int32 in
      while bytes.count <= Self.bytesMaximum {
        let got = retrying { read(descriptor, chunk.baseAddress, chunk.count) }
        if got <= 0 { return got < 0 ? errno : 0 }
        bytes.append(contentsOf: chunk[0..<got])
      }
      return EFBIG
    }
    // A process that ends while its file is read gives ESRCH.
    if failure == ESRCH || failure == ENOENT { return nil }
    if failure != 0 { throw .file("read", path, errno: failure) }
    return bytes
  }

  func bytes(_ path: String, expecting size: Int = 4096) throws(KernelError) -> [UInt8] {
    guard let bytes = try bytesIfPresent(path, expecting: size) else { throw .file("open", path, errno: ENOENT) }
    return bytes
  }

  // MARK: Values

  /// The file as text without blanks at its ends; nil when it does not exist.
  func textIfPresent(_ path: String) throws(KernelError) -> String? {
    try bytesIfPresent(path, expecting: 512).map { String(decoding: $0[...].trimmed, as: UTF8.self) }
  }

  func text(_ path: String) throws(KernelError) -> String {
    guard let text = try textIfPresent(path) else { throw .file("open", path, errno: ENOENT) }
    return text
  }

  func integerIfPresent(_ path: String) throws(KernelError) -> Int? {
    guard let text = try textIfPresent(path) else { return nil }
    guard let value = Int(text) else { throw .malformed(path, found: text, expected: "a whole number") }
    return value
  }

  func integer(_ path: String) throws(KernelError) -> Int {
    guard let value = try integerIfPresent(path) else { throw .file("open", path, errno: ENOENT) }
    return value
  }

  func list<Kind>(_: Kind.Type, _ path: String) throws(KernelError) -> IDSet<Kind> {
    try parseList(try text(path), path)
  }

  func parseList<Kind>(_ text: String, _ path: String) throws(KernelError) -> IDSet<Kind> {
    do { return try IDSet<Kind>(parsing: text) } catch {
      throw .malformed(path, found: text, expected: "a list of \(Kind.noun)s such as 0-3,8")
    }
  }

  // MARK: Folders and links

  func exists(_ path: String) -> Bool { access(prefix + path, F_OK) == 0 }

  /// Names in a folder, sorted by bytes, without the dot entries; nil when it does not exist.
  func entriesIfPresent(_ path: String) throws(KernelError) -> [String]? {
    guard let folder = opendir(prefix + path) else {
      let code = errno
      if code == ENOENT || code == ENOTDIR || code == ESRCH { return nil }
      throw .file("opendir", path, errno: code)
    }
    defer { closedir(folder) }
    var names: [String] = []
    while let entry = readdir(folder) {
      let name = Self.name(entry)
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  /// The numbers among a folder's names, ascending: pids of /proc, tids of a task folder. Nil when it does not exist.
  func numbersIfPresent(_ path: String) -> [Int]? {
    guard let folder = opendir(prefix + path) else { return nil }
    defer { closedir(folder) }
    var numbers: [Int] = []
    while let entry = readdir(folder) {
      let first = UInt8(bitPattern: entry.pointee.d_name.0)
      guard first >= 48, first <= 57, let number = Int(Self.name(entry)) else { continue }
      numbers.append(number)
    }
    return numbers.sorted()
  }

  private static func name(_ entry: UnsafeMutablePointer<dirent>) -> String {
    withUnsafePointer(to: &entry.pointee.d_name) { pointer in
      pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
    }
  }

  /// Where a symbolic link points; nil when there is none or it may not be read.
  func link(_ path: String) -> String? {
    withUnsafeTemporaryAllocation(byteCount: Int(PATH_MAX), alignment: 1) { buffer in
      let pointer = buffer.bindMemory(to: CChar.self)
      let length = pointer.baseAddress.map { readlink(prefix + path, $0, pointer.count) } ?? -1
      return length < 0 ? nil : String(decoding: buffer[0..<length], as: UTF8.self)
    }
  }

  /// The last component of what a symbolic link points to.
  func linkName(_ path: String) -> String? { link(path)?.split(separator: "/").last.map(String.init) }

  // MARK: Writing

  /// Writes one value with one write(2), as the kernel's control files want it.
  func write(_ text: String, to path: String) throws(KernelError) {
    let descriptor = retrying { open(prefix + path, O_WRONLY | O_CLOEXEC) }
    guard descriptor >= 0 else { throw .file("open", path, errno: errno) }
    defer { close(descriptor) }
    let bytes = Array(text.utf8)
    let written = retrying { Glibc.write(descriptor, bytes, bytes.count) }
    if written < 0 { throw .file("write \"\(text)\" to", path, errno: errno) }
  }
}

/// Repeats a call that a signal interrupted.
func retrying<Result: SignedInteger>(_ call: () -> Result) -> Result {
  while true {
    let result = call()
    if result >= 0 || errno != EINTR { return result }
  }
}
