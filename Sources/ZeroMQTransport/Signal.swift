import CLinux
import Glibc

/// What an operator or systemd tells a daemon; delivered by `wait` like everything else.
public enum Signal: Sendable, Hashable, CaseIterable {
  /// SIGHUP: read the configuration again.
  case hangup
  /// SIGINT: stop, from the keyboard.
  case interrupt
  /// SIGTERM: stop, from systemd.
  case terminate

  var number: Int32 {
    switch self {
    case .hangup: SIGHUP
    case .interrupt: SIGINT
    case .terminate: SIGTERM
    }
  }

  init?(number: Int32) {
    guard let signal = Signal.allCases.first(where: { $0.number == number }) else { return nil }
    self = signal
  }

  /// From now on these signals do not end the process but wait in a pipe, whose end to read from this gives.
  static func catchInPipe(_ signals: [Signal]) throws(TransportError) -> Int32 {
    let numbers = signals.map(\.number)
    let descriptor = clinux_signals_catch(numbers, numbers.count)
    guard descriptor >= 0 else { throw .system(call: "sigaction", reason: reason(-descriptor)) }
    return descriptor
  }

  /// What has come since the last call.
  static func caught(from descriptor: Int32) -> [Signal] {
    var signals: [Signal] = []
    while true {
      let number = clinux_signals_next(descriptor)
      guard number > 0 else { return signals }
      if let signal = Signal(number: number) { signals.append(signal) }
    }
  }
}
