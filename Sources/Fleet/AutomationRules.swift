public import NUMA

/// What automation may do once an operator has switched it on: `automation` of `cluster-config/policy.yaml`.
public struct AutomationRules: Sendable, Hashable, Codable {
  /// A host is looked at when nothing has changed on it for so long, 1...3600.
  public var settleSeconds: Int
  /// Every host is looked at that often although nothing changed, 1...10080.
  public var reviewMinutes: Int
  /// A guest that was moved is not moved again before, 0...10080; twice as long for each move that did not pay.
  public var residenceMinutes: Int
  /// A move that copies less of its guest's memory is not worth it, 0...100 percent; pins are moved for less.
  public var minimumGainPercent: Int
  /// Moves of one guest in 24 hours, 0...1000; pinning its emulator or iothreads alone is no move.
  public var movesPerGuest: Int
  /// What all moves may copy in a minute together; a single larger guest may go alone.
  public var copyPerMinute: KiB
  /// Hosts that are worked on at the same time, 1...1000.
  public var concurrentHosts: Int
  /// Where nothing needs mending, guests are moved between cells of their host when that brings together free blocks of
  /// so many CPUs, 1...1024; 0 for never.
  public var wideCPUs: Int
  /// Room that is kept in the whole fleet, the first before those after it: when there is less, guests are moved until
  /// there is.
  public var keepRoom: [KeptRoom]
  /// Guests that may be on their way between hosts at the same time for it, 0...100; 0 for moves within hosts only.
  public var concurrentMigrations: Int
  /// When nothing begins.
  public var quietHours: [QuietHours]
  /// Hosts and guests that automation leaves alone, by name or id; `*` stands for any characters.
  public var exceptHosts: [String]
  public var exceptGuests: [String]
  /// Whose placement it may change.
  public var manage: ManagedGuests

  public init(
    settleSeconds: Int = 10, reviewMinutes: Int = 60, residenceMinutes: Int = 30, minimumGainPercent: Int = 5,
    movesPerGuest: Int = 4, copyPerMinute: KiB = KiB(gib: 32), concurrentHosts: Int = 4, wideCPUs: Int = 0,
    keepRoom: [KeptRoom] = [], concurrentMigrations: Int = 0, quietHours: [QuietHours] = [], exceptHosts: [String] = [],
    exceptGuests: [String] = [],
    manage: ManagedGuests = .ours
  ) {
    self.settleSeconds = settleSeconds
    self.reviewMinutes = reviewMinutes
    self.residenceMinutes = residenceMinutes
    self.minimumGainPercent = minimumGainPercent
    self.movesPerGuest = movesPerGuest
    self.copyPerMinute = copyPerMinute
    self.concurrentHosts = concurrentHosts
    self.wideCPUs = wideCPUs
    self.keepRoom = keepRoom
    self.concurrentMigrations = concurrentMigrations
    self.quietHours = quietHours
    self.exceptHosts = exceptHosts
    self.exceptGuests = exceptGuests
    self.manage = manage
  }

  /// How long nothing begins from that moment on, in milliseconds; 0 outside of quiet hours.
  public func quietMilliseconds(from wallMilliseconds: Int) -> Int {
    quietHours.map { $0.millisecondsLeft(at: wallMilliseconds) }.max() ?? 0
  }
}

/// A part of each day in UTC; over midnight where it ends before it begins.
public struct QuietHours: Sendable, Hashable, Codable {
  /// Minutes since midnight, 0...1439.
  public var begins: Int
  /// Minutes since midnight, 0...1439; equal to `begins` for the whole day.
  public var ends: Int
  public init(begins: Int, ends: Int) {
    self.begins = begins
    self.ends = ends
  }

  /// Until its end, in milliseconds; 0 outside.
  func millisecondsLeft(at wallMilliseconds: Int) -> Int {
    let day = 86_400_000
    let now = ((wallMilliseconds % day) + day) % day
    let (first, last) = (begins * 60_000, ends * 60_000)
    if first == last { return day - (now - first + day) % day }
    let length = (last - first + day) % day
    let passed = (now - first + day) % day
    return passed < length ? length - passed : 0
  }
}
