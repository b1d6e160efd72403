/// Stops the process when what must be true is not, in release builds too, and says what was broken.
///
/// Only for errors of this program; anything a peer, a file or an operator can cause is an error value.
@inlinable
public func invariant(
  _ condition: @autoclosure () -> Bool, _ message: @autoclosure () -> String, file: StaticString = #fileID,
  line: UInt = #line
) {
  if !condition() { fatalError("invariant broken: \(message())", file: file, line: line) }
}
