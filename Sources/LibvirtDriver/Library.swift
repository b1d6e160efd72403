import CLibvirt

/// libvirt's process-wide state, made ready once: no printing, and an event loop on a thread of its own.
///
/// The loop must run before the first connection is opened: it carries keepalives, so that a connection to a
/// libvirtd that hangs breaks after 15 s, and the domain events.
enum Library {
  /// Seconds between keepalives and how many may stay unanswered.
  static let keepAliveSeconds: Int32 = 5
  static let keepAliveCount: UInt32 = 3

  /// Nil when the library is ready, else why it is not.
  static let fault: LibvirtError? = {
    clibvirt_silence()
    guard virInitialize() == 0 else { return LibvirtError.last("virInitialize") }
    guard virEventRegisterDefaultImpl() == 0 else { return LibvirtError.last("virEventRegisterDefaultImpl") }
    let started = OSThread.start {
      // A failing poll must not become a busy loop.
      while true { if virEventRunDefaultImpl() < 0 { OSThread.pause(milliseconds: 100) } }
    }
    return started ? nil : LibvirtError(.refused, call: "pthread_create", "there is no thread for libvirt's events")
  }()
}
