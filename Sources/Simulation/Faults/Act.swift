/// One thing that somebody or something does to a simulated fleet, besides the programs that are tried.
///
/// Numbers named `pick` choose among what is there at that moment, so that an act keeps its meaning when others are
/// taken out of a schedule.
public enum Act: Sendable, Hashable {
  // What operators ask of the coordinator.
  case start(pick: Int)
  case place(pick: Int)
  case change(pick: Int)
  case repair(pick: Int)
  case drain(pick: Int)
  case migrate(pick: Int)
  case evacuate(pick: Int)
  case forget(pick: Int)
  case automate(pick: Int)
  case cancel(pick: Int)

  // What people and owners of guests do without asking.
  case repin(pick: Int)
  case stop(pick: Int)
  case restart(pick: Int)
  case launch(pick: Int)
  case arrive(pick: Int)
  case leave(pick: Int)
  case hotplug(pick: Int)

  // What happens to hosts.
  case offline(pick: Int, milliseconds: Int)
  case takeMemory(pick: Int, milliseconds: Int)
  case reboot(pick: Int, milliseconds: Int)
  case libvirtHang(pick: Int, milliseconds: Int)
  case libvirtDown(pick: Int, milliseconds: Int)
  case libvirtFault(pick: Int, CallFault)
  case kernelFault(pick: Int, CallFault)

  // What happens to programs and their disks; `after` counts what they still do before it happens.
  case crashAgent(pick: Int, after: Int, milliseconds: Int)
  case stopAgent(pick: Int, milliseconds: Int)
  case crashCoordinator(after: Int, milliseconds: Int)
  case stopCoordinator(milliseconds: Int)
  case rival(milliseconds: Int)
  case journalFull(pick: Int, milliseconds: Int)
  case journalLost(pick: Int)
  case storeFull(milliseconds: Int)
  case wallJump(milliseconds: Int)

  // What happens on the way.
  case partition(pick: Int, Side, milliseconds: Int)
  case clog(pick: Int, milliseconds: Int)

  /// Which way a partition lets nothing through.
  public enum Side: Sendable, Hashable, CaseIterable { case both, toCoordinator, toAgent }

  /// The word that it is counted under.
  public var word: String { String(describing: self).prefix { $0 != "(" }.description }
}

/// How the next call of libvirt or of the kernel goes wrong.
public enum CallFault: Sendable, Hashable, CaseIterable {
  /// It fails, and nothing is done.
  case fails
  /// It is done, and said to have failed.
  case failsAfterwards
  /// It is said to be done, and nothing is.
  case lies
  /// Half of it is done, and it is said to be done: the record without the threads, some pages of all.
  case doesHalf
}
