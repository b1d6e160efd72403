import ClusterConfig
import Fleet

/// The shapes of a batch file's guests, in its order.
func readBatch(_ path: String) throws(CommandFailure) -> [Shape] {
  let text = try readText(path, kind: "batch")
  let batch: Batch
  do { batch = try Batch(parsing: text, file: path) } catch { throw CommandFailure(configuration: error) }
  var shapes: [Shape] = []
  for guests in batch.guests {
    let text = try readText(guests.shape, kind: "shape")
    do {
      shapes += guests.named(try Shape(parsing: text, file: guests.shape))
    } catch { throw CommandFailure(configuration: error) }
  }
  return shapes
}
