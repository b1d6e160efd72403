import ArgumentParser
import ClusterConfig
import NUMA

/// `WHICH=CPUS`, for example `0=2-3` or `0-3=8-11`: every one of the ids on the left gets the cpuset on the right.
struct CPUSetAssignment: Hashable {
  let ids: CPUSet
  let cpuset: CPUSet

  init(_ text: String) throws {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard parts.count == 2 else { throw ValidationError("\"\(text)\" has no '='; write for example 0=2-3") }
    ids = try list(parts[0])
    cpuset = try list(parts[1])
    guard !ids.isEmpty, !cpuset.isEmpty else {
      throw ValidationError("\"\(text)\" has nothing on one side of '='; write for example 0=2-3")
    }
  }

  /// One pair for each id; of two assignments of one id the mistake is named.
  static func pairs(_ assignments: [CPUSetAssignment], option: String) throws -> [(id: Int, cpuset: CPUSet)] {
    var pairs: [(id: Int, cpuset: CPUSet)] = []
    for assignment in assignments {
      for id in assignment.ids.members {
        guard !pairs.contains(where: { $0.id == id }) else {
          throw ValidationError("\(option) names \(id) twice; give each once")
        }
        pairs.append((id, assignment.cpuset))
      }
    }
    return pairs.sorted { $0.id < $1.id }
  }
}

/// `GUESTCELL=NODE`, for example `0=2`.
struct CellAssignment: Hashable {
  let guestCell: Int
  let cell: Int

  init(_ text: String) throws {
    let parts = text.split(separator: "=", omittingEmptySubsequences: false).map { decimal($0) }
    guard parts.count == 2, let guestCell = parts[0], let cell = parts[1], (0..<64).contains(guestCell),
      (0..<NodeKind.idLimit).contains(cell)
    else { throw ValidationError("\"\(text)\" is not GUESTCELL=NODE; write for example 0=2") }
    self.guestCell = guestCell
    self.cell = cell
  }
}

/// A list of CPUs or nodes in the kernel's format.
func list<Kind>(_ text: some StringProtocol) throws -> IDSet<Kind> {
  do { return try IDSet<Kind>(parsing: text) } catch { throw ValidationError(error.description) }
}

/// A list that must not be empty.
func nonEmptyList<Kind>(_ text: String) throws -> IDSet<Kind> {
  let set: IDSet<Kind> = try list(text)
  guard !set.isEmpty else { throw ValidationError("the list is empty; write for example 0-3,8") }
  return set
}

/// Host cells in the order of the guest cells they are for: `3`, or `0,2`.
func cellsInOrder(_ text: String) throws -> [Int] {
  let cells = text.split(separator: ",", omittingEmptySubsequences: false).map { decimal($0) }
  let known = cells.compactMap { $0 }.filter { $0 < NodeKind.idLimit }
  guard known.count == cells.count, (1...8).contains(known.count) else {
    throw ValidationError(
      "\"\(text)\" is no list of nodes, one for each guest cell in order; write for example 3, or 0,2")
  }
  return known
}

/// An amount of memory with its unit.
func amount(_ text: String) throws -> KiB {
  do { return try KiB(parsing: text) } catch { throw ValidationError(error.description) }
}

/// A page size.
func pageSize(_ text: String) throws -> PageSize {
  let size = try amount(text)
  guard size.count.nonzeroBitCount == 1, size >= KiB(4), size <= KiB(gib: 16) else {
    throw ValidationError("\"\(text)\" is no page size; write 4KiB, 2MiB, 1GiB, or another power of two")
  }
  return PageSize(kib: size.count)
}

private func decimal(_ text: some StringProtocol) -> Int? {
  text.utf8.allSatisfy { (48...57).contains($0) } ? Int(text) : nil
}
