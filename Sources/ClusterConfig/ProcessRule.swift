/// How to find processes that are guests of their own: all conditions that are given must hold.
public struct ProcessRule: Sendable, Hashable {
  /// Shown as the guest's kind; unique among the rules.
  public var name: String
  /// The whole of `/proc/PID/comm`, at most 15 bytes.
  public var comm: String?
  /// The absolute path that `/proc/PID/exe` points to.
  public var executable: String?
  /// A text that one argument of `/proc/PID/cmdline` contains.
  public var argumentContains: String?
  /// A file that holds the pid.
  public var pidFile: String?

  init(_ value: Value) throws(ConfigurationError) {
    let section = try Section<Key>(value)
    name = try section.required(.name, example: "plain-qemu").word()
    if let value = section[.comm] {
      let text = try value.text()
      // The kernel cuts the name to 15 bytes, so a longer one would never match.
      guard text.utf8.count <= 15 else { throw value.bad("at most 15 bytes, the kernel's limit for comm") }
      comm = text
    }
    if let value = section[.executable] {
      let text = try value.text()
      guard text.first == "/" else { throw value.bad("an absolute path, for example /usr/bin/qemu-system-x86_64") }
      executable = text
    }
    argumentContains = try section[.argument_contains]?.text()
    pidFile = try section[.pid_file]?.path()
    if comm == nil, executable == nil, argumentContains == nil, pidFile == nil {
      throw value.position.error(
        "rule \(name) has no condition and would match every process; "
          + "give comm, executable, argument_contains or pid_file"
      )
    }
  }

  enum Key: String, SectionKey {
    case name, comm, executable, argument_contains, pid_file
  }
}

extension Value {
  /// A libvirt connection URI, or `none`.
  func libvirtURI() throws(ConfigurationError) -> String {
    let text = try text(allowing: 512)
    guard text == "none" || text.contains(":///") || text.contains("://") else {
      throw bad("qemu:///system, qemu:///session, test:///default, another libvirt URI, or none")
    }
    return text
  }

  /// A CURVE public key.
  func publicKey() throws(ConfigurationError) -> String {
    guard let scalar, isPublicKey(scalar) else {
      throw bad("40 characters of Z85 in single quotes, as `numafleet key show FILE` prints them")
    }
    return scalar
  }
}

/// Whether a text has the form of a CURVE key in Z85 (ZeroMQ RFC 32): 40 characters of its alphabet.
public func isPublicKey(_ text: String) -> Bool {
  text.utf8.count == 40 && text.utf8.allSatisfy { isLetterOrDigit($0) || ".-:+=^!/*?&<>()[]{}@%$#".utf8.contains($0) }
}
