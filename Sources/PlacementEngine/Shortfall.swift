import Fleet
import NUMA

/// What a cell or a host must have; the order is the order in which they are checked and told.
enum Constraint: Int, CaseIterable, Sendable {
  case hostUnreachable, contradiction, draining, notListed, taint, label, groupOfHost, libvirtDown, noDevice
  case notAsked, memoryStays, groupOfCell, deviceElsewhere, noCPUs, noMemory
  case dedicated, wholeCores, shared, lone, capacity, freeNow, pages
  case cellsTogether, apart, together

  /// Whether it may pass when more guest cells of the guest come to the cell: one fills the core that another breaks,
  /// or a second floating vcpu joins the only one.
  var mayPass: Bool { self == .wholeCores || self == .lone }

  /// Whether it is about a whole host rather than one cell.
  var isOfHost: Bool { rawValue <= Constraint.noDevice.rawValue || rawValue >= Constraint.cellsTogether.rawValue }
}

/// One constraint that was not met, with its numbers; the text is made only when somebody reads it.
struct Shortfall: Sendable, Equatable {
  let constraint: Constraint
  let need: Int
  let has: Int
  var pageSize: PageSize = .base
  var detail = ""
  /// What all cells of a host lack where they do not suffice together, and how much of it, in words.
  var lacking: Constraint?
  var what = ""

  init(_ constraint: Constraint, need: Int = 0, has: Int = 0, pageSize: PageSize = .base, detail: String = "") {
    self.constraint = constraint
    self.need = need
    self.has = has
    self.pageSize = pageSize
    self.detail = detail
  }

  /// One clause, for example `needs 4 dedicated pcpus, has 2`.
  var text: String {
    switch constraint {
    case .hostUnreachable: "has not been heard of for \(has) s"
    case .contradiction: "reports a topology that contradicts itself: \(detail)"
    case .draining: "is draining: nothing new is placed there"
    case .notListed: "is not among the hosts that the shape names"
    case .taint: "has the taint \(detail), which the shape does not tolerate"
    case .label: "lacks the label \(detail)"
    case .groupOfHost, .groupOfCell: "is barred by \(detail)"
    case .libvirtDown: "has a libvirt that does not answer"
    case .noDevice: "has no device \(detail)"
    case .notAsked: "is not the cell that was asked for"
    case .memoryStays: "does not hold the guest cell's memory, which stays where it is: \(detail)"
    case .deviceElsewhere: "is not the cell of device \(detail)"
    case .noCPUs: "needs cpus, is a cell without cpus for guests"
    case .noMemory: "needs \(KiB(need)) of memory, is a cell without memory"
    case .dedicated: "needs \(need) dedicated pcpus, has \(has)"
    case .wholeCores: "needs \(need) \(detail), has \(has)"
    case .shared: "needs room for \(vcpus), has \(Amounts.decimal(milli: has)) \(detail)"
    case .lone: "would leave a floating vcpu alone on the last shared pcpu, as if that were its own"
    case .capacity: "needs \(KiB(need)) of memory, has \(KiB(has)) that is not promised to guests or reserved"
    case .freeNow: "needs \(KiB(need)) of free memory to copy into, has \(KiB(has))"
    case .pages: "needs \(KiB(need)) of \(pageSize) pages, has \(KiB(has)) free"
    case .cellsTogether where lacking != nil: "needs \(what) on \(need) cells at once, has that on \(has)"
    case .cellsTogether: "needs \(need) cells with room at once, has \(has)\(detail)"
    case .apart:
      "cannot keep the pages of its guest cells apart on the way: libnuma moves all that a guest has on a cell"
    case .together: "has room for each guest cell alone, not for all of them"
    }
  }

  private var vcpus: String { need == 1 ? "1 floating vcpu" : "\(need) floating vcpus" }

  /// What one host or cell, or several, lack: the clause of a count.
  func lack(plural: Bool) -> String {
    let lack = plural ? "lack" : "lacks"
    let are = plural ? "are" : "is"
    let have = plural ? "have" : "has"
    return switch constraint {
    case .hostUnreachable: "\(are) not heard of"
    case .contradiction: "\(plural ? "report" : "reports") a topology that contradicts itself"
    case .draining: "\(are) draining"
    case .notListed: "\(are) not among the hosts that the shape names"
    case .taint: "\(have) a taint that the shape does not tolerate (\(detail))"
    case .label: "\(lack) the label \(detail)"
    case .groupOfHost, .groupOfCell: "\(are) barred by \(detail)"
    case .libvirtDown: "\(have) a libvirt that does not answer"
    case .noDevice: "\(lack) device \(detail)"
    case .notAsked: "\(plural ? "were" : "was") not asked for"
    case .memoryStays: "\(plural ? "do" : "does") not hold the guest's memory, which stays"
    case .deviceElsewhere: "\(are) not near device \(detail)"
    case .noCPUs: "\(lack) cpus for guests"
    case .noMemory: "\(lack) memory"
    case .dedicated, .wholeCores, .shared, .capacity, .freeNow, .pages: "\(lack) \(wanted)"
    case .lone: "\(lack) a second shared pcpu, without which a lone floating vcpu would seem to own its own"
    case .cellsTogether where lacking != nil: "\(lack) \(what) on any \(need) cells at once"
    case .cellsTogether: "\(lack) \(need) cells with room at once"
    case .apart: "cannot keep the pages of the guest's cells apart on the way"
    case .together: "\(have) room for each guest cell alone, not for all"
    }
  }

  /// What was needed, where it is an amount.
  var wanted: String {
    switch constraint {
    case .dedicated: "\(need) dedicated pcpus"
    case .wholeCores: "\(need) \(detail)"
    case .shared: "room for \(vcpus)"
    case .capacity: "\(KiB(need)) of memory not promised to guests or reserved"
    case .freeNow: "\(KiB(need)) of free memory to copy into"
    case .pages: "\(KiB(need)) of \(pageSize) pages"
    case .noMemory: "memory"
    case .noCPUs: "cpus for guests"
    default: "room"
    }
  }

  /// Whether `has` says how near the miss was.
  var hasAmount: Bool {
    switch constraint {
    case .dedicated, .wholeCores, .shared, .capacity, .freeNow, .pages, .cellsTogether: true
    default: false
    }
  }

  /// The amount that was there, in the constraint's unit.
  var amount: String {
    switch constraint {
    case .capacity, .freeNow, .pages: "\(KiB(has))"
    case .shared: Amounts.decimal(milli: has)
    case .cellsTogether where lacking != nil: "that on \(has)"
    default: "\(has)"
    }
  }
}
