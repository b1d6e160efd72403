/// The text with everything escaped that could move the cursor, recolour, reorder or hide what an operator reads.
///
/// Names of guests and threads are chosen by their owners. Control characters (C0, C1, DEL), line and paragraph
/// separators, characters that change the direction of text, and invisible format characters become `\u{…}`.
func printable(_ text: String) -> String {
  guard text.unicodeScalars.contains(where: isDeceptive) else { return text }
  return text.unicodeScalars.reduce(into: "") { result, scalar in
    result += isDeceptive(scalar) ? "\\u{\(String(scalar.value, radix: 16))}" : String(scalar)
  }
}

/// Whether a scalar must not reach a terminal as it is.
func isDeceptive(_ scalar: Unicode.Scalar) -> Bool {
  switch scalar.properties.generalCategory {
  case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse: true
  default: false
  }
}
