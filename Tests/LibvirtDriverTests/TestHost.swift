import Fleet
import Foundation
import LibvirtDriver
import NUMA
import Testing

/// libvirt's test driver: the real library without a daemon. Its default host lives in this process, for as long as
/// one connection is open, and all connections share it; so each test makes its own domain.
enum TestHost {
  static let uri = "test:///default"

  static func open() throws -> Connection { try Connection.open(uri: uri) }

  /// A domain's XML with a name and UUID of its own.
  static func xml(_ name: String, vcpus: Int = 4, extra: String = "") -> (xml: String, uuid: String) {
    let uuid = UUID().uuidString.lowercased()
    let xml = """
      <domain type='test'>
        <name>\(name)-\(uuid.prefix(8))</name>
        <uuid>\(uuid)</uuid>
        <memory unit='KiB'>1048576</memory>
        <vcpu>\(vcpus)</vcpu>
      \(extra)  <os>
          <type arch='i686'>hvm</type>
        </os>
      </domain>
      """
    return (xml, uuid)
  }

  /// Defines and starts a domain for one test and takes it away afterwards.
  static func withDomain(
    _ name: String = "guest", vcpus: Int = 4, extra: String = "", _ body: (Connection, String) throws -> Void
  ) throws {
    let connection = try open()
    let (xml, uuid) = xml(name, vcpus: vcpus, extra: extra)
    #expect(try connection.define(xml: xml) == uuid)
    try connection.start(uuid)
    defer {
      try? connection.destroy(uuid)
      try? connection.undefine(uuid)
      connection.close()
    }
    try body(connection, uuid)
  }
}

/// A value that comes from another thread, waited for with a limit instead of a sleep.
final class Mailbox<Value: Sendable>: @unchecked Sendable {
  private let condition = NSCondition()
  private var values: [Value] = []

  func put(_ value: Value) {
    condition.lock()
    values.append(value)
    condition.broadcast()
    condition.unlock()
  }

  /// The first value that satisfies `isWanted`, taken out; nil when none comes in time.
  func take(seconds: Double = 20, where isWanted: (Value) -> Bool = { _ in true }) -> Value? {
    let limit = Date(timeIntervalSinceNow: seconds)
    condition.lock()
    defer { condition.unlock() }
    while true {
      if let index = values.firstIndex(where: isWanted) { return values.remove(at: index) }
      if !condition.wait(until: limit) { return nil }
    }
  }
}
