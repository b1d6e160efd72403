import FoundationEssentials
import Testing

@testable import numafleet

/// `numafleet bench`: that it runs and what it prints, never how fast anything is.
@Suite struct Bench {
  @Test(arguments: [
    ("bench wire --agents 0", "--agents is 0; allowed: 1...5000"),
    ("bench wire --agents many", "'many' is invalid"),
    ("bench wire --rounds 0", "--rounds is 0; allowed: 1...100"),
    ("bench wire --seconds 0", "--seconds is 0.0; allowed: 0.1...600"),
    ("bench wire --in-flight 65", "--in-flight is 65; allowed: 1...64"),
    ("bench start --guests 1", "--guests is 1; allowed: 2000...1000000"),
    ("bench start --rounds 0", "--rounds is 0; allowed: 1...100"),
    ("bench agent --guests 201", "--guests is 201; allowed: 0...200"),
    ("bench agent --seconds 0", "--seconds is 0; allowed: 1...86400"),
    ("bench agent --agents 1", "Unknown option '--agents'"),
  ])
  func wrongArgumentsAreNamed(arguments: String, expected: String) {
    #expect(complaint(arguments).contains(expected), "\(complaint(arguments))")
  }

  @Test func jsonFlagIsTheSameAsTheOption() throws {
    for arguments in ["bench wire --json", "bench wire -o json", "bench wire -o table --json"] {
      let command: BenchWireCommand = try parsed(arguments)
      #expect(command.output.format == .json)
    }
    let command: BenchAgentCommand = try parsed("bench agent")
    #expect(command.output.format == .table)
    #expect(command.guests == 20 && command.seconds == 60)
  }

  @Test func missingDaemonIsNamedWithWhatToDo() throws {
    let run = try Run("bench wire --agents 1 --programs /nonexistent --json")
    #expect(run.exit == .refused)
    #expect(run.out.contains("/nonexistent/numafleet-coordinator") && run.out.contains("--programs"), "\(run.out)")
  }

  @Test func repliesOfTheReferenceAreHexadecimal() {
    #expect(ReferenceServer.bytes(hexadecimal: "00ff7a") == [0, 255, 122])
    #expect(ReferenceServer.bytes(hexadecimal: "") == [])
    #expect(ReferenceServer.bytes(hexadecimal: "0") == nil)
    #expect(ReferenceServer.bytes(hexadecimal: "zz") == nil)
  }

  @Test func everyHelloHasItsSequenceInEightBytesAtOnePlace() {
    let exchange = HelloExchange(boot: "boot")
    let place = exchange.sequenceOffset
    let sequence = exchange.hello[place..<place + 8]
    // The field's tag, seven bytes that go on, one that ends.
    #expect(exchange.hello[place - 1] == 7 << 3)
    #expect(sequence.dropLast().allSatisfy { $0 >= 128 } && exchange.hello[place + 7] < 128)
  }

  @Test func mediansAndRoundingAreAsPrinted() {
    #expect(median([3, 1, 2]) == 2)
    #expect(median([4, 1, 2, 3]) == 2.5)
    #expect(median([]) == 0)
    #expect(rounded(1.0625, digits: 3) == 1.063)
  }

  private static let daemonsAreHere = ["numafleet", "numafleet-coordinator"].allSatisfy { name in
    (try? Programs(folder: nil).path(name)) != nil
  }

  @Test(.enabled(if: daemonsAreHere, "the daemons are not built beside the tests"))
  func oneAgentIsAnsweredByBothServers() throws {
    let run = try Run("bench wire --agents 1 --rounds 2 --seconds 0.5 --json")
    #expect(run.exit == .done, "\(run.out)")
    let figures = try JSONDecoder().decode([String: Double].self, from: Data(run.out.utf8))
    #expect(
      figures.keys.sorted() == [
        "agents", "c_cpu_us_per_request", "c_p50_us", "c_p99_us", "c_requests_per_second", "cpu_us_per_request",
        "in_flight", "p50_ratio", "p50_us", "p99_us", "ratio", "requests_per_second", "rounds", "rss_alone_kib",
        "rss_kib", "rss_kib_per_agent", "rss_loaded_kib", "seconds",
      ])
    #expect(figures["agents"] == 1 && figures["rounds"] == 2)
    for key in ["requests_per_second", "p50_us", "c_requests_per_second", "c_p50_us", "ratio", "rss_kib"] {
      #expect(figures[key] ?? 0 > 0, "\(key)")
    }
    #expect(figures["p99_us"] ?? 0 >= figures["p50_us"] ?? 0)
  }

  @Test(.enabled(if: daemonsAreHere, "the daemons are not built beside the tests"))
  func aCoordinatorServesOnAFilledStore() throws {
    let run = try Run("bench start --hosts 2 --guests 2000 --events 10 --rounds 1 --json")
    #expect(run.exit == .done, "\(run.out)")
    let figures = try JSONDecoder().decode([String: Double].self, from: Data(run.out.utf8))
    #expect(
      figures.keys.sorted() == [
        "events", "guests", "hosts", "rounds", "rss_kib", "seconds", "seconds_min", "store_kib",
      ])
    #expect(figures["hosts"] == 2 && figures["guests"] == 2000 && figures["events"] == 10)
    for key in ["rss_kib", "seconds", "store_kib"] { #expect(figures[key] ?? 0 > 0, "\(key)") }
  }
}
