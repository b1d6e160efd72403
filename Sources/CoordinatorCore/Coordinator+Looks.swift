import Fleet

/// Looks: what a report shows may have been read long before it was sent, and be long on its way. Where the absence of
/// something is to be believed, the host is asked to look, and only a reading that began after that counts.
extension Coordinator {
  /// Asks a host to look, once more where the look was asked for already; the number of the look.
  mutating func askToLook(_ index: Int, again look: UInt64?, _ output: inout Output) -> UInt64 {
    let number = look ?? lastLook + 1
    lastLook = max(lastLook, number)
    send(.look(number), to: hosts[index].id, &output)
    return number
  }
}

extension HostEntry {
  /// Whether what is known of it was read after that look was asked for; an agent that knows no looks is believed.
  func hasLooked(for look: UInt64?) -> Bool {
    guard capabilities.contains(.looks) else { return true }
    return look.map { looked >= $0 } ?? false
  }
}
