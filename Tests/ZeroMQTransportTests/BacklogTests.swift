import Testing

@testable import ZeroMQTransport

@Suite struct BacklogTests {
  private func payloads(_ count: Int, bytes: Int) -> [[UInt8]] {
    (0..<count).map { _ in [UInt8](repeating: 0, count: bytes) }
  }

  @Test func oneReceiverIsBoundedInMessages() {
    var backlog = Backlog<Int>()
    let taken = (0...Backlog<Int>.messagesMax).filter { backlog.append([UInt8($0)], for: 1) }
    #expect(taken.count == Backlog<Int>.messagesMax)
    let other = backlog.append([0], for: 2)
    #expect(other)
  }

  @Test func allReceiversTogetherAreBoundedInBytesAndHearWhenThereIsRoom() {
    var backlog = Backlog<Int>()
    let large = [UInt8](repeating: 0, count: Backlog<Int>.bytesMax / 2)
    let taken = [backlog.append(large, for: 1), backlog.append(large, for: 2), backlog.append([1], for: 3)]
    #expect(taken == [true, true, false])
    var emptied: [Int] = []
    for case .emptied(let receiver) in backlog.retry(at: 0, send: { _, _ in .sent }) { emptied.append(receiver) }
    #expect(emptied == [1, 2, 3])
    #expect(backlog.isEmpty)
    let again = [1, 2].map { backlog.append(large, for: $0) }
    #expect(again == [true, true])
  }

  @Test func messagesOfOneReceiverStayInOrderAcrossAttempts() {
    var backlog = Backlog<Int>()
    for number in 0..<5 as Range<UInt8> { _ = backlog.append([number], for: 1) }
    var sent: [UInt8] = []
    let first = backlog.retry(at: 0) { _, payload in
      guard sent.count < 2 else { return .full }
      sent.append(payload[0])
      return .sent
    }
    #expect(first.isEmpty)
    _ = backlog.append([5], for: 1)
    _ = backlog.retry(at: 1000) { _, payload in
      sent.append(payload[0])
      return .sent
    }
    #expect(sent == [0, 1, 2, 3, 4, 5])
    #expect(backlog.isEmpty)
  }

  @Test func attemptsWithoutProgressBecomeRarer() {
    var backlog = Backlog<Int>()
    _ = backlog.append([1], for: 1)
    var attempts: [Int] = []
    for now in 0..<100 {
      _ = backlog.retry(at: now) { _, _ in
        attempts.append(now)
        return .full
      }
    }
    #expect(attempts.prefix(5) == [0, 1, 3, 7, 15])
    #expect(backlog.patience(at: 100) ?? 99 <= 10)
  }

  @Test func lostReceiverIsToldWithWhatWasNotSent() {
    var backlog = Backlog<Int>()
    for payload in payloads(3, bytes: 10) { _ = backlog.append(payload, for: 9) }
    var lost: [(Int, Int)] = []
    for case .lost(let receiver, let count) in backlog.retry(at: 0, send: { _, _ in .unreachable }) {
      lost.append((receiver, count))
    }
    #expect(lost.map(\.0) == [9] && lost.map(\.1) == [3])
    #expect(backlog.isEmpty)
  }
}
