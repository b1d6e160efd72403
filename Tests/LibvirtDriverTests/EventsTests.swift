import Fleet
import LibvirtDriver
import NUMA
import Testing

@Suite struct EventsTests {
  @Test func lifecycleOfADomainIsTold() throws {
    let inbox = Mailbox<DomainEvent>()
    let events = DomainEvents(uri: TestHost.uri) { inbox.put($0) }
    defer { events.stop() }
    #expect(inbox.take { $0 == .connected } != nil)
    let connection = try TestHost.open()
    let (xml, uuid) = TestHost.xml("told")
    func change(_ change: DomainEvent.LifecycleChange) -> Bool {
      inbox.take {
        if case .lifecycle(uuid, _, change, _) = $0 { true } else { false }
      } != nil
    }
    try connection.define(xml: xml)
    #expect(change(.defined))
    try connection.start(uuid)
    #expect(change(.started))
    try connection.destroy(uuid)
    #expect(change(.stopped))
    try connection.undefine(uuid)
    #expect(change(.undefined))
  }

  @Test func nobodyThereIsTold() {
    let inbox = Mailbox<DomainEvent>()
    let events = DomainEvents(uri: "qemu+unix:///system?socket=/nonexistent/sock") { inbox.put($0) }
    defer { events.stop() }
    let event = inbox.take()
    guard case .disconnected(let reason)? = event else {
      Issue.record("unexpected \(String(describing: event))")
      return
    }
    #expect(reason.contains("/nonexistent/sock"))
  }

  @Test func nothingComesAfterStop() throws {
    let inbox = Mailbox<DomainEvent>()
    let events = DomainEvents(uri: TestHost.uri) { inbox.put($0) }
    #expect(inbox.take { $0 == .connected } != nil)
    events.stop()
    // A second listener proves that the event went out before the first one's silence is judged.
    let other = Mailbox<DomainEvent>()
    let listener = DomainEvents(uri: TestHost.uri) { other.put($0) }
    defer { listener.stop() }
    #expect(other.take { $0 == .connected } != nil)
    let connection = try TestHost.open()
    let (xml, uuid) = TestHost.xml("silent")
    try connection.define(xml: xml)
    defer { try? connection.undefine(uuid) }
    let isOurs: (DomainEvent) -> Bool = { if case .lifecycle(uuid, _, _, _) = $0 { true } else { false } }
    #expect(other.take(where: isOurs) != nil)
    #expect(inbox.take(seconds: 0, where: isOurs) == nil)
  }
}
