/// What became of the pages of one range, `PageMover.movePages`. Counts are in pages of the range's page size.
public struct PageMove: Sendable, Hashable {
  /// Pages in the range, touched or not.
  public var total = 0
  /// Pages looked at so far; `total` at the end unless cancelled.
  public var done = 0
  /// Pages that were elsewhere and are on the target now.
  public var moved = 0
  /// Pages that were on the target before.
  public var alreadyThere = 0
  /// Pages on cells that were not to be moved from.
  public var passedOver = 0
  /// Pages that were never touched, are swapped out, or show the zero page, and holes: there is nothing to move.
  public var absent = 0
  /// Pages that are still elsewhere after all passes: pinned by a device, shared, or no room.
  public var left = 0
  /// Pages that the kernel would not tell the place of.
  public var unknown = 0
  /// The kernel's last reason for a page that is left (EBUSY, EACCES, ENOMEM …); 0 when there is none.
  public var lastErrno: Int32 = 0
  /// Whether the caller stopped it. A later call with the same arguments goes on.
  public var cancelled = false
}

/// What became of `PageMover.migratePages`. The kernel does not tell how many pages did move.
public struct PageMigration: Sendable, Hashable {
  /// Source cells in all, and how many of them are finished.
  public var cellsTotal = 0
  public var cellsDone = 0
  /// Calls made; more than one for a cell when pages were busy at first.
  public var passes = 0
  /// Pages, of whatever size, that the last passes could not move.
  public var pagesLeft = 0
  /// Whether the caller stopped it. A later call with the same arguments goes on.
  public var cancelled = false
}

/// The answer to a progress report.
public enum MoveDecision: Sendable {
  case proceed, stop
}
