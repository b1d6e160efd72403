import ClusterConfig
import Fleet
import Testing

/// What `checkAny` says of a text; "" when it is valid.
func complaint(_ text: String) -> String {
  do {
    _ = try checkAny(text, file: "f.yaml")
    return ""
  } catch {
    return error.description
  }
}

private let coordinator =
  "kind: coordinator\nlisten_agents: tcp://0.0.0.0:7447\nstore: s\nkey_file: k\npolicy_file: p\n"
private let agent = "kind: agent\nkey_file: k\njournal: j\n"
private let agentWithCoordinator = agent + "coordinators: [{endpoint: tcp://a:1, public_key_file: c}]\n"

@Suite struct ErrorPlaces {
  @Test func badValueIsNamedWithLineColumnAndRange() {
    #expect(
      complaint("kind: policy\nsmt: prefer\novercommit_percent: 50\n")
        == "f.yaml:3:21: overcommit_percent is 50; allowed: 100...6400")
  }

  @Test func unknownKeyNamesTheNearestOne() {
    let text = complaint("kind: policy\novercomit_percent: 400\n")
    #expect(
      text.hasPrefix("f.yaml:2:1: unknown key \"overcomit_percent\" in a policy file; did you mean overcommit_percent?")
    )
  }

  @Test func unknownKeyOfANestedMappingNamesItsOwnKeys() {
    let text = complaint("kind: policy\nweights:\n  contention: 1\n  localty: 2\n")
    #expect(
      text
        == "f.yaml:4:3: unknown key \"localty\" in weights; did you mean locality? "
        + "allowed: contention, locality, fragmentation"
    )
  }

  @Test(arguments: [
    ("kind: policy\nsmt: always\n", "f.yaml:2:6: smt is \"always\"; allowed: prefer, require, isolate"),
    ("kind: policy\nfold_guest_cells: yes\n", "f.yaml:2:19: fold_guest_cells is \"yes\"; allowed: true, false"),
    (
      "kind: policy\nweights: {contention: 0, locality: 0, fragmentation: 0}\n",
      "f.yaml:2:10: all weights are 0, so that any cell is as good as any other; give one of them 1...1000"
    ),
    (
      "kind: policy\nreserve: {memory_per_cell: 256}\n",
      "f.yaml:2:28: memory_per_cell: \"256\" is no amount of memory: the unit is missing; "
        + "write a whole number with KiB, MiB, GiB or TiB, for example 512MiB"
    ),
    ("kind: policy\nlive_pages: db\n", "f.yaml:2:13: live_pages is not a list; write one item a line, each after '- '"),
    ("kind: policy\nreserve: 3\n", "f.yaml:2:10: reserve is not a mapping; write lines of 'key: value'"),
    (
      "kind: policy\ndriver_by_host:\n  - {host: a, driver: kernel}\n  - {host: a, driver: libvirt}\n",
      "f.yaml:4:5: host a is given twice in driver_by_host; keep one"
    ),
    ("kind: policy\nsmt: prefer\nsmt: require\n", "f.yaml:2:1: smt is given more than once; keep one"),
    ("kind: policies\n", "f.yaml:1:7: kind is \"policies\"; allowed: coordinator, agent, policy, shape, batch"),
    ("smt: prefer\n", "f.yaml:1: kind is missing; allowed: coordinator, agent, policy, shape, batch"),
    ("", "f.yaml: the file is empty; it must begin with kind: and one of coordinator, agent, policy, shape, batch"),
    (
      "kind: policy\nhosts:\n  - host: a\n  - {host: a, rack: r}\n",
      "f.yaml:4:5: host a is given twice in hosts; keep one"
    ),
    (
      "kind: policy\nhosts: [{host: a, labels: [disk=nvme=x]}]\n",
      "f.yaml:2:28: labels[0] is \"disk=nvme=x\"; allowed: a word such as ssd, or key=value such as disk=nvme"
    ),
    (
      "kind: policy\ngroups: [{name: web, rule: near, level: host, members: [a]}]\n",
      "f.yaml:2:28: rule is \"near\"; allowed: together, apart"
    ),
    (
      "kind: policy\ngroups: [{name: web, rule: apart, level: host}]\n",
      "f.yaml:2:10: group web has no members; write for example members: [web-*]"
    ),
    (
      "kind: policy\ngroups: [{name: web, rule: together, level: rack, domains: [[a], [b]]}]\n",
      "f.yaml:2:10: group web is to be together, so that domains contradict it; use members, or apart"
    ),
    (
      "kind: policy\ngroups: [{name: web, rule: apart, level: rack, domains: [[a], [a]]}]\n",
      "f.yaml:2:10: group web has \"a\" in two domains; keep one"
    ),
    (
      "kind: policy\ngroups: [{name: web, rule: apart, level: rack, members: [a], size: 3}]\n",
      "f.yaml:2:10: group web is to be apart, where no size is looked for; leave it out"
    ),
    (
      "kind: policy\ngroups: [{name: web, rule: apart, level: rack, members: [a*b*c*d*e*]}]\n",
      "f.yaml:2:58: members[0] is \"a*b*c*d*e*\"; allowed: a name with at most four *"
    ),
    (
      "kind: policy\ngroups:\n  - {name: w, rule: apart, level: host, members: [a]}\n"
        + "  - {name: w, rule: apart, level: host, members: [b]}\n",
      "f.yaml:4:5: group w is given twice in groups; keep one"
    ),
    (
      "kind: shape\ncpu_class: mixed\nguest_cells: [{vcpus: 2, memory: 1GiB, dedicated_vcpus: 3}]\n",
      "f.yaml:3:14: guest cell 0 dedicates pcpus to 3 of its 2 vcpus"
    ),
    (
      "kind: shape\nguest_cells: [{vcpus: 2, memory: 1GiB, dedicated_vcpus: 1}]\n",
      "f.yaml:2:14: guest cell 0 dedicates pcpus to some vcpus, which only a mixed guest does"
    ),
    ("kind: batch\nguests: [{shape: s.yaml, count: 1001}]\n", "f.yaml:2:33: count is 1001; allowed: 1...1000"),
    (
      "kind: batch\nguests: [{shape: s.yaml, count: 600}, {shape: t.yaml, count: 401}]\n",
      "f.yaml:2:9: guests are 1001 in all; allowed: 1...1000"
    ),
    ("- a\n- b\n", "f.yaml:1:1: the file is not a mapping; write lines of 'key: value'"),
  ])
  func policyErrors(text: String, expected: String) {
    #expect(complaint(text) == expected)
  }

  @Test func brokenYAMLIsNamedWithItsLine() {
    #expect(complaint("kind: policy\nsmt: [prefer\n").hasPrefix("f.yaml:3:1: this is not YAML"))
    #expect(complaint("kind: policy\n\tsmt: prefer\n").hasPrefix("f.yaml:2:"))
    #expect(complaint("kind: policy\n---\nkind: agent\n").hasPrefix("f.yaml:2:1: this is not YAML"))
  }

  @Test func deepNestingAndHugeFilesAreErrorsNotCrashes() {
    #expect(complaint("kind: policy\nsmt: " + String(repeating: "[", count: 50_000)).hasPrefix("f.yaml:"))
    #expect(complaint("# " + String(repeating: "x", count: 300_000)).contains("allowed: up to 262144"))
  }

  @Test(arguments: [
    ("f.yaml:6:1: unknown key", "storee: x"),
    ("f.yaml:6:25: heartbeat_milliseconds is 99; allowed: 100...60000", "heartbeat_milliseconds: 99"),
    ("f.yaml:6:27: unreachable_milliseconds is 3000; allowed: 4000...600000", "unreachable_milliseconds: 3000"),
    ("f.yaml:6:12: max_hosts is 0; allowed: 1...50000", "max_hosts: 0"),
    ("f.yaml:6:12: log_level is \"loud\"; allowed: trace, debug", "log_level: loud"),
    (
      "f.yaml:6:19: listen_operators is \"tcp://0.0.0.0:7447\"; allowed: another port",
      "listen_operators: tcp://0.0.0.0:7447"
    ),
    ("f.yaml:6:19: listen_operators is \"ipc:///x\"; allowed: tcp://ADDRESS:PORT", "listen_operators: ipc:///x"),
    ("f.yaml:6:19: listen_operators: \"tcp://x\" is no endpoint: the port is missing", "listen_operators: tcp://x"),
  ])
  func coordinatorErrors(expected: String, line: String) {
    #expect(complaint(coordinator + line + "\n").hasPrefix(expected))
  }

  @Test func missingKeyIsNamedWithAnExample() {
    #expect(
      complaint("kind: coordinator\nstore: s\n")
        == "f.yaml:1: listen_agents is missing in a coordinator file; "
        + "write for example listen_agents: tcp://0.0.0.0:7447"
    )
    #expect(complaint(agent).contains("coordinators is missing"))
  }

  @Test(arguments: [
    ("coordinators: []", "f.yaml:4:15: coordinators is a list; allowed: 1...8 coordinators"),
    ("coordinators: [{endpoint: tcp://a:1}]", "f.yaml:4:16: public_key is missing in coordinators[0]"),
    (
      "coordinators: [{endpoint: tcp://a:1, public_key: short}]",
      "f.yaml:4:50: public_key is \"short\"; allowed: 40 characters of Z85 in single quotes"
    ),
    (
      "coordinators: [{endpoint: tcp://a:1, public_key_file: a, public_key: b}]",
      "f.yaml:4:55: public_key and public_key_file"
    ),
  ])
  func coordinatorAddressErrors(line: String, expected: String) {
    #expect(complaint(agent + line + "\n").hasPrefix(expected))
  }

  @Test(arguments: [
    ("processes: [{name: x}]", "f.yaml:5:13: rule x has no condition and would match every process"),
    ("processes: [{name: x, comm: a}, {name: x, comm: b}]", "f.yaml:5:33: rule x is given twice"),
    (
      "processes: [{name: x, comm: sixteen-bytes-xx}]",
      "f.yaml:5:29: comm is \"sixteen-bytes-xx\"; allowed: at most 15 bytes"
    ),
    ("processes: [{name: x, executable: qemu}]", "f.yaml:5:35: executable is \"qemu\"; allowed: an absolute path"),
    ("processes: [{name: 'a b', comm: x}]", "f.yaml:5:20: name is \"a b\"; allowed: 1...64 of the characters"),
    ("libvirt_uri: qemu", "f.yaml:5:14: libvirt_uri is \"qemu\"; allowed: qemu:///system"),
    (
      "reconnect_spread_milliseconds: 700000",
      "f.yaml:5:32: reconnect_spread_milliseconds is 700000; allowed: 0...600000"
    ),
    ("poll: {threads_milliseconds: 1}", "f.yaml:5:30: threads_milliseconds is 1; allowed: 200...60000"),
    ("driver: virsh", "f.yaml:5:9: driver is \"virsh\"; allowed: automatic, libvirt, kernel"),
    ("name: \"\\e[31m\"", "f.yaml:5:7: name is \"?[31m\"; allowed: 1...4096 bytes without control characters"),
  ])
  func agentErrors(line: String, expected: String) {
    #expect(complaint(agentWithCoordinator + line + "\n").hasPrefix(expected))
  }

  @Test(arguments: [
    ("guest_cells: []", "f.yaml:2:14: guest_cells has 0 items; allowed: 1...8"),
    ("guest_cells: [{vcpus: 2}]", "f.yaml:2:15: memory is missing in guest_cells[0]"),
    (
      "guest_cells: [{vcpus: 2, memory: 3MiB}]\npage_size: 2MiB",
      "f.yaml:2:14: guest cell 0's memory of 3072 KiB is not whole pages"
    ),
    (
      "guest_cells: [{vcpus: 2, memory: 2MiB}]\npage_size: 3MiB",
      "f.yaml:3:12: page_size is \"3MiB\"; allowed: 4KiB, 2MiB, 1GiB"
    ),
    (
      "guest_cells: [{vcpus: 2, memory: 2MiB}]\nnear: [eth0]", "f.yaml:3:8: near[0] is \"eth0\"; allowed: a PCI address"
    ),
    ("guest_cells: [{vcpus: 0, memory: 2MiB}]", "f.yaml:2:14: a shape needs at least one vcpu"),
  ])
  func shapeErrors(lines: String, expected: String) {
    #expect(complaint("kind: shape\n" + lines + "\n").hasPrefix(expected))
  }

  @Test func fileOfAnotherKindIsRefused() {
    #expect(
      throws: ConfigurationError(file: "a.yaml", line: 1, column: 7, "kind is agent, but a policy file is wanted here")
    ) {
      try Policy(parsing: agentWithCoordinator, file: "a.yaml")
    }
  }
}
