import CLinux
import Glibc
import NUMA

/// Makes pages visible again that NUMA balancing has hidden to see who touches them.
///
/// Linux 6.1 to 6.5 take a page under that sampling for an absent one: `move_pages(2)` answers ENOENT for it and leaves
/// it where it is until the guest happens to touch it. Measured on Debian's 6.1.192: a second after a process had
/// begun to compute, 2047 of its 2048 idle pages. (The kernel's 474098edac26 broke it, d74943a2f3cd mended it.)
/// Reading one byte of such a page, as a debugger does, ends its sampling and changes nothing else.
struct HintingFaults {
  let pid: Int

  /// What `clinux_touch` takes at once.
  private static let addressesMaximum = 1024
  /// Bit 63 of an entry of `/proc/PID/pagemap`.
  private static let present: UInt64 = 1 << 63

  /// Takes the hinting faults of those of the ascending `pages` that are there, and tells which pages these are.
  ///
  /// Only pages that exist are read, for reading another one would make it. Without CAP_SYS_PTRACE there are none.
  func take(_ pages: [UInt]) -> [UInt] {
    let hidden = existing(pages)
    var rest = hidden[...]
    while !rest.isEmpty {
      let part = Array(rest.prefix(Self.addressesMaximum))
      let touched = max(clinux_touch(pid_t(pid), part, part.count), 0)
      // The page that the kernel stopped at is gone by now.
      rest = rest.dropFirst(touched < part.count ? touched + 1 : touched)
    }
    return hidden
  }

  private func existing(_ pages: [UInt]) -> [UInt] {
    guard let first = pages.first, let last = pages.last else { return [] }
    let size = UInt(KernelRoot.machine.pageSize.kib) * 1024
    let descriptor = retrying { open("/proc/\(pid)/pagemap", O_RDONLY | O_CLOEXEC) }
    guard descriptor >= 0 else { return [] }
    defer { close(descriptor) }
    var entries = [UInt64](repeating: 0, count: Int((last - first) / size) + 1)
    let got = entries.withUnsafeMutableBytes { bytes in
      retrying { pread(descriptor, bytes.baseAddress, bytes.count, off_t(first / size) * 8) }
    }
    let known = max(got, 0) / 8
    return pages.filter { page in
      let index = Int((page - first) / size)
      return index < known && entries[index] & Self.present != 0
    }
  }
}
