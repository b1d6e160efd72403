extension WireLayout {
  /// What agents and coordinators say to each other, and the topology and guests in it.
  static let agentRows: [WireMessage: [Int: FieldLayout]] = [
    .envelope: [
      6: .text("boot"),
      16: .message("to_coordinator", .toCoordinator),
      17: .message("to_agent", .toAgent),
      18: .message("operator_request", .operatorRequest),
      19: .message("operator_reply", .operatorReply),
    ],
    .toCoordinator: [
      1: .message("hello", .hello),
      2: .message("report", .hostReport),
      3: .message("heartbeat", .scalars),
      4: .message("job_report", .jobReport),
      5: .message("refused", .messageRefused),
    ],
    .messageRefused: [
      1: .message("refusal", .refusal)
    ],
    .toAgent: [
      1: .message("welcome", .welcome),
      2: .message("job", .job),
      3: .message("job_acknowledged", .scalars),
      4: .message("send_report", .scalars),
      5: .message("refused", .refusal),
      6: .message("alive", .scalars),
      7: .message("look", .scalars),
      8: .message("cancel", .cancelJob),
    ],
    .cancelJob: [
      1: .message("job", .job)
    ],
    .hello: [
      1: .text("software_version"),
      4: .text("epoch_owner"),
    ],
    .welcome: [
      1: .text("host")
    ],
    .hostReport: [
      1: .message("facts", .hostFacts),
      3: .message("topology", .hostTopology),
      4: .message("cells", .cellState, atMost: 1_024),
      5: .message("guests", .guest, atMost: 4_096),
      7: .message("journal", .journalHead),
      8: .message("load", .hostLoad),
    ],
    .hostLoad: [
      4: .message("cells", .scalars, atMost: 1_024)
    ],
    .journalHead: [
      1: .message("generations", .guestMark, atMost: 4_096),
      2: .numbers("in_hand", atMost: 4_096),
      3: .numbers("unacknowledged", atMost: 4_096),
    ],
    .guestMark: [
      1: .text("guest")
    ],
    .cellState: [
      3: .message("pages", .scalars, atMost: 16)
    ],
    .hostFacts: [
      1: .text("kernel_version"),
      2: .text("libvirt_version"),
      3: .text("qemu_version"),
      4: .text("libvirt_uri"),
      7: .message("ksm", .scalars),
      8: .text("foreign_balancers", atMost: 1_024),
      9: .message("sources", .sourceNote, atMost: 1_024),
      10: .list("irqbalance_banned"),
      11: .message("guests_parent", .guestsParent),
      12: .text("migration_uri"),
    ],
    .guestsParent: [
      1: .text("cgroup"),
      2: .list("cpus"),
      3: .list("mems"),
    ],
    .sourceNote: [
      1: .text("part"),
      2: .text("source"),
    ],
    .job: [
      2: .text("host"),
      3: .text("guest"),
      4: .text("guest_name"),
      7: .message("incarnation", .scalars),
      8: .message("apply", .applyAction),
      9: .message("start", .startAction),
      13: .message("migrate", .migrateAction),
      14: .message("switch_ksm", .scalars),
    ],
    .applyAction: [
      1: .message("desired", .pinning),
      2: .message("expected", .pinning),
    ],
    .startAction: [
      1: .text("domain_xml", bytesMax: 262_144),
      2: .message("shape", .shape),
      3: .message("placement", .placement),
    ],
    .migrateAction: [
      1: .text("uri"),
      2: .message("placement", .placement),
      3: .message("expected", .pinning),
    ],
    .jobReport: [
      2: .text("guest"),
      4: .message("outcome", .jobOutcome),
      6: .message("steps", .stepRecord, atMost: 65_536),
      8: .message("observed", .guest),
    ],
    .jobOutcome: [
      1: .message("running", .runningOutcome),
      2: .message("verified", .scalars),
      3: .message("refused", .refusal),
      4: .message("diverged", .refusal),
    ],
    .runningOutcome: [
      1: .text("detail")
    ],
    .stepRecord: [
      1: .text("name"),
      3: .text("detail"),
    ],
    .hostTopology: [
      1: .message("cells", .cell, atMost: 1_024),
      2: .message("pcpus", .pcpu, atMost: 8_192),
      3: .message("distances", .distanceMatrix),
      4: .message("l3_groups", .l3Group, atMost: 8_192),
      5: .message("devices", .pciDevice, atMost: 8_192),
      6: .list("offline"),
      7: .list("isolated"),
      8: .list("nohz_full"),
      9: .list("allowed"),
    ],
    .cell: [
      4: .message("pages", .scalars, atMost: 16),
      5: .list("cpus"),
    ],
    .pcpu: [
      6: .list("siblings")
    ],
    .distanceMatrix: [
      1: .numbers("ids", atMost: 1_024),
      2: .numbers("values", atMost: 1_048_576),
    ],
    .l3Group: [
      3: .list("cpus")
    ],
    .pciDevice: [
      1: .text("address"),
      2: .text("class_id"),
      3: .text("vendor"),
      4: .text("device"),
      5: .text("driver"),
    ],
    .guest: [
      1: .text("id"),
      2: .text("name"),
      3: .text("domain_type"),
      4: .text("process_rule"),
      6: .message("incarnation", .scalars),
      9: .list("vcpus_online"),
      12: .message("guest_cells", .guestCell, atMost: 1_024),
      13: .message("live", .pinning),
      14: .message("config", .pinning),
      15: .list("default_cpuset"),
      16: .numbers("iothreads", atMost: 4_096),
      17: .message("threads", .guestThread, atMost: 65_536),
      18: .message("regions", .memoryRegion, atMost: 16_384),
      19: .message("residency", .scalars, atMost: 8_192),
      20: .text("vfio", atMost: 1_024),
      22: .message("movability", .movability),
    ],
    .guestCell: [
      2: .list("vcpus"),
      4: .message("distances", .scalars, atMost: 1_024),
    ],
    .guestThread: [
      4: .text("name"),
      5: .list("cpus_allowed"),
      6: .list("mems_allowed"),
    ],
    .memoryRegion: [
      4: .text("policy"),
      5: .message("residency", .scalars, atMost: 8_192),
    ],
    .movability: [
      2: .text("reason"),
      3: .text("stays_because"),
    ],
    .pinning: [
      1: .message("vcpus", .vcpuPin, atMost: 4_096),
      2: .list("emulator"),
      3: .message("iothreads", .ioThreadPin, atMost: 4_096),
      4: .message("numatune", .numaTune),
      5: .message("cputune", .scalars),
      6: .message("memory", .scalars, atMost: 1_024),
    ],
    .vcpuPin: [
      2: .list("cpuset")
    ],
    .ioThreadPin: [
      2: .list("cpuset")
    ],
    .numaTune: [
      2: .list("nodeset"),
      4: .message("memnodes", .memNode, atMost: 1_024),
    ],
    .memNode: [
      3: .list("nodeset")
    ],
  ]
}
