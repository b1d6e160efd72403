import FoundationEssentials
import Glibc

/// A folder for the files of one measurement; removed with everything in it when this value goes.
final class TrialFolder {
  let path: String

  init() throws(CommandFailure) {
    var template = Array("\(environment("TMPDIR") ?? P_tmpdir)/numafleet-bench.XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
      throw CommandFailure(
        file: "no folder in $TMPDIR: \(String(cString: strerror(errno)))", remedy: "set TMPDIR to a folder of yours")
    }
    path = String(decoding: template.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// The path of a file in it.
  func file(_ name: String) -> String { "\(path)/\(name)" }

  /// Writes a small file.
  func write(_ text: String, to name: String) throws(CommandFailure) -> String {
    do {
      try Data(text.utf8).write(to: URL(filePath: file(name)))
    } catch {
      throw CommandFailure(file: "\(file(name)): \(error)", remedy: "check the space in $TMPDIR")
    }
    return file(name)
  }
}

/// Where the daemons are: beside this command unless told otherwise.
struct Programs {
  private let folder: String

  init(folder: String?) throws(CommandFailure) {
    if let folder {
      self.folder = folder
      return
    }
    var buffer = [CChar](repeating: 0, count: 4096)
    let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
    let own = String(decoding: buffer.prefix(max(0, count)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    guard let slash = own.lastIndex(of: "/") else {
      throw CommandFailure(file: "/proc/self/exe cannot be read", remedy: "name the daemons' folder with --programs")
    }
    self.folder = String(own[..<slash])
  }

  /// The path of a program, which must be there.
  func path(_ name: String) throws(CommandFailure) -> String {
    let path = "\(folder)/\(name)"
    guard access(path, X_OK) == 0 else {
      throw CommandFailure(
        file: "\(path): \(String(cString: strerror(errno)))",
        remedy: "build it with `swift build -c release`, or name its folder with --programs")
    }
    return path
  }
}
