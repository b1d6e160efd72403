import CoordinatorCore
import Fleet
import Glibc
import Testing

@testable import Store

/// A disk that takes no more: commands are refused with a clear error, reads go on, nothing acknowledged is lost.
@Suite struct FullDiskTests {
  @Test func fullFileRefusesWritesAndKeepsWhatItHas() throws {
    let scratch = try Scratch()
    var acknowledged: UInt64 = 0
    do {
      let ledger = try Ledger(path: scratch.ledgerPath, pagesMax: 60)
      let text = String(repeating: "x", count: 3000)
      var last: StoreError.Kind?
      while last == nil, acknowledged < 1000 {
        last = failure { () throws(StoreError) in
          try ledger.commit([.event(Sample.event(acknowledged + 1, text: text))])
        }
        if last == nil { acknowledged += 1 }
      }
      #expect(last == .full)
      #expect(acknowledged > 5)
      #expect(try ledger.events(after: 0, limit: 1000).count == Int(acknowledged))
      #expect(try ledger.restored() == Restored(epoch: 0, lastEvent: acknowledged))
    }
    #expect(try Ledger(path: scratch.ledgerPath).beginTerm().lastEvent == acknowledged)
  }

  /// A write that the system cuts off is a real I/O error; it runs in a process of its own, whose file size limit
  /// would cut off other tests' files too.
  @Test func nothingIsWrittenAfterTheDiskHasFailed() async {
    await #expect(processExitsWith: .success) {
      let scratch = try Scratch()
      let ledger = try Ledger(path: scratch.ledgerPath)
      try ledger.commit(Sample.transaction)
      signal(SIGXFSZ, SIG_IGN)
      var limit = rlimit()
      getrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
      let ample = limit.rlim_cur
      limit.rlim_cur = 1024
      setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
      let first = failure { () throws(StoreError) in try ledger.commit([.event(Sample.event(2))]) }
      limit.rlim_cur = ample
      setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
      let second = failure { () throws(StoreError) in try ledger.commit([.event(Sample.event(2))]) }
      guard case .io? = first else { exit(2) }
      guard second == first else { exit(3) }
      guard try ledger.events(after: 0, limit: 9).count == 1 else { exit(4) }
    }
  }
}
