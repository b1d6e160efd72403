import CLibvirt
public import Fleet

/// Why a call to libvirt failed, captured on the thread of the call before anything else could overwrite it.
public struct LibvirtError: Error, Sendable, Hashable, CustomStringConvertible {
  /// What kind of failure it is, over libvirt's hundred codes.
  public enum Kind: String, Sendable, Hashable {
    /// No connection: libvirtd does not run, was restarted, or closed it.
    case down
    /// No answer within the caller's deadline; the call may still have an effect.
    case timeout
    /// There is no domain, or no longer one, of that UUID.
    case unknownDomain
    /// Not possible in the domain's state: it does not run, is transient, has the wrong numatune mode.
    case invalidState
    /// The driver or its version does not have the call.
    case unsupported
    /// An argument is wrong; found here before the call, or by libvirt.
    case invalidArgument
    /// Another call holds the domain's job.
    case busy
    /// The user of this process may not do it.
    case denied
    /// A domain of that name or UUID is there already.
    case exists
    /// The XML is not well-formed, not valid or asks for what the host does not have.
    case document
    /// Everything else that libvirt or the kernel refused.
    case refused
  }

  /// What kind of failure it is, for programs.
  public let kind: Kind
  /// `virErrorNumber`; 0 when the error was found before libvirt was called.
  public let code: Int
  /// `virErrorDomain`: the part of libvirt that raised it.
  public let domain: Int
  /// The C function, for example `virDomainPinVcpuFlags`.
  public let call: String
  /// libvirt's own words, or ours for what is found before the call.
  public let message: String

  /// Whether it is the end that `virDomainAbortJob` brought about.
  public var isAborted: Bool { code == Int(VIR_ERR_OPERATION_ABORTED.rawValue) }

  /// An error of our own.
  public init(_ kind: Kind, call: String, _ message: String) {
    self.kind = kind
    code = 0
    domain = 0
    self.call = call
    self.message = message
  }

  /// The calling thread's last error of libvirt.
  static func last(_ call: String) -> LibvirtError {
    guard let error = virGetLastError() else { return LibvirtError(.refused, call: call, "it failed without a reason") }
    let message = error.pointee.message.map { String(cString: $0) } ?? "it failed without a reason"
    let code = Int(error.pointee.code)
    // A flag that a driver does not know is an invalid argument to libvirt, a missing feature to everybody else.
    let kind = message.hasPrefix("unsupported flags") ? .unsupported : kind(ofCode: code)
    return LibvirtError(
      kind: kind, code: code, domain: Int(error.pointee.domain), call: call, message: message)
  }

  private init(kind: Kind, code: Int, domain: Int, call: String, message: String) {
    self.kind = kind
    self.code = code
    self.domain = domain
    self.call = call
    self.message = message
  }

  /// The same with another kind.
  func with(_ kind: Kind) -> LibvirtError {
    LibvirtError(kind: kind, code: code, domain: domain, call: call, message: message)
  }

  private static func kind(ofCode code: Int) -> Kind {
    switch virErrorNumber(UInt32(clamping: code)) {
    case VIR_ERR_NO_CONNECT, VIR_ERR_INVALID_CONN, VIR_ERR_RPC: .down
    case VIR_ERR_NO_DOMAIN: .unknownDomain
    case VIR_ERR_OPERATION_INVALID: .invalidState
    case VIR_ERR_NO_SUPPORT, VIR_ERR_ARGUMENT_UNSUPPORTED, VIR_ERR_OPERATION_UNSUPPORTED: .unsupported
    case VIR_ERR_INVALID_ARG, VIR_ERR_INVALID_DOMAIN, VIR_ERR_OVERFLOW: .invalidArgument
    case VIR_ERR_OPERATION_TIMEOUT, VIR_ERR_RESOURCE_BUSY: .busy
    case VIR_ERR_AUTH_FAILED, VIR_ERR_AUTH_CANCELLED, VIR_ERR_AUTH_UNAVAILABLE, VIR_ERR_ACCESS_DENIED,
      VIR_ERR_OPERATION_DENIED:
      .denied
    case VIR_ERR_DOM_EXIST: .exists
    case VIR_ERR_XML_ERROR, VIR_ERR_XML_DETAIL, VIR_ERR_XML_INVALID_SCHEMA, VIR_ERR_CONFIG_UNSUPPORTED: .document
    default: .refused
    }
  }

  /// One line: the call and what went wrong.
  public var description: String { "\(call): \(message)" }

  /// The same for an operator or a coordinator, with what to do.
  public var refusal: Refusal {
    switch kind {
    case .down:
      Refusal(.libvirtDown, "libvirt does not answer (\(description))", remedy: "start it: systemctl start libvirtd")
    case .timeout:
      Refusal(
        .libvirtTimeout, "libvirt gave no answer in time (\(description))",
        remedy: "look for a hanging guest or restart libvirtd; running guests stay up")
    case .unknownDomain:
      Refusal(.guestGone, "libvirt knows no such guest (\(description))", remedy: "list the guests again")
    case .invalidState:
      Refusal(stateCode, "libvirt refused (\(description))", remedy: "see the guest's state and movability")
    case .unsupported:
      Refusal(
        .unsupported, "this libvirt cannot do it (\(description))", remedy: "use the kernel driver or a newer libvirt")
    case .busy: Refusal(.busy, "another call holds the guest (\(description))", remedy: "try again when it is done")
    case .denied:
      Refusal(
        .notPermitted, "libvirt denied access (\(description))", remedy: "put the agent's user into the group libvirt")
    case .exists:
      Refusal(.duplicate, "the guest is defined already (\(description))", remedy: "choose another name or UUID")
    case .document, .invalidArgument:
      Refusal(.malformed, "libvirt refused what it was given (\(description))", remedy: "correct it and try again")
    case .refused:
      Refusal(.libvirtRefused, "libvirt refused (\(description))", remedy: "see libvirtd's log on the host")
    }
  }

  /// What `VIR_ERR_OPERATION_INVALID` means; libvirt tells it only in words, which are English in a C locale.
  private var stateCode: Refusal.Code {
    if message.contains("not running") { return .notRunning }
    if message.contains("transient domain") { return .notPersistent }
    if message.contains("numatune") || message.contains("numa mode") || message.contains("strict mode") {
      return .modeUnchangeable
    }
    return .libvirtRefused
  }
}
