import Glibc

/// The right to be the only coordinator on a ledger, held for as long as this object lives.
///
/// It is a flock(2) on a file beside the database, so that the kernel gives it back when the process dies in any
/// way. The file stays: removing it would let two processes lock two files of the same name.
final class LedgerLock: Sendable {
  private let descriptor: Int32

  /// Takes the lock of the ledger at `path`, or says who has it.
  init(path: String) throws(StoreError) {
    let file = open(path + ".lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    if file < 0, errno == ENOENT { throw StoreError(.noDirectory, path: path) }
    guard file >= 0 else { throw StoreError(.io(systemMessage("cannot create \(path).lock")), path: path) }
    guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
      let kind: StoreError.Kind =
        errno == EWOULDBLOCK ? .inUse(pid: Self.pid(in: file)) : .io(systemMessage("cannot lock \(path).lock"))
      close(file)
      throw StoreError(kind, path: path)
    }
    LedgerFile.giveAway(file, path: path)
    let text = Array("\(getpid())\n".utf8)
    // Only a note for the error of the next one, so a full disk must not keep the coordinator from starting.
    if ftruncate(file, 0) == 0 { _ = write(file, text, text.count) }
    descriptor = file
  }

  deinit { close(descriptor) }

  private static func pid(in file: Int32) -> Int? {
    var bytes = [UInt8](repeating: 0, count: 20)
    let count = pread(file, &bytes, bytes.count, 0)
    guard count > 0 else { return nil }
    return Int(String(decoding: bytes[..<count], as: UTF8.self).prefix { $0.isNumber })
  }
}

/// What was tried and the operating system's words for `errno`.
func systemMessage(_ attempt: String) -> String { "\(attempt): \(String(cString: strerror(errno)))" }
