import CLibvirt
import Fleet

/// libvirt's `VIR_DOMAIN_AFFECT_*`.
extension Scope {
  var flags: UInt32 {
    (touchesLive ? VIR_DOMAIN_AFFECT_LIVE.rawValue : 0) | (touchesConfig ? VIR_DOMAIN_AFFECT_CONFIG.rawValue : 0)
  }
}

/// The flag that reads the running or the persistent side.
func affect(config: Bool) -> UInt32 {
  config ? VIR_DOMAIN_AFFECT_CONFIG.rawValue : VIR_DOMAIN_AFFECT_LIVE.rawValue
}
