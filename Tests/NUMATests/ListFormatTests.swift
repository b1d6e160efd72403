import NUMA
import Testing

/// Lists of ids come from operators, XML and /proc; each either reads as one exact set or is refused with a reason.
@Suite struct ListFormatTests {
  @Test(arguments: 0..<200 as Range<UInt64>)
  func printedSetParsesToItself(seed: UInt64) throws {
    var generator = SeededGenerator(seed: seed)
    let dense = Bool.random(using: &generator)
    let ids = (0..<Int.random(in: 0...300, using: &generator)).map { _ in
      Int.random(in: 0..<(dense ? 400 : CPUKind.idLimit), using: &generator)
    }
    let set = CPUSet(ids)
    #expect(try CPUSet(parsing: set.description) == set, "seed \(seed): \(set)")
    #expect(CPUSet(set.description)?.description == set.description, "seed \(seed): \(set)")
  }

  @Test(arguments: [
    ("", []), ("  \n", []), ("0", [0]), ("0-3", [0, 1, 2, 3]), ("3,1,2", [1, 2, 3]), ("0-3,^2,8", [0, 1, 3, 8]),
    ("5-5", [5]), (" 0 , 2-3 \n", [0, 2, 3]), ("1,1,0-1", [0, 1]), ("0-3,^1,1", [0, 1, 2, 3]), ("0-3,^0,^3", [1, 2]),
    ("007", [7]), ("8191", [8191]), ("4,^4", []),
  ])
  func listIsRead(text: String, ids: [Int]) throws {
    #expect(try CPUSet(parsing: text).members == ids)
  }

  @Test(
    arguments: [
      ([], ""), ([0], "0"), ([0, 1], "0-1"), ([0, 2, 4], "0,2,4"), ([0, 1, 2, 5, 6, 9], "0-2,5-6,9"),
      ([63, 64], "63-64"),
    ] as [([Int], String)])
  func setIsPrintedInTheKernelsWay(ids: [Int], text: String) {
    #expect(CPUSet(ids).description == text)
  }

  @Test(arguments: [
    ("3-1", "range 3-1 runs backwards"), ("^5", "^5 excludes a cpu that no earlier item includes"),
    ("0-3,^5", "^5 excludes a cpu that no earlier item includes"), ("0,,1", "an item is empty"),
    (",", "an item is empty"), ("0,", "an item is empty"), (",0", "an item is empty"), ("0, ,1", "an item is empty"),
    ("a", "\"a\" is not a cpu number"), ("0x1", "\"0x1\" is not a cpu number"), ("1.5", "\"1.5\" is not a cpu number"),
    ("+1", "\"+1\" is not a cpu number"), ("-1", "\"\" is not a cpu number"), ("1-", "\"\" is not a cpu number"),
    ("1-2-3", "\"2-3\" is not a cpu number"), ("^", "\"\" is not a cpu number"),
    ("^0-3", "\"0-3\" is not a cpu number"),
    ("^^1", "\"^1\" is not a cpu number"), ("1 2", "\"1 2\" is not a cpu number"),
    ("0 - 3", "\"0 \" is not a cpu number"),
    ("\u{0661}", "\"\u{0661}\" is not a cpu number"), ("\u{ff11}", "\"\u{ff11}\" is not a cpu number"),
    ("1\u{0301}", "\"1\u{0301}\" is not a cpu number"), ("0\u{0}", "\"0\u{0}\" is not a cpu number"),
    ("8192", "cpu 8192 is beyond the limit of 8191"), ("0-99999", "cpu 99999 is beyond the limit of 8191"),
    ("99999999999999999999", "cpu 99999999999999999999 is beyond the limit of 8191"),
    ("all", "\"all\" is not a cpu number"),
  ])
  func malformedListIsRefusedWithItsReason(text: String, reason: String) {
    let error = #expect(throws: ListFormatError.self) { try CPUSet(parsing: text) }
    #expect(error?.reason == reason)
    #expect(error?.text == text)
    #expect(CPUSet(text) == nil)
  }

  @Test func nodesHaveTheirOwnNounAndLimit() {
    let error = #expect(throws: ListFormatError.self) { try NodeSet(parsing: "1024") }
    #expect(error?.reason == "node 1024 is beyond the limit of 1023")
  }

  @Test func errorQuotesShortlyAndShowsWhatIsRight() {
    let error = #expect(throws: ListFormatError.self) { try CPUSet(parsing: String(repeating: "x", count: 5000)) }
    #expect((error?.description.prefix(120).contains(String(repeating: "x", count: 81))) == false)
    #expect(error?.description.hasSuffix("write for example 0-3,8 or 0-7,^2") == true)
  }

  @Test(arguments: 0..<200 as Range<UInt64>)
  func garbageIsReadOrRefusedButNeverTraps(seed: UInt64) {
    var generator = SeededGenerator(seed: seed)
    let alphabet = Array("0123456789,-^ \n\tx\u{0661}")
    let text = String(
      (0..<Int.random(in: 0...20, using: &generator)).map { _ in alphabet.randomElement(using: &generator)! })
    if let set = CPUSet(text) { #expect(CPUSet(set.description) == set, "seed \(seed): \(text.debugDescription)") }
  }

  @Test func manyWideRangesAreReadInReasonableWork() throws {
    let text = Array(repeating: "0-8191", count: 2000).joined(separator: ",")
    #expect(try CPUSet(parsing: text).count == 8192)
  }
}
