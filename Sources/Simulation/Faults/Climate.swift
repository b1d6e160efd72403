/// What one seed's fleet has to live with: how fast its programs are set to look, how bad its network is, and which
/// kinds of acts happen at all.
///
/// Each seed leaves some kinds out ("swarm testing", Groce et al., ISSTA 2012): a fault that always comes with all the
/// others hides what it does alone.
struct Climate: Sendable, Hashable {
  var heartbeatMilliseconds: Int
  var threadsMilliseconds: Int
  var watchMilliseconds: Int
  var residencyMilliseconds: Int
  var topologyMilliseconds: Int
  /// Messages lost, and messages sent twice, of a thousand.
  var lostPerMille: Int
  var doubledPerMille: Int
  /// Mean time on the way.
  var delayMilliseconds: Int
  /// Messages, of a thousand, that take a hundred times as long, so that later ones overtake them.
  var straggling: Int
  /// Agents of the previous release among a thousand.
  var previousVersionPerMille: Int
  /// Restarts of a coordinator, of a thousand, that agents are not told of by their transport.
  var silentRestartsPerMille: Int
  var livePages: Bool
  var hasRival: Bool
  /// Whether automation keeps room, for which it moves guests between hosts.
  var keepsRoom: Bool
  /// Kinds that happen, each as often as it is listed.
  var kinds: [Kind]

  var unreachableMilliseconds: Int { 3 * heartbeatMilliseconds }

  enum Kind: CaseIterable, Sendable, Hashable {
    case start, place, change, repair, drain, migrate, evacuate, forget, automate, cancel
    case repin, stop, restart, launch, arrive, leave, hotplug
    case offline, takeMemory, reboot, libvirtHang, libvirtDown, libvirtFault, kernelFault
    case crashAgent, stopAgent, crashCoordinator, stopCoordinator, rival, journalFull, journalLost, storeFull, wallJump
    case partition, clog

    /// What always happens: without jobs nothing could go wrong.
    static let work: [Kind] = [.start, .start, .start, .place, .place, .change, .change, .repair]
  }

  init(seed: UInt64) {
    var random = SeededRandom(seed: seed, stream: 1)
    // As fast as real fleets are set only now and then: what a fault meets is a job, not a heartbeat.
    let isFast = random.chance(perMille: 50)
    heartbeatMilliseconds = isFast ? 2000 : random.pick([60_000, 120_000, 120_000])
    threadsMilliseconds = isFast ? 5000 : random.pick([300_000, 600_000, 900_000])
    watchMilliseconds = isFast ? 2000 : random.pick([60_000, 120_000])
    residencyMilliseconds = threadsMilliseconds * random.pick([1, 4])
    topologyMilliseconds = threadsMilliseconds * 6
    lostPerMille = random.pick([0, 0, 10, 50, 200])
    doubledPerMille = random.pick([0, 10, 100, 300])
    delayMilliseconds = random.pick([1, 5, 40, 400])
    straggling = random.pick([0, 5, 50, 200])
    previousVersionPerMille = random.pick([0, 0, 0, 250])
    silentRestartsPerMille = random.pick([0, 0, 100, 500])
    livePages = random.chance(perMille: 700)
    hasRival = random.chance(perMille: 300)
    var kinds = Kind.work
    if hasRival { kinds += [.rival, .rival] }
    for kind in Kind.allCases where random.chance(perMille: 550) {
      if kind == .rival { continue }
      for _ in 0..<random.within(1...3) { kinds.append(kind) }
    }
    self.kinds = kinds
    keepsRoom = random.chance(perMille: 500)
  }
}
