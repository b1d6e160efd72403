import Fleet
import NUMA

/// Where the threads of a guest must be when its jobs have ended as the ledger says.
struct Expectation {
  /// What was wrong, in words; empty when all was as it must be.
  private(set) var complaints: [String] = []
  /// Guests whose threads are neither where they were nor where they should be.
  private(set) var halfPinned = 0

  /// Follows the jobs of one guest from where its threads were at first, and looks where they are.
  mutating func check(_ tenant: Tenant, begun initial: Pinning, jobs: [JobRecord]) {
    let own = jobs.filter { $0.job.guestName == tenant.name }.sorted { $0.job.generation < $1.job.generation }
    var pinning = initial
    for record in own {
      guard record.state.isFinal else {
        complaints.append("job \(record.job.id) of \(tenant.name) is \(record.state.rawValue)")
        continue
      }
      if record.state == .diverged { complaints.append("job \(record.job.id) of \(tenant.name) has diverged") }
      if record.state == .verified { pinning = pinning.overlaid(by: record.job.action.desired) }
    }
    let masks = tenant.masks
    guard !masks.areExactly(pinning) else { return }
    halfPinned += 1
    let ends = own.suffix(3).map { "\($0.job.id) \($0.state.rawValue)" }.joined(separator: ", ")
    complaints.append("\(tenant.name) has \(masks); its jobs say \(pinning.vcpus), \(pinning.emulator ?? []) (\(ends))")
  }

  /// Complains when a figure that must be 0 is not.
  mutating func expectNone(_ count: Int, _ what: String) {
    if count != 0 { complaints.append("\(count) \(what)") }
  }

  mutating func complain(_ text: String) { complaints.append(text) }
}

extension Pinning {
  /// This pinning with the CPUs of another where that names some.
  func overlaid(by other: Pinning) -> Pinning {
    var result = self
    for pin in other.vcpus {
      result.vcpus.removeAll { $0.vcpu == pin.vcpu }
      result.vcpus.append(pin)
    }
    result.vcpus.sort { $0.vcpu < $1.vcpu }
    result.emulator = other.emulator ?? emulator
    return result
  }

  /// All threads of a guest with so many vcpus on the same CPUs.
  static func all(vcpus: Int, on cpus: CPUSet) -> Pinning {
    Pinning(vcpus: (0..<vcpus).map { VCPUPin(vcpu: $0, cpuset: cpus) }, emulator: cpus)
  }
}

extension JobAction {
  var desired: Pinning {
    switch self {
    case .apply(let desired, _): desired
    case .start(_, _, let placement), .migrate(_, let placement, _): placement.pinning
    case .switchKSM: Pinning()
    }
  }
}
