import Fleet
import NUMA

/// A pinning as named lines, in libvirt's words.
struct PinningWords {
  /// What libvirt records, then where the memory is.
  var rows: [(name: String, value: String)] { records + memory }
  /// Pins, numatune and scheduler parameters.
  let records: [(name: String, value: String)]
  /// The node of each guest cell's memory, which no document of libvirt records.
  let memory: [(name: String, value: String)]

  init(_ pinning: Pinning) {
    var rows: [(name: String, value: String)] = []
    rows += pinning.vcpus.map { ("vcpupin \($0.vcpu)", "\($0.cpuset)") }
    if let emulator = pinning.emulator { rows.append(("emulatorpin", "\(emulator)")) }
    rows += pinning.iothreads.map { ("iothreadpin \($0.iothread)", "\($0.cpuset)") }
    if let numatune = pinning.numatune {
      let whole = [numatune.mode?.rawValue, numatune.automatic ? "auto" : nil, numatune.nodeset.map { "\($0)" }]
      let text = whole.compactMap { $0 }.joined(separator: " ")
      if !text.isEmpty { rows.append(("numatune", text)) }
      rows += numatune.memnodes.map { ("memnode \($0.guestCell)", "\($0.mode.rawValue) \($0.nodeset)") }
    }
    rows += pinning.cputune.parameters.map { ($0.name, "\($0.value)") }
    records = rows
    let vcpus = GuestWords.groups(pinning.vcpus.map { ($0.vcpu, $0.cpuset) })
    grouped = vcpus.map { ("vcpupin \($0.ids)", "\($0.cpuset)") } + rows.dropFirst(pinning.vcpus.count)
    memory = pinning.memory.map { ("memory of guest cell \($0.guestCell)", "node \($0.cell)") }
  }

  /// The records with vcpus of equal cpusets on one line: `vcpupin 0-3`.
  let grouped: [(name: String, value: String)]

  /// One line: `vcpupin 0-3 4-7, numatune strict 1`.
  var line: String { (grouped + memory).map { "\($0.name) \($0.value)" }.joined(separator: ", ") }
}
