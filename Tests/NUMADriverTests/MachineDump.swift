import Glibc
import NUMA

@testable import NUMADriver

/// A machine's /proc and /sys as recorded in Tests/Fixtures (see `sysfs/record`), unpacked under a temporary folder
/// that goes away with this value. Lines can be changed before, to make the odd machines that nobody has at hand.
final class MachineDump {
  let folder: String
  private var created: [String] = []
  private var folders: Set<String> = []
  var root: KernelRoot { KernelRoot(prefix: folder, pageSize: .base) }

  enum Edit {
    /// Puts this text in the place of a file's.
    case set(String, String)
    /// Removes a file, or all files below a folder.
    case remove(String)
  }

  init(_ name: String, _ edits: [Edit] = [], filePath: String = #filePath) throws {
    let tests = filePath.split(separator: "/").dropLast(2).map { "/\($0)" }.joined()
    var files: [(path: String, text: String)] = []
    var links: [(path: String, target: String)] = []
    for line in try Self.read("\(tests)/Fixtures/\(name).txt").split(separator: "\n") where line.first != "#" {
      if let arrow = line.firstRange(of: " -> ") {
        links.append((String(line[..<arrow.lowerBound]), String(line[arrow.upperBound...])))
      } else if let equals = line.firstRange(of: " =") {
        let path = String(line[..<equals.lowerBound])
        let text = String(line[equals.upperBound...].dropFirst())
        let value = text.contains("\\0") ? text.replacing("\\0", with: "\0") : text + "\n"
        if files.last?.path == path { files[files.count - 1].text += value } else { files.append((path, value)) }
      }
    }
    for edit in edits {
      switch edit {
      case .set(let path, let text):
        files.removeAll { $0.path == path }
        files.append((path, text + "\n"))
      case .remove(let path):
        files.removeAll { $0.path == path || $0.path.hasPrefix(path + "/") }
        links.removeAll { $0.path == path || $0.path.hasPrefix(path + "/") }
      }
    }
    // Some hundred files each: in memory where that is to be had.
    let top = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
    var template = Array("\(top)/numafleet-dump-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Failure(text: "mkdtemp: errno \(errno)") }
    folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    created = [folder]
    for (path, text) in files { try write(text, path) }
    for (path, target) in links {
      makeFolders(path)
      guard symlink(target, folder + path) == 0 else { throw Failure(text: "symlink \(path): errno \(errno)") }
      created.append(folder + path)
    }
  }

  deinit {
    for path in created.reversed() { remove(path) }
  }

  struct Failure: Error { var text: String }

  private func makeFolders(_ path: String) {
    var current = folder
    for part in path.split(separator: "/").dropLast() {
      current += "/\(part)"
      if folders.insert(current).inserted, mkdir(current, 0o755) == 0 { created.append(current) }
    }
  }

  private func write(_ text: String, _ path: String) throws {
    makeFolders(path)
    guard let file = fopen(folder + path, "w") else { throw Failure(text: "\(path): errno \(errno)") }
    defer { fclose(file) }
    created.append(folder + path)
    let bytes = Array(text.utf8)
    guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw Failure(text: "cannot write \(path)") }
  }

  private static func read(_ path: String) throws -> String {
    guard let bytes = try KernelRoot.machine.bytesIfPresent(path, expecting: 1 << 16) else {
      throw Failure(text: "no fixture \(path)")
    }
    return String(decoding: bytes, as: UTF8.self)
  }
}
