import Testing

/// The built daemons and the command, as an operator runs them.
///
/// One after another, because each starts processes that want a whole machine: a fleet on this host's loopback, or an
/// emulated machine with libvirtd, QEMU guests and the kernel's own files to prove what was done.
@Suite(.serialized) enum EndToEndTests {}
