/// Calls that have something better here.
enum CallRules {
  static let all = traps + clocks + [sleep, printing]

  /// What stops the process without `invariant`, whose message stays in release builds.
  static let traps = [
    ban(["try", "!"], "handle the error, or throw it"),
    ban(["as", "!"], "use as? and say what happens otherwise"),
    ban(["fatalError", "("], "use invariant(_:_:)", except: ["Sources/NUMA/Invariant.swift"]),
    ban(["preconditionFailure", "("], "use invariant(_:_:), whose message stays in release builds"),
    ban(["precondition", "("], "use invariant(_:_:), whose message stays in release builds"),
    ban(["assert", "("], "use invariant(_:_:), which stays in release builds"),
    ban(["assertionFailure", "("], "use invariant(_:_:), which stays in release builds"),
  ]

  /// What makes two runs of the same input differ.
  static let clocks = [
    ban(["Date", "(", ")"], "take the time from the loop", in: Modules.pure),
    ban([".", "random"], "take the seed from the input", in: Modules.pure),
    ban(["SystemRandomNumberGenerator"], "take the seed from the input", in: Modules.pure),
    ban(["UUID", "(", ")"], "ids come from the input or the store", in: Modules.pure),
    ban([".", "shuffled"], "sort; ties are broken by id", in: Modules.pure),
    ban(["ContinuousClock"], "take the time from the loop", in: Modules.pure),
    ban(["SuspendingClock"], "take the time from the loop", in: Modules.pure),
    ban(["Hasher", "("], "use ContentHash, which is the same in every process", in: Modules.pure),
    ban([".", "hashValue"], "use ContentHash, which is the same in every process", in: Modules.pure),
  ]

  /// Where a wait for a time is the purpose: a foreign thread that cannot be waited for, and a workload's idleness.
  static let sleepers = ["Sources/LibvirtDriver/OSThread.swift", "Sources/numa-workload/Workload.swift"]

  /// A wait for a time is a race; tests wait for what they need, and loops for the next deadline.
  static let sleep = Rule(
    name: "no sleep",
    bad: [
      .init("Sources/Fleet/A.swift", "try await Task.sleep(for: .seconds(1))"),
      .init("Tests/FleetTests/A.swift", "usleep(10)"),
      .init("Tests/FleetTests/A.swift", "Thread.sleep(forTimeInterval: 1)"),
    ],
    good: [.init("Tests/FleetTests/A.swift", "let sleep = 3 // Task.sleep\nlet text = \"usleep(1)\"")]
      + sleepers.map { .init($0, "usleep(1)") }
  ) { file in
    if sleepers.contains(file.path) { return [] }
    let spellings = [
      ["Task", ".", "sleep"], ["Thread", ".", "sleep"], ["usleep", "("], ["nanosleep", "("], ["sleep", "("],
    ]
    return spellings.flatMap { spelling in
      file.places(of: spelling).compactMap { place in
        let isMember = place > 0 && file.tokens[place - 1].text == "."
        return isMember ? nil : (file.tokens[place].line, "wait for the event or the deadline, not for a time")
      }
    }
  }

  /// A library has no standard output of its own.
  static let printing = Rule(
    name: "no print in libraries",
    bad: [.init("Sources/Fleet/A.swift", "print(guest)"), .init("Sources/Store/A.swift", "debugPrint(1)")],
    good: [.init("Sources/numafleet/A.swift", "print(table)"), .init("Sources/Fleet/A.swift", "text.print(to: a)")]
  ) { file in
    guard file.isSource, !Modules.executables.contains(file.module) else { return [] }
    return ["print", "debugPrint", "dump"].flatMap { call in
      file.places(of: [call, "("]).compactMap { place in
        let before = place > 0 ? file.tokens[place - 1].text : ""
        return before == "." || before == "func" ? nil : (file.tokens[place].line, "return the text, or log it")
      }
    }
  }

  /// A rule against one spelling in Sources, or in some of its modules.
  private static func ban(
    _ spelling: [String], _ instead: String, in modules: [String]? = nil, except: [String] = []
  ) -> Rule {
    let text = spelling.joined()
    let module = modules?.first ?? "Store"
    return Rule(
      name: "no \(text)",
      bad: [.init("Sources/\(module)/A.swift", "func a() {\n  let b = c + \(text)\n}")],
      good: [
        .init("Sources/\(module)/A.swift", "// \(text)\nlet b = \"\(text)\""),
        .init("Sources/\(module)/A.swift", "if try !a() { b as? !c }"),
        .init("Tests/FleetTests/A.swift", text),
      ] + except.map { .init($0, text) } + (modules == nil ? [] : [.init("Sources/numafleet-agent/A.swift", text)])
    ) { file in
      guard file.isSource, !except.contains(file.path), modules?.contains(file.module) ?? true else { return [] }
      return file.places(of: spelling).map { (file.tokens[$0].line, instead) }
    }
  }
}
