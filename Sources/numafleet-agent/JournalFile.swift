import AgentCore
import Daemon
import FoundationEssentials
import Glibc
import Logging

/// The agent's journal as one small JSON file, replaced whole; the one before it is kept, and each has a checksum.
///
/// The checksum is the document's first key and covers all bytes after it, so that a flipped bit is not taken for
/// another term or generation. Agents that know no checksum skip the key, and their files are read without one.
struct JournalFile {
  let path: String

  private var previous: String { path + ".old" }

  private enum Found {
    case journal(Journal)
    case missing
    case damaged(String)
  }

  /// What is remembered; that of the file before where the newest is missing or damaged, nothing where both are, which
  /// is never fatal: the kernel knows better. But a host without a journal obeys the first coordinator that it meets.
  func load(log: Logger) -> Journal {
    let newest = read(path)
    if case .journal(let journal) = newest { return journal }
    let reason = if case .damaged(let reason) = newest { reason } else { "there is none" }
    // Kept for whoever wants to know why, and lest the next write put it in the place of the good one.
    if case .damaged = newest { _ = rename(path, path + ".damaged") }
    let older = read(previous)
    if case .journal(let journal) = older {
      log.error(
        "journal not readable, the one before it is used: the newest job, term or end may be forgotten",
        metadata: ["path": "\(path)", "reason": "\(reason)", "used": "\(previous)"])
      return journal
    }
    if case .missing = newest, case .missing = older {
      log.warning(
        "no journal yet, this host obeys the first coordinator that welcomes it", metadata: ["path": "\(path)"])
    } else {
      log.error(
        "no journal is readable, all terms are forgotten: this host obeys the first coordinator that welcomes it",
        metadata: ["path": "\(path)", "reason": "\(reason)"])
    }
    return Journal()
  }

  /// Durable when it returns.
  func save(_ journal: Journal) throws(FileError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    guard let data = try? encoder.encode(journal) else {
      throw FileError(description: "the journal cannot be written as JSON")
    }
    let rest = Array(data.dropFirst())
    try TextFile.replace(path, with: Array(Self.head(of: rest[...]).utf8) + rest, keeping: previous)
  }

  private func read(_ path: String) -> Found {
    guard access(path, F_OK) == 0 else { return .missing }
    do {
      let bytes = Array(try TextFile.read(path).utf8)
      let start = Self.head(of: []).utf8.count
      if bytes.starts(with: Self.headBegins.utf8), bytes.count >= start {
        guard bytes.starts(with: Self.head(of: bytes[start...]).utf8) else {
          return .damaged("its checksum does not match")
        }
      }
      return .journal(try JSONDecoder().decode(Journal.self, from: Data(bytes)))
    } catch {
      return .damaged("\(error)")
    }
  }

  private static let headBegins = #"{"checksum":""#

  /// The document's beginning: FNV-1a of the bytes after it, in which no single change goes unseen.
  private static func head(of rest: ArraySlice<UInt8>) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in rest { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    let digits = String(hash, radix: 16)
    return headBegins + String(repeating: "0", count: 16 - digits.count) + digits + #"","#
  }
}
