import CoordinatorCore
import Fleet

/// What a store would have kept of the writes of earlier terms.
struct Durable {
  private(set) var restored = Restored(epoch: 1)

  mutating func commit(_ writes: [Write]) {
    for write in writes { commit(write) }
  }

  /// The start of the next term.
  mutating func beginTerm() -> Restored {
    restored.epoch = restored.epoch.next
    return restored
  }

  private mutating func commit(_ write: Write) {
    switch write {
    case .event(let event): restored.lastEvent = event.sequence
    case .plan(let plan):
      restored.plans.removeAll { $0.id == plan.id }
      restored.plans.append(plan)
      restored.plans.sort { $0.id < $1.id }
      restored.lastPlan = max(restored.lastPlan, plan.id)
    case .job(let record):
      restored.jobs.removeAll { $0.job.id == record.job.id }
      restored.jobs.append(record)
      restored.jobs.sort { $0.job.id < $1.job.id }
      restored.lastJob = max(restored.lastJob, record.job.id)
    case .claim(let claim): restored.claims.append(claim)
    case .releaseClaim(let job): restored.claims.removeAll { $0.job == job }
    case .generation(let guest, let generation):
      restored.generations.removeAll { $0.guest == guest }
      restored.generations.append(GuestGeneration(guest: guest, generation: generation))
      restored.generations.sort { $0.guest < $1.guest }
    case .key(let key):
      restored.keys.removeAll { $0.publicKey == key.publicKey }
      restored.keys.append(key)
    case .policy(let revision): restored.policy = revision
    case .automation(let state): restored.automation = state
    case .moved(let move):
      restored.moves.removeAll { $0.job == move.job }
      restored.moves = (restored.moves + [move]).sorted { $0.job < $1.job }
    case .draining(let host, let isDraining):
      restored.draining.removeAll { $0 == host }
      if isDraining { restored.draining = (restored.draining + [host]).sorted() }
    case .topology(let record): restored.topologies.append(record)
    case .host(let record):
      restored.hosts.removeAll { $0.id == record.id }
      restored.hosts = (restored.hosts + [record]).sorted { $0.id < $1.id }
      dropTopologies()
    case .sighting(let seen):
      restored.sightings.removeAll { $0.host == seen.host && $0.guest == seen.guest }
      restored.sightings = (restored.sightings + [seen]).sorted { ($0.host, $0.guest) < ($1.host, $1.guest) }
    case .vanished(let guest, let host): restored.sightings.removeAll { $0.host == host && $0.guest == guest }
    case .wish(let wish):
      restored.wishes.removeAll { $0.host == wish.host && $0.guest == wish.guest }
      restored.wishes = (restored.wishes + [wish]).sorted { ($0.host, $0.guest) < ($1.host, $1.guest) }
    case .forgottenWish(let guest, let host): restored.wishes.removeAll { $0.host == host && $0.guest == guest }
    case .forgottenHost(let host):
      restored.wishes.removeAll { $0.host == host }
      restored.hosts.removeAll { $0.id == host }
      restored.sightings.removeAll { $0.host == host }
      dropTopologies()
    case .forgottenEvents(let last): restored.eventFloor = last
    case .command(let record): restored.commands = (restored.commands + [record]).suffix(CommandRecord.keptMax)
    }
  }

  private mutating func dropTopologies() {
    let used = restored.hosts.compactMap(\.topology)
    restored.topologies.removeAll { !used.contains($0.hash) }
  }
}
