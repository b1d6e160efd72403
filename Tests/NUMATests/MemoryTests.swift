import NUMA
import Testing

/// Amounts of memory keep their unit and print as people write them.
@Suite struct MemoryTests {
  @Test(arguments: [
    (KiB(0), "0 KiB"), (KiB(1023), "1023 KiB"), (KiB(1024), "1 MiB"), (KiB(mib: 96), "96 MiB"),
    (KiB(mib: 1023), "1023 MiB"), (KiB(gib: 1), "1 GiB"), (KiB(mib: 1536), "1.5 GiB"), (KiB(mib: 1025), "1 GiB"),
    (KiB(gib: 2048), "2048 GiB"),
  ])
  func amountIsPrintedInItsLargestUnit(amount: KiB, text: String) {
    #expect(amount.description == text)
  }

  @Test func amountsAreConvertedDownwards() {
    #expect(KiB(bytes: 4095) == 3)
    #expect(KiB(2047).mib == 1)
    #expect(KiB(gib: 1) == KiB(mib: 1024))
  }

  @Test func amountsAreAddedAndCompared() {
    var amount = KiB(mib: 1) + 24
    amount += 10
    amount -= 4
    #expect(amount == 1054)
    #expect(amount * 2 == 2108 && amount - 1054 == 0 && KiB(1) < KiB(2))
  }

  @Test func amountsTravelAsPlainNumbers() throws {
    #expect(try JSONForm.text(of: KiB(mib: 1)) == "1024")
    #expect(try JSONForm.value(PageSize.self, from: "2048") == .huge2M)
    let pool = PagePool(size: .huge1G, total: 4, free: 1)
    #expect(try JSONForm.text(of: pool) == #"{"free":1,"size":1048576,"total":4}"#)
    #expect(try JSONForm.value(PagePool.self, from: JSONForm.text(of: pool)) == pool)
  }

  @Test func pageSizesHaveTheirUsualNames() {
    #expect([PageSize.base, .huge2M, .huge1G].map(\.description) == ["4 KiB", "2 MiB", "1 GiB"])
    #expect(PageSize.base < .huge2M)
  }
}
