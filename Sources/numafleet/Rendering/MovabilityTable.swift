import Fleet

/// `movability`: one line a guest, with what would make it movable.
struct MovabilityTable {
  let rows: [MovabilityRow]

  var text: String {
    var table = Table("HOST", "GUEST", "CLASS", "MOVES", "REASON", "TO MAKE IT MOVABLE")
    for row in rows {
      table.add(
        row.host.text, row.name, row.movability.class.rawValue, row.preparation.when.words, row.movability.reason,
        row.preparation.remedy)
    }
    return table.text(empty: "no guest is known")
  }
}

/// One guest of `movability`.
struct MovabilityRow: Encodable {
  let host: HostID
  let guest: GuestID
  let name: String
  let movability: Movability
  let preparation: Preparation

  init(_ placed: PlacedGuest, policy: Policy) {
    host = placed.host
    guest = placed.guest.id
    name = placed.guest.name
    movability = placed.guest.movability
    preparation = Preparation(of: placed.guest, policy: policy)
  }
}

extension Preparation.When {
  /// As a column has it.
  fileprivate var words: String {
    switch self {
    case .now: "now"
    case .nextStart: "next start"
    case .prepared: "if prepared"
    case .byHand: "by hand"
    case .never: "never"
    }
  }
}
