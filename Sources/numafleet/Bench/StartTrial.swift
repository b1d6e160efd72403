import Glibc

/// `numafleet bench start`: how long a coordinator takes to serve on the store of a large fleet.
struct StartTrial {
  let contents: StoreContents
  let rounds: Int
  let programs: String?

  func run(_ console: Console) throws(CommandFailure) -> StartFigures {
    let programs = try Programs(folder: programs)
    let folder = try TrialFolder()
    let store = folder.file("coordinator.sqlite")
    console.note("filling a store")
    try contents.fill(store)
    var size = stat()
    stat(store, &size)
    var served: [Int] = []
    var rss = 0
    for round in 1...rounds {
      console.note("start \(round) of \(rounds)")
      let began = monotonicMilliseconds()
      let coordinator = try TrialCoordinator(programs, in: folder, hostsMax: contents.hosts)
      served.append(monotonicMilliseconds() - began)
      rss = try ProcessUse(pid: coordinator.process.pid).residentKiB()
      coordinator.process.stop()
    }
    served.sort()
    return StartFigures(
      hosts: contents.hosts, guests: contents.guests, events: contents.events, storeKiB: Int(size.st_size) / 1024,
      rounds: rounds, seconds: rounded(Double(served[rounds / 2]) / 1000, digits: 2),
      secondsMin: rounded(Double(served[0]) / 1000, digits: 2), rssKiB: rss)
  }
}

/// What `numafleet bench start` prints.
struct StartFigures: Encodable {
  let hosts: Int
  let guests: Int
  let events: Int
  let storeKiB: Int
  let rounds: Int
  /// From the start of the process to its first answer; the median.
  let seconds: Double
  let secondsMin: Double
  let rssKiB: Int

  enum CodingKeys: String, CodingKey {
    case hosts, guests, events, storeKiB = "store_kib", rounds, seconds, secondsMin = "seconds_min", rssKiB = "rss_kib"
  }

  /// For people.
  var text: String {
    var table = Table(">HOSTS", ">GUESTS", ">EVENTS", ">STORE KIB", ">SECONDS", ">FASTEST", ">RSS KIB")
    table.add("\(hosts)", "\(guests)", "\(events)", "\(storeKiB)", "\(seconds)", "\(secondsMin)", "\(rssKiB)")
    return table.text(empty: "")
  }
}
