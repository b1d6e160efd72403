import CLibvirt

/// Registering for events. The callbacks run on the thread of libvirt's event loop.
extension Connection {
  /// Registers for all events of all domains; the ids are for `deregister`.
  ///
  /// - Throws: when the driver has no lifecycle events; the others may be missing.
  func register(_ sink: EventSink) throws(LibvirtError) -> [Int32] {
    let call = "virConnectDomainEventRegisterAny"
    let connection = try handle(call)
    // Each registration owns one reference, which libvirt gives back through releaseSink when it ends.
    func registered(_ attempt: (UnsafeMutableRawPointer) -> Int32) -> Int32 {
      let reference = Unmanaged.passRetained(sink)
      let id = attempt(reference.toOpaque())
      if id < 0 { reference.release() }
      return id
    }
    var ids = [registered { clibvirt_register_lifecycle(connection, lifecycleChanged, $0, releaseSink) }]
    try check(call, ids[0])
    ids.append(registered { clibvirt_register_tunable(connection, tunableChanged, $0, releaseSink) })
    ids.append(registered { clibvirt_register_device_added(connection, devicesChanged, $0, releaseSink) })
    ids.append(registered { clibvirt_register_device_removed(connection, devicesChanged, $0, releaseSink) })
    // Only drivers with a daemon tell when the connection closes; the others cannot lose it.
    _ = registered { virConnectRegisterCloseCallback(connection, connectionClosed, $0, releaseSink) }
    return ids.filter { $0 >= 0 }
  }

  /// Ends the registrations, before the connection is closed.
  func deregister(_ ids: [Int32]) {
    guard let connection = try? handle("virConnectDomainEventDeregisterAny") else { return }
    for id in ids { virConnectDomainEventDeregisterAny(connection, id) }
    virConnectUnregisterCloseCallback(connection, connectionClosed)
  }
}

private func sink(_ opaque: UnsafeMutableRawPointer?) -> EventSink? {
  opaque.map { Unmanaged<EventSink>.fromOpaque($0).takeUnretainedValue() }
}

/// The domain's UUID and name; nil when libvirt itself does not know.
private func identity(_ domain: virDomainPtr?) -> (uuid: String, name: String)? {
  guard let domain, let name = virDomainGetName(domain) else { return nil }
  var buffer = [CChar](repeating: 0, count: Int(VIR_UUID_STRING_BUFLEN))
  guard virDomainGetUUIDString(domain, &buffer) == 0 else { return nil }
  let uuid = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  return (uuid, String(cString: name))
}

private let releaseSink: @convention(c) (UnsafeMutableRawPointer?) -> Void = { opaque in
  if let opaque { Unmanaged<EventSink>.fromOpaque(opaque).release() }
}

private let lifecycleChanged:
  @convention(c) (virConnectPtr?, virDomainPtr?, Int32, Int32, UnsafeMutableRawPointer?) -> Int32 = {
    _, domain, number, detail, opaque in
    guard let (uuid, name) = identity(domain) else { return 0 }
    let change: DomainEvent.LifecycleChange
    switch virDomainEventType(UInt32(clamping: number)) {
    case VIR_DOMAIN_EVENT_DEFINED: change = .defined
    case VIR_DOMAIN_EVENT_UNDEFINED: change = .undefined
    case VIR_DOMAIN_EVENT_STARTED: change = .started
    case VIR_DOMAIN_EVENT_SUSPENDED: change = .suspended
    case VIR_DOMAIN_EVENT_RESUMED: change = .resumed
    case VIR_DOMAIN_EVENT_STOPPED: change = .stopped
    case VIR_DOMAIN_EVENT_SHUTDOWN: change = .shutdown
    case VIR_DOMAIN_EVENT_PMSUSPENDED: change = .pmSuspended
    case VIR_DOMAIN_EVENT_CRASHED: change = .crashed
    default: return 0
    }
    sink(opaque)?.deliver(.lifecycle(uuid: uuid, name: name, change: change, detail: Int(detail)))
    return 0
  }

private let tunableChanged:
  @convention(c) (virConnectPtr?, virDomainPtr?, virTypedParameterPtr?, Int32, UnsafeMutableRawPointer?) -> Void = {
    _, domain, parameters, count, opaque in
    guard let (uuid, name) = identity(domain), let parameters else { return }
    let values = UnsafeBufferPointer(start: parameters, count: Int(count)).map { parameter in
      DomainEvent.TunableValue(name: TypedParameters.name(parameter), value: TypedParameters.text(parameter))
    }
    sink(opaque)?.deliver(.tunable(uuid: uuid, name: name, values: values))
  }

private let devicesChanged:
  @convention(c) (virConnectPtr?, virDomainPtr?, UnsafePointer<CChar>?, UnsafeMutableRawPointer?) -> Void = {
    _, domain, _, opaque in
    guard let (uuid, name) = identity(domain) else { return }
    sink(opaque)?.deliver(.devices(uuid: uuid, name: name))
  }

private let connectionClosed: @convention(c) (virConnectPtr?, Int32, UnsafeMutableRawPointer?) -> Void = {
  _, _, opaque in sink(opaque)?.connectionBroke()
}
