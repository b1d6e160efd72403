import Fleet

/// Ending a job that its coordinator does not want any more.
extension Agent {
  /// What has changed nothing yet ends unchanged, the job among it that has never come, and a migration is called off.
  /// All else goes on to its end, which is as near as the way back.
  mutating func cancel(_ job: Job, _ now: Instant, _ output: inout Output) {
    if tellAgain(job, &output) { return }
    if let index = waiting.firstIndex(where: { $0.job.isSame(as: job) && $0.isNew }) {
      waiting.remove(at: index)
      return drop(job, now, &output)
    }
    if let run = renew(job) {
      if let index = runs.firstIndex(where: { $0.job.isSame(as: job) }) { callOff(index, &output) }
      return progress(run, &output)
    }
    if hasOther(job, &output) { return }
    drop(job, now, &output)
  }

  /// Said each time that the coordinator says it: an output may be lost with a journal that could not be written.
  private mutating func callOff(_ index: Int, _ output: inout Output) {
    let run = runs[index]
    runs[index].isCancelled = true
    guard run.mayBeCalledOff else { return }
    output.calledOff.append(run.job.guest.text)
    guard !run.isCancelled else { return }
    output.notes.append(
      Note(.info, "migration called off", ["job": "\(run.job.id)", "guest": run.job.guest.text]))
  }

  private mutating func drop(_ job: Job, _ now: Instant, _ output: inout Output) {
    finish(job, .refused(job.whenDropped), run: nil, observed: nil, &output)
    reportSoon(now)
  }
}

extension Job {
  /// Its end when it was cancelled in time.
  var whenDropped: Refusal {
    Refusal(.cancelled, "job \(id) was cancelled before it began", remedy: "nothing was changed")
  }
}

extension JobRun {
  /// Whether nothing was done for its job before: not by an agent before this one, nor by a run that it only keeps up.
  var isNew: Bool { !resumed && !isUpkeep }

  /// Whether its guest is under way to another host, and stays when that is ended.
  fileprivate var mayBeCalledOff: Bool {
    guard migrates else { return false }
    return switch phase {
    case .acting(0), .settling: true
    default: false
    }
  }
}
