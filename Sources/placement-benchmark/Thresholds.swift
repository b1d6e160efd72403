import Glibc
import PlacementTrials

/// The most that figures of workloads may be, from a file of lines such as `mix allocations_per_decision 0`.
struct Thresholds {
  private var all: [(workload: String, figure: String, most: Double)] = []

  struct Unreadable: Error, CustomStringConvertible {
    let description: String
  }

  init() {}

  init(file: String) throws(Unreadable) {
    guard let stream = fopen(file, "r") else {
      throw Unreadable(description: "\(file): \(String(cString: strerror(errno)))")
    }
    defer { fclose(stream) }
    var number = 0
    while let line = Self.line(of: stream) {
      number += 1
      let words = line.prefix { $0 != "#" }.split(whereSeparator: \.isWhitespace).map(String.init)
      if words.isEmpty { continue }
      guard words.count == 3, let most = Double(words[2]),
        Workload.all.contains(where: { $0.name == words[0] }),
        PlacementFigures.judged.contains(where: { $0.name == words[1] })
      else { throw Unreadable(description: "\(file):\(number): not a workload, a figure and a number: \(line)") }
      all.append((words[0], words[1], most))
    }
  }

  /// The next line of a file; nil at its end.
  private static func line(of stream: UnsafeMutablePointer<FILE>) -> String? {
    var bytes: [UInt8] = []
    while true {
      let byte = fgetc(stream)
      if byte == EOF { return bytes.isEmpty ? nil : String(decoding: bytes, as: UTF8.self) }
      if byte == 10 { return String(decoding: bytes, as: UTF8.self) }
      bytes.append(UInt8(truncatingIfNeeded: byte))
    }
  }

  /// A line for each figure of a workload that is too large. A figure that this machine cannot tell is not.
  func excesses(_ workload: String, _ figures: PlacementFigures) -> [String] {
    all.filter { $0.workload == workload }.compactMap { threshold in
      guard let figure = PlacementFigures.judged.first(where: { $0.name == threshold.figure }),
        let value = figure.value(figures), value > threshold.most
      else { return nil }
      return "\(workload): \(threshold.figure) is \(PlacementFigures.rounded(value)), more than \(threshold.most)"
    }
  }
}
