import Fleet
import NUMA

extension GuestState: WireEnumeration {
  var proto: ProtoGuestState {
    switch self {
    case .running: .running
    case .paused: .paused
    case .shutoff: .shutoff
    case .other: .other
    }
  }
}

extension MovabilityClass: WireEnumeration {
  var proto: ProtoMovabilityClass {
    switch self {
    case .liveMemory: .liveMemory
    case .livePages: .livePages
    case .cpuOnly: .cpuOnly
    case .migrateOnly: .migrateOnly
    case .fixed: .fixed
    }
  }
}

extension NUMAMode: WireEnumeration {
  var proto: ProtoNUMAMode {
    switch self {
    case .strict: .strict
    case .preferred: .preferred
    case .interleave: .interleave
    case .restrictive: .restrictive
    }
  }
}

extension CPUClass: WireEnumeration {
  var proto: ProtoCPUClass {
    switch self {
    case .dedicated: .dedicated
    case .floating: .floating
    case .mixed: .mixed
    }
  }
}

extension GroupRelation: WireEnumeration {
  var proto: ProtoGroupRelation {
    switch self {
    case .together: .together
    case .apart: .apart
    }
  }
}

extension GroupLevel: WireEnumeration {
  var proto: ProtoGroupLevel {
    switch self {
    case .cell: .cell
    case .host: .host
    case .rack: .rack
    case .zone: .zone
    }
  }
}

extension SMTPolicy: WireEnumeration {
  var proto: ProtoSMTPolicy {
    switch self {
    case .prefer: .prefer
    case .require: .require
    case .isolate: .isolate
    }
  }
}

extension PlanState: WireEnumeration {
  var proto: ProtoPlanState {
    switch self {
    case .proposed: .proposed
    case .applying: .applying
    case .done: .done
    case .failed: .failed
    }
  }
}

extension Scope: WireEnumeration {
  var proto: ProtoScope {
    switch self {
    case .live: .live
    case .config: .config
    case .both: .both
    }
  }
}

extension DriverChoice: WireEnumeration {
  var proto: ProtoDriverChoice {
    switch self {
    case .automatic: .automatic
    case .libvirt: .libvirt
    case .kernel: .kernel
    }
  }
}

extension Role: WireEnumeration {
  var proto: ProtoRole {
    switch self {
    case .agent: .agent
    case .viewer: .viewer
    case .operator: .operator
    case .admin: .admin
    }
  }
}

extension Liveness: WireEnumeration {
  var proto: ProtoLiveness {
    switch self {
    case .connected: .connected
    case .unreachable: .unreachable
    }
  }
}

extension Finding.Severity: WireEnumeration {
  var proto: ProtoFindingSeverity {
    switch self {
    case .info: .info
    case .warning: .warning
    case .error: .error
    }
  }
}

extension Finding.Kind: WireEnumeration {
  var proto: ProtoFindingKind {
    switch self {
    case .remoteMemory: .remoteMemory
    case .vcpusAcrossCells: .vcpusAcrossCells
    case .overlappingPins: .overlappingPins
    case .floating: .floating
    case .configDiffers: .configDiffers
    case .foreignBalancer: .foreignBalancer
    case .numaBalancing: .numaBalancing
    case .ksmAcrossNodes: .ksmAcrossNodes
    case .libvirtDown: .libvirtDown
    case .kernelDiffers: .kernelDiffers
    case .overcommittedCell: .overcommittedCell
    case .widerThanCell: .widerThanCell
    case .emulatorOnDedicated: .emulatorOnDedicated
    case .sharedSiblings: .sharedSiblings
    case .strictNearFull: .strictNearFull
    case .hugepagesShort: .hugepagesShort
    case .deviceElsewhere: .deviceElsewhere
    case .outsideParent: .outsideParent
    case .pinnedAcrossIsolated: .pinnedAcrossIsolated
    case .interruptsOnDedicated: .interruptsOnDedicated
    case .parentRestricted: .parentRestricted
    case .knownTrap: .knownTrap
    case .drifted: .drifted
    case .pressedCell: .pressedCell
    }
  }
}

extension JobState: WireEnumeration {
  var proto: ProtoJobState {
    switch self {
    case .waiting: .waiting
    case .sent: .sent
    case .running: .running
    case .verified: .verified
    case .refused: .refused
    case .diverged: .diverged
    }
  }
}
