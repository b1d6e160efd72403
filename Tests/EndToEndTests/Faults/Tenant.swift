import Fleet
import Foundation
import NUMA
import Testing

/// A process with threads named as vcpus, which agents of one host take for a guest, and nobody else.
struct Tenant: Sendable {
  let host: String
  let process: Child
  /// The guest's name.
  let name: String

  /// Starts one whose threads begin on those CPUs.
  init(of host: String, vcpus: Int = 2, threads: Int = 5, on cpus: CPUSet, in fleet: LocalFleet) async throws {
    self.host = host
    // The name of the file that was started is the process's, so a link makes a rule of one host's own.
    let link = fleet.folder.path(Self.command(of: host, in: fleet))
    if !FileManager.default.fileExists(atPath: link) {
      try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: Programs.path("numa-workload"))
    }
    let process = try fleet.start(
      program: link,
      ["--threads", "\(threads)", "--vcpus", "\(vcpus)", "--memory", "1", "--pause-milliseconds", "2000"],
      as: Launch(launcher: ["/usr/bin/taskset", "-c", "\(cpus)"]))
    self.process = process
    name = "\(Self.command(of: host, in: fleet))-\(process.pid)"
    try #require(await eventually { process.printed.contains("holds") }, "\(process.logged)")
  }

  /// What an agent must be told to see the tenants of its host alone, and to see them soon.
  static func settings(of host: String, in fleet: LocalFleet) -> [String] {
    [
      "processes=[{name: tenants, comm: \(command(of: host, in: fleet))}]",
      "poll={threads_milliseconds: 500, residency_milliseconds: 2000, topology_milliseconds: 2000}",
    ]
  }

  /// At most 15 bytes, and of one fleet's own: several run side by side.
  private static func command(of host: String, in fleet: LocalFleet) -> String {
    "t\(fleet.folder.url.lastPathComponent.suffix(8))-\(host)"
  }

  /// Where each thread may run, as the kernel says: the vcpus by number, all others as the emulator's.
  var masks: Masks {
    let folder = "/proc/\(process.pid)/task"
    var masks = Masks()
    for task in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] {
      guard let status = try? String(contentsOfFile: "\(folder)/\(task)/status", encoding: .utf8) else { continue }
      let fields = Dictionary(
        status.split(separator: "\n").compactMap { line in
          line.firstIndex(of: ":").map {
            (String(line[..<$0]), line[line.index(after: $0)...].trimmingCharacters(in: .whitespaces))
          }
        }, uniquingKeysWith: { first, _ in first })
      let thread = fields["Name"] ?? ""
      let mask = fields["Cpus_allowed_list"] ?? ""
      masks.threads.append(Masks.Thread(vcpu: thread.hasPrefix("vcpu") ? Int(thread.dropFirst(4)) : nil, mask: mask))
    }
    return masks
  }
}

/// The masks of all threads of a tenant.
struct Masks: Sendable, Equatable, CustomStringConvertible {
  struct Thread: Sendable, Equatable {
    var vcpu: Int?
    var mask: String
  }
  var threads: [Thread] = []

  /// Whether each thread has exactly the mask that this placement gives it.
  func areExactly(_ pinning: Pinning) -> Bool {
    !threads.isEmpty
      && threads.allSatisfy { thread in
        let wanted = thread.vcpu.map { pinning.cpuset(ofVCPU: $0) } ?? pinning.emulator
        return wanted?.description == thread.mask
      }
  }

  var description: String {
    threads.map { "\($0.vcpu.map { "vcpu\($0)" } ?? "emulator") on \($0.mask)" }.sorted().joined(separator: ", ")
  }
}
