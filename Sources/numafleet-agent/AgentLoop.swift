import AgentCore
import Daemon
import Fleet
import Logging
import Wire
import ZeroMQTransport

/// Waits for what happens, steps the core, and carries its output out in order: the journal, messages, commands.
final class AgentLoop {
  /// What worker threads hand to the loop.
  enum Arrival: Sendable {
    case completed(CommandID, CommandOutcome)
    case progressed(CommandID, String)
    case poked
  }

  /// More than the commands that can be in flight at once.
  static let arrivalsMax = 256

  private var core: Agent
  private let dialer: Dialer
  private let completions: Mailbox<Arrival>
  private let runner: CommandRunner
  private let journal: JournalFile
  private let clock: MachineClock
  private let log: Logger

  init(
    core: Agent, dialer: Dialer, completions: Mailbox<Arrival>, runner: CommandRunner, journal: JournalFile,
    clock: MachineClock, log: Logger
  ) {
    self.core = core
    self.dialer = dialer
    self.completions = completions
    self.runner = runner
    self.journal = journal
    self.clock = clock
    self.log = log
  }

  /// Serves until a signal says stop; `hangup` answers SIGHUP.
  func run(hangup: () -> Void) {
    step(.tick)
    while true {
      let wait = max(0, core.nextDeadline.milliseconds - clock.now().milliseconds)
      let batch = dialer.wait(timeoutMilliseconds: wait)
      for arrival in completions.take() {
        switch arrival {
        case .completed(let id, let outcome):
          FailPoint.reach("agent-after-command", when: outcome.isOfJob)
          step(.completed(id, outcome))
        case .progressed(let id, let detail): step(.progressed(id, detail))
        case .poked: step(.poked)
        }
      }
      for event in batch.events { take(event) }
      if batch.signals.contains(.hangup) { hangup() }
      if batch.signals.contains(.terminate) || batch.signals.contains(.interrupt) {
        log.info("stopping")
        return
      }
      if core.nextDeadline.milliseconds <= clock.now().milliseconds { step(.tick) }
    }
  }

  private func take(_ event: DialerEvent) {
    switch event {
    case .received(let bytes, let name):
      do throws(WireError) {
        let envelope = try EnvelopeCodec.decodeToAgent(bytes)
        FailPoint.reach("agent-job-received", when: envelope.payload.isJob)
        step(.received(envelope, link: link(name)))
      } catch {
        step(.unreadable(messageID: error.messageID, job: error.job, error.refusal, link: link(name)))
      }
    case .malformed(let frames, let name):
      log.warning("malformed message", metadata: ["link": "\(name)", "frames": "\(frames)"])
    case .connected(let name):
      log.info("connected", metadata: ["link": "\(name)"])
      step(.connected(link: link(name)))
      StartupPages.release()
    case .disconnected(let name):
      log.info("disconnected", metadata: ["link": "\(name)"])
      step(.disconnected(link: link(name)))
    case .failed(let name, let failure):
      log.warning("not connected", metadata: ["link": "\(name)", "reason": "\(failure)"])
    case .undelivered(let name, let count):
      log.info("messages not delivered", metadata: ["link": "\(name)", "count": "\(count)"])
    case .writable:
      break
    }
  }

  private func link(_ name: String) -> Int { Int(name) ?? 0 }

  private func step(_ event: Agent.Event) {
    let output = core.step(event, at: clock.now())
    for step in output.steps {
      switch step {
      case .note(let note): log.log(note)
      case .send(let message): send(message)
      case .run(let command):
        FailPoint.reach("agent-before-command", when: command.effect.isOfJob)
        runner.run(command)
      case .callOff(let domain): runner.callOff(domain)
      case .save(let entry):
        do {
          try journal.save(entry)
        } catch {
          // Nothing of this output may leave without it; the core takes back what it must and tries again.
          return self.step(
            .journalFailed(
              Refusal(.storeUnavailable, "the agent's journal cannot be written: \(error)", remedy: "mend its disk")))
        }
        FailPoint.reach("agent-journal-written", when: output.commands.contains { $0.effect.isOfJob })
      }
    }
  }

  private func send(_ message: Agent.Message) {
    FailPoint.reach("agent-before-report", when: message.envelope.payload.isFinalReport)
    // What cannot be sent now is repeated by the next heartbeat: messages carry full state.
    let result = dialer.send(EnvelopeCodec.encode(message.envelope), to: "\(message.link)")
    if result != .sent && result != .queued {
      log.debug("message not sent", metadata: ["link": "\(message.link)", "result": "\(result)"])
    }
  }
}

// What named moments are told by.

extension Effect {
  fileprivate var isOfJob: Bool {
    if case .observeHost = self { return false }
    return true
  }
}

extension CommandOutcome {
  fileprivate var isOfJob: Bool {
    if case .observedHost = self { return false }
    return true
  }
}

extension ToAgent {
  fileprivate var isJob: Bool {
    if case .job = self { return true }
    return false
  }
}

extension ToCoordinator {
  fileprivate var isFinalReport: Bool {
    if case .jobReport(let report) = self { return report.outcome.isFinal }
    return false
  }
}
