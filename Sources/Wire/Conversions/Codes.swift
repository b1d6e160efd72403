import Fleet

extension Refusal.Code: WireEnumeration {
  var proto: ProtoRefusalCode {
    switch self {
    case .unknownHost: .unknownHost
    case .unknownGuest: .unknownGuest
    case .ambiguousGuest: .ambiguousGuest
    case .unknownCell: .unknownCell
    case .unknownPlan: .unknownPlan
    case .unknownJob: .unknownJob
    case .unknownKey: .unknownKey
    case .malformed: .malformed
    case .cpuOutsideHost: .cpuOutsideHost
    case .cpuOutsideParent: .cpuOutsideParent
    case .cpuOffline: .cpuOffline
    case .emptyCPUSet: .emptyCpuset
    case .notRunning: .notRunning
    case .guestGone: .guestGone
    case .incarnationChanged: .incarnationChanged
    case .stalePlan: .stalePlan
    case .staleGeneration: .staleGeneration
    case .staleEpoch: .staleEpoch
    case .busy: .busy
    case .notMovable: .notMovable
    case .livePagesOff: .livePagesOff
    case .modeUnchangeable: .modeUnchangeable
    case .noPages: .noPages
    case .noRoom: .noRoom
    case .overlap: .overlap
    case .libvirtDown: .libvirtDown
    case .libvirtTimeout: .libvirtTimeout
    case .libvirtRefused: .libvirtRefused
    case .kernelRefused: .kernelRefused
    case .notPersistent: .notPersistent
    case .unsupported: .unsupported
    case .hostUnreachable: .hostUnreachable
    case .protocolVersion: .protocolVersion
    case .notPermitted: .notPermitted
    case .storeUnavailable: .storeUnavailable
    case .duplicate: .duplicate
    case .diverged: .diverged
    case .rolledBack: .rolledBack
    case .cancelled: .cancelled
    }
  }
}

extension FleetEvent.Kind: WireEnumeration {
  var proto: ProtoEventKind {
    switch self {
    case .coordinatorStarted: .coordinatorStarted
    case .hostConnected: .hostConnected
    case .hostUnreachable: .hostUnreachable
    case .topologyChanged: .topologyChanged
    case .guestAppeared: .guestAppeared
    case .guestVanished: .guestVanished
    case .guestChanged: .guestChanged
    case .commandAccepted: .commandAccepted
    case .commandRefused: .commandRefused
    case .planCommitted: .planCommitted
    case .planEnded: .planEnded
    case .jobSent: .jobSent
    case .jobVerified: .jobVerified
    case .jobRefused: .jobRefused
    case .jobDiverged: .jobDiverged
    case .keyAuthorized: .keyAuthorized
    case .keyRevoked: .keyRevoked
    case .policyReloaded: .policyReloaded
    case .messageRefused: .messageRefused
    case .hostDraining: .hostDraining
    case .hostResumed: .hostResumed
    case .storeRecovered: .storeRecovered
    case .hostForgotten: .hostForgotten
    case .eventsForgotten: .eventsForgotten
    case .findingAppeared: .findingAppeared
    case .findingEnded: .findingEnded
    case .automationChanged: .automationChanged
    case .automationWouldMove: .automationWouldMove
    case .moveMeasured: .moveMeasured
    case .jobCancelled: .jobCancelled
    case .guestAdopted: .guestAdopted
    }
  }
}
