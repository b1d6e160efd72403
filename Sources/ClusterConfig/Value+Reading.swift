import NUMA

/// Reading one value as what its key stands for; each error names the key, the text and what is allowed.
extension Value {
  /// Any one-line text without control characters.
  func text(allowing limit: Int = 4096) throws(ConfigurationError) -> String {
    guard let scalar else { throw position.error("\(name) is not a text; write it on the line of its key") }
    guard (1...limit).contains(scalar.utf8.count),
      scalar.unicodeScalars.allSatisfy({ $0.value >= 32 && $0.value != 127 })
    else { throw bad("1...\(limit) bytes without control characters") }
    return scalar
  }

  /// A name of a host, rule or shape: it is printed, compared and used as part of ids.
  func word() throws(ConfigurationError) -> String {
    let text = try text()
    guard (1...64).contains(text.utf8.count), text.utf8.allSatisfy({ isLetterOrDigit($0) || "._-".utf8.contains($0) })
    else {
      throw bad("1...64 of the characters A-Z a-z 0-9 . _ -")
    }
    return text
  }

  /// A whole decimal number.
  func number(in range: ClosedRange<Int>) throws(ConfigurationError) -> Int {
    guard let scalar, let number = Int(scalar), range.contains(number) else { throw bad("\(range)") }
    return number
  }

  /// `true` or `false`, and none of YAML 1.1's other words for them.
  func flag() throws(ConfigurationError) -> Bool {
    switch scalar {
    case "true": return true
    case "false": return false
    default: throw bad("true, false")
    }
  }

  /// One case of an enum whose raw values are words.
  func choice<Choice: RawRepresentable<String> & CaseIterable>(_: Choice.Type = Choice.self) throws(ConfigurationError)
    -> Choice
  {
    guard let scalar, let choice = Choice(rawValue: scalar) else {
      throw bad(Choice.allCases.map(\.rawValue).joined(separator: ", "))
    }
    return choice
  }

  /// A path, resolved against the directory of the file it stands in.
  func path() throws(ConfigurationError) -> String {
    let text = try text()
    return file.isEmpty ? text : resolvedPath(text, besideFile: file)
  }

  /// An amount of memory with its unit.
  func amount(in range: ClosedRange<KiB>) throws(ConfigurationError) -> KiB {
    let allowed = "\(range.lowerBound) to \(range.upperBound), written as 512MiB or 4GiB"
    guard let scalar else { throw bad(allowed) }
    do {
      let amount = try KiB(parsing: scalar)
      guard range.contains(amount) else { throw bad(allowed) }
      return amount
    } catch let error as ConfigurationError {
      throw error
    } catch {
      throw position.error("\(name): \(error)")
    }
  }

  /// A page size that some machine has.
  func pageSize() throws(ConfigurationError) -> PageSize {
    let amount = try amount(in: KiB(4)...KiB(gib: 16))
    guard amount.count.nonzeroBitCount == 1 else {
      throw bad("4KiB, 2MiB, 1GiB, or another power of two from 4KiB to 16GiB")
    }
    return PageSize(kib: amount.count)
  }

  /// An endpoint of the wire.
  func endpoint() throws(ConfigurationError) -> Endpoint {
    do {
      return try Endpoint(parsing: text())
    } catch let error as ConfigurationError {
      throw error
    } catch {
      throw position.error("\(name): \(error)")
    }
  }

  /// An endpoint that must be tcp.
  func tcpEndpoint() throws(ConfigurationError) -> Endpoint {
    let endpoint = try endpoint()
    guard case .tcp = endpoint else { throw bad("tcp://ADDRESS:PORT") }
    return endpoint
  }

  /// An error that shows what was written and what may be written.
  func bad(_ allowed: String) -> ConfigurationError {
    position.error("\(name) is \(written); allowed: \(allowed)")
  }
}

func isLetterOrDigit(_ byte: UInt8) -> Bool {
  (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
}
