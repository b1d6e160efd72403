import ArgumentParser
import Glibc

/// A process with threads and memory for the demo and the end-to-end tests: what a guest is to the kernel, without a
/// guest. It touches its memory once, where it is told, and then its threads read it now and then until it is stopped.
@main
struct Workload: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "numa-workload",
    abstract: "Holds memory and runs threads, to have something to place.",
    discussion: "Start it badly on purpose, for example: numactl --membind=0 --physcpubind=2 numa-workload")

  @Option(help: "Worker threads, 1...1024.")
  var threads = 4

  @Option(help: "Worker threads that are named as VMMs name those of vcpus (vcpu0, vcpu1), 0...1023.")
  var vcpus = 0

  @Option(help: "Memory to hold, in MiB, 1...1048576.")
  var memory = 128

  @Option(help: "Pause between two rounds of a thread, in ms, 0...3600000; 0 keeps it busy.")
  var pauseMilliseconds = 200

  @Flag(help: "Let KSM merge the memory, all of whose pages are alike.")
  var mergeable = false

  func validate() throws {
    guard (1...1024).contains(threads) else { throw ValidationError("--threads is 1...1024") }
    guard (0..<threads).contains(vcpus) else { throw ValidationError("--vcpus is less than --threads") }
    guard (1...1_048_576).contains(memory) else { throw ValidationError("--memory is 1...1048576 MiB") }
    // An hour, far below where usleep's 32 bits of microseconds end.
    guard (0...3_600_000).contains(pauseMilliseconds) else {
      throw ValidationError("--pause-milliseconds is 0...3600000")
    }
  }

  func run() throws {
    let bytes = memory << 20
    guard let held = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), held != MAP_FAILED
    else { throw ValidationError("cannot map \(memory) MiB: \(String(cString: strerror(errno)))") }
    memset(held, 1, bytes)
    if mergeable, madvise(held, bytes, Int32(MADV_MERGEABLE)) != 0 {
      throw ValidationError("this kernel merges nothing: \(String(cString: strerror(errno)))")
    }
    print("numa-workload: pid \(getpid()) holds \(memory) MiB with \(threads) threads")
    fflush(nil)
    let share = Share(start: UInt(bitPattern: held), bytes: bytes, pauseMilliseconds: pauseMilliseconds)
    for index in 0..<max(threads - 1, 1) { start(share, named: index < vcpus ? "vcpu\(index)" : nil) }
    work(share)
  }

  private func start(_ share: Share, named name: String?) {
    let box = Unmanaged.passRetained(Box(share, name: name)).toOpaque()
    var thread = pthread_t()
    pthread_create(
      &thread, nil,
      { argument in
        guard let argument else { return nil }
        let box = Unmanaged<Box>.fromOpaque(argument).takeRetainedValue()
        if let name = box.name { nameThread(name) }
        work(box.share)
        return nil
      }, box)
  }
}

/// What every thread reads.
struct Share: Sendable {
  var start: UInt
  var bytes: Int
  var pauseMilliseconds: Int
}

/// Carries a share through pthread_create.
final class Box: Sendable {
  let share: Share
  let name: String?
  init(_ share: Share, name: String?) {
    self.share = share
    self.name = name
  }
}

/// Gives the caller's thread a name; Swift sees neither prctl(2) nor pthread_setname_np(3).
func nameThread(_ name: String) {
  let file = open("/proc/thread-self/comm", O_WRONLY)
  guard file >= 0 else { return }
  _ = write(file, name, name.utf8.count)
  close(file)
}

/// Reads one byte of every page for ever.
func work(_ share: Share) {
  guard let memory = UnsafePointer<UInt8>(bitPattern: share.start) else { return }
  var sum: UInt64 = 0
  while sum != .max {
    for offset in stride(from: 0, to: share.bytes, by: 4096) { sum &+= UInt64(memory[offset]) & 1 }
    if share.pauseMilliseconds > 0 { usleep(UInt32(share.pauseMilliseconds) * 1000) }
  }
}
