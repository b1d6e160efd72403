import Fleet
import NUMA

/// A scenario's fleet, read from lines; `Scenarios/README.md` lists the words.
struct Scenario {
  var policy = Policy(reserve: Reserve(memoryPerCell: 0))
  var hosts: [HostView] = []
  /// What to do, in order: the words of each `do` line.
  var requests: [[String]] = []

  struct Problem: Error, CustomStringConvertible {
    let description: String
  }

  init(_ text: String) throws {
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      let words = line.split(separator: " ").map(String.init)
      guard let word = words.first else { continue }
      let rest = Array(words.dropFirst())
      switch word {
      case "policy": try readPolicy(rest)
      case "host": hosts.append(try readHost(rest))
      case "cell": try readCell(rest)
      case "distances": try readDistances(rest)
      case "siblings": try readSiblings(rest)
      case "device": try readDevice(rest)
      case "isolated": hosts[hosts.count - 1].topology.isolated = try Self.cpus(rest.first)
      case "allowed": hosts[hosts.count - 1].topology.allowed = try Self.cpus(rest.first)
      case "guest": try readGuest(rest)
      case "claim": try readClaim(rest)
      case "do": requests.append(rest)
      default: throw Problem(description: "unknown word \(word) in: \(line)")
      }
    }
  }

  var inventory: Inventory { Inventory(hosts: hosts) }

  /// `key value key value …` as pairs.
  static func pairs(_ words: [String]) throws -> [(key: String, value: String)] {
    guard words.count.isMultiple(of: 2) else { throw Problem(description: "a key without value: \(words)") }
    return stride(from: 0, to: words.count, by: 2).map { (words[$0], words[$0 + 1]) }
  }

  static func number(_ text: String?) throws -> Int {
    guard let text, let number = Int(text) else { throw Problem(description: "no number: \(text ?? "nothing")") }
    return number
  }

  static func cpus(_ text: String?) throws -> CPUSet {
    guard let text, let set = CPUSet(text) else { throw Problem(description: "no cpus: \(text ?? "nothing")") }
    return set
  }

  /// `1024:2` as two numbers.
  static func twoNumbers(_ text: Substring) throws -> (Int, Int) {
    let parts = text.split(separator: ":").map(String.init)
    return (try number(parts.first), try number(parts.last))
  }

  private mutating func readPolicy(_ words: [String]) throws {
    for (key, value) in try Self.pairs(words) {
      switch key {
      case "reserve-pcpus": policy.reserve.pcpusPerCell = try Self.number(value)
      case "reserve-mib": policy.reserve.memoryPerCell = KiB(mib: try Self.number(value))
      case "overcommit": policy.overcommitPercent = try Self.number(value)
      case "smt": policy.smt = SMTPolicy(rawValue: value) ?? .prefer
      case "livepages": policy.livePages = value.split(separator: ",").map(String.init)
      case "fold": policy.foldGuestCells = value == "yes"
      default: throw Problem(description: "unknown policy \(key)")
      }
    }
  }

  private func readHost(_ words: [String]) throws -> HostView {
    guard let name = words.first else { throw Problem(description: "a host without name") }
    return HostView(
      id: HostID(name), liveness: words.contains("unreachable") ? .unreachable : .connected,
      facts: HostFacts(kernelVersion: "6.1.0"), topology: HostTopology(cells: [], pcpus: []), guests: [])
  }

  private mutating func readCell(_ words: [String]) throws {
    let id = try Self.number(words.first)
    var cell = Cell(id: id, memoryTotal: 0, memoryFree: 0, cpus: [])
    var free: Int?
    for (key, value) in try Self.pairs(Array(words.dropFirst())) {
      switch key {
      case "cpus": cell.cpus = try Self.cpus(value)
      case "mib": cell.memoryTotal = KiB(mib: try Self.number(value))
      case "free": free = try Self.number(value)
      case "pages":
        let (size, count) = try Self.twoNumbers(Substring(value))
        cell.pages.append(PagePool(size: PageSize(kib: size), total: count, free: count))
      default: throw Problem(description: "unknown cell \(key)")
      }
    }
    let pooled = cell.pages.reduce(0) { $0 + $1.total * $1.size.kib }
    cell.memoryFree = free.map { KiB(mib: $0) } ?? cell.memoryTotal - KiB(pooled)
    cell.pages.insert(
      PagePool(size: .base, total: (cell.memoryTotal.count - pooled) / 4, free: cell.memoryFree.count / 4), at: 0)
    var topology = hosts[hosts.count - 1].topology
    topology.cells.append(cell)
    topology.pcpus += cell.cpus.members.map { PCPU(id: $0, cell: id, socket: id, die: 0, core: $0, siblings: [$0]) }
    hosts[hosts.count - 1].topology = HostTopology(
      cells: topology.cells, pcpus: topology.pcpus, distances: topology.distances, devices: topology.devices)
  }

  private mutating func readDistances(_ words: [String]) throws {
    let ids = hosts[hosts.count - 1].topology.cells.map(\.id)
    let rows = try words.map { try $0.split(separator: ",").map { try Self.number(String($0)) } }
    guard let matrix = DistanceMatrix(ids: ids, rows: rows) else { throw Problem(description: "distances do not fit") }
    hosts[hosts.count - 1].topology.distances = matrix
  }

  private mutating func readSiblings(_ words: [String]) throws {
    for word in words {
      let siblings = try Self.cpus(word)
      for index in hosts[hosts.count - 1].topology.pcpus.indices
      where siblings.contains(hosts[hosts.count - 1].topology.pcpus[index].id) {
        hosts[hosts.count - 1].topology.pcpus[index].siblings = siblings
        hosts[hosts.count - 1].topology.pcpus[index].core = siblings.first ?? 0
      }
    }
  }

  private mutating func readDevice(_ words: [String]) throws {
    guard words.count == 4 else { throw Problem(description: "device ADDRESS VENDOR DEVICE CELL") }
    hosts[hosts.count - 1].topology.devices.append(
      PCIDevice(
        address: words[0], classID: "0x020000", vendor: words[1], device: words[2], driver: nil, cell: Int(words[3])))
  }

  private mutating func readClaim(_ words: [String]) throws {
    var claim = Claim(
      job: 1, host: hosts[hosts.count - 1].id, guest: GuestID(words.first ?? ""), dedicated: [], memory: [])
    for (key, value) in try Self.pairs(Array(words.dropFirst())) {
      if key == "cpus" { claim.dedicated = try Self.cpus(value) }
      if key == "mib" {
        let (cell, mib) = try Self.twoNumbers(Substring(value))
        claim.memory.append(MemoryClaim(cell: cell, pageSize: .base, amount: KiB(mib: mib)))
      }
    }
    hosts[hosts.count - 1].claims.append(claim)
  }
}

extension Scenario {
  /// `guest NAME mib N pins 0/1/0-3 on CELL:MIB,… movability CLASS cells N max N numatune MODE:NODES`.
  private mutating func readGuest(_ words: [String]) throws {
    guard let name = words.first else { throw Problem(description: "a guest without name") }
    var guest = Guest(id: GuestID(name), name: name, kind: .domain(type: "kvm"), state: .running)
    guest.incarnation = Incarnation(pid: 1, startTicks: 1)
    var cells = 0
    var resident: [[(cell: Int, mib: Int)]] = []
    var movability = MovabilityClass.liveMemory
    for (key, value) in try Self.pairs(Array(words.dropFirst())) {
      switch key {
      case "mib": guest.memory = KiB(mib: try Self.number(value))
      case "pins":
        for (vcpu, text) in value.split(separator: "/").enumerated() {
          let mask = try Self.cpus(String(text))
          guest.live.vcpus.append(VCPUPin(vcpu: vcpu, cpuset: mask))
          guest.threads.append(
            GuestThread(tid: 10 + vcpu, role: .vcpu(vcpu), name: "CPU", cpusAllowed: mask, memsAllowed: []))
        }
      case "on":
        // Guest cells are told apart by slashes, host cells within one by commas.
        resident = try value.split(separator: "/").map { try $0.split(separator: ",").map { try Self.twoNumbers($0) } }
      case "movability": movability = MovabilityClass(rawValue: value) ?? .fixed
      case "cells": cells = try Self.number(value)
      case "max": guest.vcpusMaximum = try Self.number(value)
      case "iothreads": guest.iothreads = Array(1...(try Self.number(value)))
      case "vfio": guest.vfio = [value]
      case "pagesize": guest.pageSize = PageSize(kib: try Self.number(value))
      case "numatune":
        let parts = value.split(separator: ":").map(String.init)
        guest.live.numatune = NUMATune(mode: NUMAMode(rawValue: parts[0]), nodeset: NodeSet(parts.last ?? ""))
      default: throw Problem(description: "unknown guest \(key)")
      }
    }
    let vcpus = guest.live.vcpus.count
    guest.vcpusOnline = CPUSet(0..<vcpus)
    guest.vcpusMaximum = max(guest.vcpusMaximum, vcpus)
    guest.config = guest.live
    guest.persistent = true
    if cells > 0 {
      let (each, share) = (vcpus / cells, guest.memory.count / cells)
      guest.guestCells = (0..<cells).map {
        GuestCell(id: $0, vcpus: CPUSet(($0 * each)..<(($0 + 1) * each)), memory: KiB(share))
      }
      let bound = resident.enumerated().map {
        MemNode(guestCell: $0.offset, mode: .strict, nodeset: NodeSet($0.element.map(\.cell)))
      }
      guest.live.numatune?.memnodes = bound
      guest.config = guest.live
    }
    let size = guest.pageSize
    guest.regions = resident.enumerated().map { index, entries in
      MemoryRegion(
        start: UInt64(index), size: KiB(guest.memory.count / max(cells, 1)), guestCell: index, policy: "default",
        residency: entries.map { CellResidency(cell: $0.cell, pageSize: size, pages: $0.mib * 1024 / size.kib) })
    }
    guest.movability = Movability(movability, because: "the scenario says so")
    hosts[hosts.count - 1].guests.append(guest)
  }
}
