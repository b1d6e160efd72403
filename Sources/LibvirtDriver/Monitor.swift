import Glibc

/// State behind a lock, with a condition to wait on: any access may have changed what somebody waits for.
final class Monitor<State>: @unchecked Sendable {
  // The state is touched only between lock and unlock, which is what makes it safe to share.
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  private var state: State

  init(_ state: sending State) {
    self.state = state
    pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    // Deadlines are monotonic, so that a jump of the wall clock ends no wait.
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  /// Reads or changes the state, and wakes everybody who waits.
  func access<Result>(_ body: (inout State) -> Result) -> Result {
    pthread_mutex_lock(mutex)
    defer {
      pthread_cond_broadcast(condition)
      pthread_mutex_unlock(mutex)
    }
    return body(&state)
  }

  /// What to do after a look at the state.
  enum Look<Result> {
    case done(Result)
    /// Look again after the next access, or at that time (`OSThread.milliseconds`).
    case wait(until: Int?)
  }

  /// Looks at the state, now and after each access, until `body` is done.
  func wait<Result>(_ body: (inout State) -> Look<Result>) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while true {
      switch body(&state) {
      case .done(let result):
        pthread_cond_broadcast(condition)
        return result
      case .wait(until: nil): pthread_cond_wait(condition, mutex)
      case .wait(let time?):
        var deadline = timespec(tv_sec: time / 1000, tv_nsec: time % 1000 * 1_000_000)
        pthread_cond_timedwait(condition, mutex, &deadline)
      }
    }
  }
}
