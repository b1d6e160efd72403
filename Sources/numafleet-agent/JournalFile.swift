import AgentCore
import Daemon
import FoundationEssentials
import Glibc
import Logging

/// The agent's journal as one small JSON file, replaced whole.
struct JournalFile {
  let path: String

  /// What is remembered; nothing when there is no file or it is damaged, which is never fatal: the kernel knows better.
  func load(log: Logger) -> Journal {
    guard access(path, F_OK) == 0 else { return Journal() }
    do {
      return try JSONDecoder().decode(Journal.self, from: Data(TextFile.read(path).utf8))
    } catch {
      log.warning("journal not readable, starting without it", metadata: ["path": "\(path)", "reason": "\(error)"])
      return Journal()
    }
  }

  /// Durable when it returns.
  func save(_ journal: Journal) throws(FileError) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    guard let data = try? encoder.encode(journal) else {
      throw FileError(description: "the journal cannot be written as JSON")
    }
    try TextFile.replace(path, with: Array(data))
  }
}
