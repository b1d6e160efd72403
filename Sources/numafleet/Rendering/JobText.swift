import Fleet
import NUMA

/// `job list`: one line a job.
struct JobTable {
  let jobs: [JobRecord]

  var text: String {
    var table = Table(">JOB", ">PLAN", "HOST", "GUEST", "STATE", "DRIVER", ">TOOK", "DETAIL")
    for record in jobs {
      let took = record.ended.map { span(milliseconds: max(0, $0 - record.created)) } ?? ""
      table.add(
        "\(record.job.id)", record.plan.map { "\($0)" } ?? "", record.job.host.text, record.job.guestName,
        record.state.rawValue, record.report?.driver?.rawValue ?? "", took, JobWords.detail(record))
    }
    return table.text(empty: "there is no job")
  }
}

/// `job show`: what was wanted, what was done, what was found.
struct JobText {
  let record: JobRecord

  var text: String {
    let job = record.job
    var parts = [
      fields([
        ("job", "\(job.id)"), ("plan", record.plan.map { "\($0)" } ?? "none"), ("host", job.host.text),
        (job.guestIfAny == nil ? "setting" : "guest", "\(job.guestName) (\(job.guest))"),
        ("state", record.state.rawValue + (record.isCancelled == true ? " (cancelled)" : "")),
        ("created", "\(Moment(wallMilliseconds: record.created))"),
        ("ended", record.ended.map { "\(Moment(wallMilliseconds: $0))" } ?? "not yet"),
        ("epoch, generation", "\(job.epoch), \(job.generation)"), ("scope", job.scope.rawValue),
        ("driver", "\(record.report?.driver?.rawValue ?? "none yet") (wanted: \(job.driver.rawValue))"),
        ("wanted", wanted), ("detail", JobWords.detail(record)),
      ])
    ]
    if let report = record.report {
      var table = Table("STEP", ">TOOK", "DETAIL")
      for step in report.steps { table.add(step.name, span(milliseconds: step.milliseconds), step.detail) }
      parts.append(table.text(empty: "no step was begun"))
      if report.pagesLeft > 0 { parts.append("\(report.pagesLeft) pages did not move") }
      if let observed = report.observed {
        parts.append(
          "afterwards:\n"
            + fields([
              ("cpuset of vcpu", GuestWords.cpusets(observed)), ("MiB on node", GuestWords.mibByCell(observed)),
            ]).indented())
      }
    }
    return parts.joined(separator: "\n\n")
  }

  private var wanted: String {
    switch record.job.action {
    case .apply(let desired, _): PinningWords(desired).line
    case .start(_, let shape, let placement):
      "start \(shape.name) on " + placement.cells.map { "node \($0.cell)" }.joined(separator: ", ")
    case .migrate(_, let placement, _):
      "migrate to \(placement.host), " + PinningWords(placement.pinning).line
    case .switchKSM(let mergeAcrossNodes): "merge_across_nodes \(mergeAcrossNodes ? 1 : 0)"
    }
  }
}

/// How a job stands, in one clause.
enum JobWords {
  static func detail(_ record: JobRecord) -> String {
    if record.isArriving {
      return "it has left, and is waited for on host \(record.job.destination?.text ?? "")"
    }
    return switch record.report?.outcome {
    case .running(let detail)?: detail
    case .refused(let refusal)?, .diverged(let refusal)?: refusal.description
    case .verified?: (record.report?.pagesLeft ?? 0) > 0 ? "\(record.report?.pagesLeft ?? 0) pages did not move" : ""
    case nil: ""
    }
  }

  /// A line of progress: `job 12, db on host-a: running: moving memory, 40 of 158 MiB`.
  static func progress(_ record: JobRecord) -> String {
    let detail = detail(record)
    return "job \(record.job.id), \(record.job.guestName) on \(record.job.host): \(record.state.rawValue)"
      + (detail.isEmpty ? "" : ": \(detail)")
  }
}
