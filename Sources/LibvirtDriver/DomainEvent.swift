/// What libvirt tells of a domain, or of the connection that would tell.
public enum DomainEvent: Sendable, Hashable {
  /// Events arrive from now on; what happened before is unknown.
  case connected
  /// No events arrive until the next `connected`.
  case disconnected(reason: String)
  /// The domain was defined, started, stopped…; `detail` is libvirt's number for the cause.
  case lifecycle(uuid: String, name: String, change: LifecycleChange, detail: Int)
  /// Pins or scheduler parameters were changed through libvirt, for example `cputune.vcpupin0` to `2-3`.
  case tunable(uuid: String, name: String, values: [TunableValue])
  /// A device, perhaps memory or one that VFIO pins memory for, was plugged or unplugged.
  case devices(uuid: String, name: String)

  /// `virDomainEventType`.
  public enum LifecycleChange: String, Sendable, Hashable, CaseIterable {
    case defined, undefined, started, suspended, resumed, stopped, shutdown, pmSuspended, crashed
  }

  /// One changed parameter, as text.
  public struct TunableValue: Sendable, Hashable {
    /// libvirt's name of the parameter, for example `cputune.vcpupin0`.
    public var name: String
    /// Its new value: a list of CPUs or a number.
    public var value: String
  }
}
