import CoordinatorCore
import Fleet
import NUMA
import PlacementEngine

/// A fleet on the eve of a day, and all that will happen to it by itself: the same for every day that begins from it.
///
/// It was not numafleet that filled it, unless the settings say so: each guest went to some host that had room.
public struct DayEve: Sendable {
  public let settings: DaySettings
  let fleet: DayFleet
  let events: [DayEvent]
  /// By number of those that arrive.
  let arrivals: [Arrival]
  /// Guests of the beginning, who have the numbers below.
  let residents: Int

  struct Arrival: Sendable {
    var shape: Int
    var isFixed: Bool
    /// Nil for one that stays.
    var milliseconds: Int?
  }

  /// How often each resident was replaced before the day.
  private static let turnovers = 2
  /// Of a thousand guests, those that nothing moves.
  private static let fixedPerMille = 50

  public init(_ settings: DaySettings) {
    self.settings = settings
    var random = SeededRandom(seed: settings.seed, stream: 71)
    fleet = Self.aged(settings, &random)
    residents = fleet.guests.count
    var events: [DayEvent] = []
    for number in fleet.present.sorted() {
      guard let stay = DayLife.resident(&random) else { continue }
      events.append(DayEvent(at: stay, order: events.count, .departure(number)))
    }
    let day = settings.milliseconds
    let count = fleet.present.count * DayLife.arrivalsPerMille * settings.hours / 24_000
    var arrivals: [Arrival] = []
    for time in (0..<count).map({ _ in random.below(day) }).sorted() {
      events.append(DayEvent(at: time, order: events.count, .arrival(residents + arrivals.count)))
      arrivals.append(
        Arrival(
          shape: DayShape.drawn(&random), isFixed: random.chance(perMille: Self.fixedPerMille),
          milliseconds: DayLife.arrival(&random)))
    }
    let present = fleet.present.sorted()
    for _ in 0..<fleet.present.count * settings.handPerMille * settings.hours / 24_000 {
      events.append(DayEvent(at: random.below(day), order: events.count, .hand(random.pick(present))))
    }
    for hour in 0..<settings.hours {
      events.append(DayEvent(at: hour * 3_600_000, order: events.count, .sample))
    }
    self.arrivals = arrivals
    self.events = events.filter { $0.at < day }
  }

  /// Filled, and each guest replaced by another some times, as months do it.
  private static func aged(_ settings: DaySettings, _ random: inout SeededRandom) -> DayFleet {
    var fleet = DayFleet(hosts: settings.hosts, policy: settings.policy)
    let wanted = settings.hosts * DayHost.cpus * settings.fillPercent / 100
    var number = 0
    func fill(_ fleet: inout DayFleet) {
      // Who fits nowhere goes elsewhere, and another comes; a full fleet ends it.
      var refused = 0
      while fleet.cpusUsed < wanted, refused < 1000 {
        let shape = DayShape.drawn(&random)
        let host = settings.isFilledByChance ? random.below(settings.hosts) : nil
        if fleet.admit(number, shape: shape, isFixed: random.chance(perMille: fixedPerMille), on: host, at: -1) {
          number += 1
          refused = 0
        } else {
          refused += 1
        }
      }
    }
    fill(&fleet)
    for _ in 0..<fleet.present.count * turnovers {
      _ = fleet.dismiss(fleet.present[random.below(fleet.present.count)], at: -1)
      fill(&fleet)
    }
    return fleet
  }
}

/// Something that happens at a moment; of equal moments the lower order comes first.
struct DayEvent: Sendable, Comparable {
  enum Kind: Sendable {
    case arrival(Int), departure(Int), hand(Int), sample
    /// The coordinator wants to be woken.
    case tick
    /// A plan that it asked for is made.
    case planned(Plan, Coordinator.Token)
    /// What a job of a guest was to do is done.
    case jobEnd(Int, JobID)
  }

  let at: Int
  let order: Int
  let kind: Kind

  init(at: Int, order: Int, _ kind: Kind) {
    self.at = at
    self.order = order
    self.kind = kind
  }

  static func < (a: Self, b: Self) -> Bool { (a.at, a.order) < (b.at, b.order) }
  static func == (a: Self, b: Self) -> Bool { (a.at, a.order) == (b.at, b.order) }
}
