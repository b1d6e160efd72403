extension WireLayout {
  /// Shapes, placements, plans, and what operators ask and are answered.
  static let operatorRows: [WireMessage: [Int: FieldLayout]] = [
    .shape: [
      1: .text("name"),
      2: .message("guest_cells", .scalars, atMost: 1_024),
      7: .text("near", atMost: 1_024),
      10: .text("hosts", atMost: 65_536),
      11: .text("labels", atMost: 1_024),
      12: .text("tolerates", atMost: 1_024),
    ],
    .placement: [
      1: .text("host"),
      2: .message("cells", .scalars, atMost: 1_024),
      3: .message("pinning", .pinning),
      4: .list("dedicated"),
      6: .message("terms", .scoreTerm, atMost: 64),
    ],
    .scoreTerm: [
      1: .text("name"),
      3: .text("detail"),
    ],
    .decision: [
      1: .message("placement", .placement),
      2: .message("refusal", .refusal),
      3: .message("explanation", .explanation),
    ],
    .explanation: [
      1: .message("chosen", .cellNote, atMost: 65_536),
      2: .message("refused", .cellNote, atMost: 65_536),
      3: .text("counts", atMost: 65_536),
      4: .message("movability", .movability),
    ],
    .cellNote: [
      1: .text("host"),
      4: .text("text"),
    ],
    .plan: [
      3: .text("purpose"),
      5: .message("waves", .wave, atMost: 65_536),
      6: .message("unmoved", .unmovedGuest, atMost: 65_536),
    ],
    .wave: [
      1: .message("moves", .move, atMost: 65_536)
    ],
    .move: [
      1: .text("guest"),
      2: .text("guest_name"),
      3: .text("host"),
      4: .message("incarnation", .scalars),
      5: .message("from", .scalars, atMost: 1_024),
      6: .message("placement", .placement),
      7: .message("expected", .pinning),
      8: .message("movability", .movability),
      10: .text("reason"),
      11: .message("explanation", .explanation),
      12: .message("gain", .scoreTerm, atMost: 64),
      14: .message("relief", .scalars),
    ],
    .unmovedGuest: [
      1: .text("guest"),
      2: .text("guest_name"),
      3: .text("host"),
      4: .text("reason"),
    ],
    .cellList: [
      1: .numbers("cells", atMost: 1_024)
    ],
    .planRequest: [
      1: .message("repair", .repairRequest),
      2: .message("place", .placeRequest),
      10: .message("migrate", .migrateRequest),
      11: .message("drain", .drainRequest),
      12: .message("rebalance", .rebalanceRequest),
      13: .message("fit", .fitRequest),
      14: .message("keep_room", .scalars),
    ],
    .migrateRequest: [
      1: .text("guest"),
      2: .text("from"),
      3: .text("to"),
      4: .message("cells", .cellList),
    ],
    .drainRequest: [
      1: .text("host")
    ],
    .rebalanceRequest: [
      1: .text("host")
    ],
    .fitRequest: [
      1: .message("shape", .shape)
    ],
    .repairRequest: [
      1: .text("host")
    ],
    .placeRequest: [
      1: .text("guest"),
      2: .text("host"),
      3: .message("cells", .cellList),
    ],
    .operatorRequest: [
      1: .message("hosts", .scalars),
      2: .message("host", .hostQuery),
      3: .message("guests", .hostFilter),
      4: .message("guest", .guestQuery),
      5: .message("findings", .hostFilter),
      6: .message("place_guest", .placeGuest),
      7: .message("place_shape", .placeShape),
      8: .message("start", .startGuest),
      9: .message("change", .manualChange),
      10: .message("make_plan", .planRequest),
      11: .message("plans", .scalars),
      12: .message("plan", .scalars),
      13: .message("apply_plan", .scalars),
      14: .message("jobs", .scalars),
      15: .message("job", .scalars),
      16: .message("events", .scalars),
      17: .message("keys", .scalars),
      18: .message("authorize_key", .authorizedKey),
      19: .message("revoke_key", .revokeKey),
      20: .message("policy", .scalars),
      21: .message("status", .scalars),
      22: .message("capacity", .capacityQuery),
      23: .message("place_shapes", .placeShapes),
      24: .message("drain", .drainHost),
      25: .message("forget_host", .forgetHost),
      26: .message("automate", .scalars),
      27: .message("automation", .scalars),
      28: .message("switch_ksm", .switchKSM),
      29: .message("cancel", .scalars),
      31: .message("adopt", .adopt),
    ],
    .operatorReply: [
      1: .message("hosts", .hostList),
      2: .message("host", .hostView),
      3: .message("guests", .guestList),
      4: .message("guest", .placedGuest),
      5: .message("findings", .findingList),
      6: .message("decision", .decision),
      7: .message("plans", .planList),
      8: .message("plan", .plan),
      9: .message("jobs", .jobList),
      10: .message("events", .eventList),
      11: .message("keys", .keyList),
      12: .message("policy", .policy),
      13: .message("status", .coordinatorStatus),
      14: .message("accepted", .accepted),
      15: .message("refused", .refusal),
      16: .message("capacity", .capacity),
      17: .message("decisions", .decisionList),
      18: .message("automation", .automationStatus),
    ],
    .adopt: [
      1: .text("guest"),
      2: .text("host"),
    ],
    .wish: [
      1: .text("guest"),
      2: .text("host"),
      3: .message("incarnation", .scalars),
      4: .message("pinning", .pinning),
      6: .text("adopted"),
    ],
    .guestDrift: [
      1: .text("guest")
    ],
    .drainHost: [
      1: .text("host")
    ],
    .forgetHost: [
      1: .text("host")
    ],
    .switchKSM: [
      1: .text("host")
    ],
    .capacityQuery: [
      1: .message("shape", .shape),
      3: .message("after", .planRequest),
    ],
    .placeShapes: [
      1: .message("shapes", .shape, atMost: 1_024)
    ],
    .capacity: [
      3: .message("hosts", .hostCapacity, atMost: 65_536),
      4: .text("counts", atMost: 1_024),
      5: .message("after", .capacityAfter),
    ],
    .capacityAfter: [
      1: .text("purpose")
    ],
    .hostCapacity: [
      1: .text("host")
    ],
    .decisionList: [
      1: .message("decisions", .decision, atMost: 1_024)
    ],
    .hostQuery: [
      1: .text("host")
    ],
    .hostFilter: [
      1: .text("host")
    ],
    .guestQuery: [
      1: .text("guest")
    ],
    .revokeKey: [
      1: .text("public_key")
    ],
    .placeGuest: [
      1: .text("guest"),
      2: .message("cells", .cellList),
      7: .text("to"),
    ],
    .placeShape: [
      1: .message("shape", .shape)
    ],
    .startGuest: [
      1: .text("guest"),
      2: .message("shape", .shape),
      3: .text("domain_xml", bytesMax: 262_144),
      5: .text("guest_name"),
    ],
    .manualChange: [
      1: .text("guest"),
      2: .message("desired", .pinning),
    ],
    .authorizedKey: [
      1: .text("public_key"),
      2: .text("owner"),
    ],
    .hostList: [
      1: .message("hosts", .hostView, atMost: 1_048_576)
    ],
    .guestList: [
      1: .message("guests", .placedGuest, atMost: 1_048_576)
    ],
    .findingList: [
      1: .message("findings", .finding, atMost: 1_048_576)
    ],
    .planList: [
      1: .message("plans", .plan, atMost: 1_048_576)
    ],
    .jobList: [
      1: .message("jobs", .jobRecord, atMost: 1_048_576)
    ],
    .eventList: [
      1: .message("events", .fleetEvent, atMost: 1_048_576)
    ],
    .keyList: [
      1: .message("keys", .authorizedKey, atMost: 1_048_576)
    ],
    .hostView: [
      1: .text("id"),
      3: .message("facts", .hostFacts),
      4: .message("topology", .hostTopology),
      5: .message("guests", .guest, atMost: 4_096),
      6: .message("claims", .claim, atMost: 65_536),
      13: .message("load", .hostLoad),
      31: .message("wishes", .wish, atMost: 4_096),
    ],
    .claim: [
      2: .text("host"),
      3: .text("guest"),
      4: .list("dedicated"),
      5: .message("memory", .scalars, atMost: 16_384),
      6: .text("guest_name"),
      7: .message("floating", .scalars, atMost: 16_384),
    ],
    .placedGuest: [
      1: .text("host"),
      2: .message("guest", .guest),
      31: .message("wish", .wish),
    ],
    .finding: [
      3: .text("host"),
      4: .text("guest"),
      5: .text("guest_name"),
      6: .text("evidence"),
      7: .text("remedy"),
    ],
    .jobRecord: [
      1: .message("job", .job),
      4: .message("report", .jobReport),
    ],
    .fleetEvent: [
      4: .text("host"),
      5: .text("guest"),
      7: .text("actor"),
      8: .text("text"),
    ],
    .policy: [
      1: .message("reserve", .scalars),
      4: .message("weights", .scalars),
      5: .text("live_pages", atMost: 65_536),
      7: .message("driver_by_host", .hostDriver, atMost: 65_536),
      10: .message("hosts", .hostRules, atMost: 65_536),
      11: .message("groups", .guestGroup, atMost: 65_536),
      12: .message("automation", .automationRules),
      13: .message("pressure", .scalars),
      31: .message("drift_by_guest", .guestDrift, atMost: 65_536),
    ],
    .automationRules: [
      8: .message("quiet_hours", .scalars, atMost: 1_024),
      9: .text("except_hosts", atMost: 65_536),
      10: .text("except_guests", atMost: 65_536),
      13: .message("keep_room", .keptRoom, atMost: 64),
    ],
    .keptRoom: [
      1: .message("shape", .shape)
    ],
    .keptRoomStatus: [
      1: .text("name")
    ],
    .automationStatus: [
      1: .message("state", .automationState),
      6: .message("held", .unmovedGuest, atMost: 1_024),
      7: .message("moves", .moveRecord, atMost: 1_024),
      8: .message("rooms", .keptRoomStatus, atMost: 64),
    ],
    .automationState: [
      4: .text("actor"),
      5: .numbers("plans", atMost: 65_536),
    ],
    .moveRecord: [
      2: .text("guest"),
      3: .text("guest_name"),
      4: .text("host"),
      5: .message("from", .cellList),
      6: .message("to", .cellList),
      8: .text("actor"),
      11: .text("from_host"),
      12: .message("relief", .scalars),
    ],
    .hostRules: [
      1: .text("host"),
      2: .text("rack"),
      3: .text("zone"),
      4: .text("labels", atMost: 1_024),
      5: .text("taints", atMost: 1_024),
    ],
    .guestGroup: [
      1: .text("name"),
      4: .text("members", atMost: 65_536),
      5: .message("domains", .faultDomain, atMost: 1_024),
    ],
    .faultDomain: [
      1: .text("members", atMost: 65_536)
    ],
    .hostDriver: [
      1: .text("host")
    ],
    .coordinatorStatus: [
      1: .text("software_version"),
      8: .message("store_outage", .storeOutage),
    ],
    .storeOutage: [
      1: .message("refusal", .refusal)
    ],
    .accepted: [
      2: .numbers("jobs", atMost: 65_536),
      3: .text("text"),
    ],
    .refusal: [
      2: .text("message"),
      3: .text("remedy"),
    ],
  ]
}
