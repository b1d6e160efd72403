/// How a document breaks and indents its lines, so that what an edit adds looks like what was there.
struct XMLLayout {
  /// The indentation of one level; nil when the document is on one line.
  let unit: String?

  init(unit: String?) { self.unit = unit }

  /// The layout of a document, read from what stands before the root's first child element.
  init(of root: XMLElement) {
    guard case .text(let text)? = root.children.first, root.children[0].isBlank,
      let lineEnd = text.lastIndex(of: "\n")
    else {
      unit = nil
      return
    }
    unit = String(text[text.index(after: lineEnd)...])
  }

  /// The blanks before an element that stands at that depth; the root's children stand at depth 1.
  func lineBreak(depth: Int) -> [XMLNode] {
    unit.map { [.text("\n" + String(repeating: $0, count: depth))] } ?? []
  }

  /// The element with its new parts broken and indented; parts from a document stay as they are.
  func lay(_ element: XMLElement, depth: Int) -> XMLElement {
    guard unit != nil, element.whole == nil, !element.elements.isEmpty, element.text.isEmpty else { return element }
    var result = element
    result.children = element.children.filter { !$0.isBlank }.flatMap { child -> [XMLNode] in
      guard case .element(let nested) = child else { return lineBreak(depth: depth + 1) + [child] }
      return lineBreak(depth: depth + 1) + [.element(lay(nested, depth: depth + 1))]
    }
    result.children += lineBreak(depth: depth)
    return result
  }
}

extension XMLElement {
  /// Makes `replacements` the only child elements of that name.
  ///
  /// Those that say the same as before stay untouched; new ones take the place of old ones, then the place that
  /// `order` gives them; the names in `order` are libvirt's, in the order in which it writes them.
  mutating func set(
    _ name: String, to replacements: [XMLElement], order: [String], layout: XMLLayout, depth: Int
  ) {
    let places = children.indices.filter {
      if case .element(let element) = children[$0] { element.isPlain && element.name == name } else { false }
    }
    for (place, replacement) in zip(places, replacements) {
      guard case .element(let old) = children[place], !old.says(theSameAs: replacement) else { continue }
      children[place] = .element(layout.lay(replacement, depth: depth))
    }
    for place in places.dropFirst(replacements.count).reversed() {
      children.remove(at: place)
      if place > 0, children[place - 1].isBlank { children.remove(at: place - 1) }
    }
    for replacement in replacements.dropFirst(places.count) {
      insert(layout.lay(replacement, depth: depth), order: order, layout: layout, depth: depth)
    }
  }

  private mutating func insert(_ element: XMLElement, order: [String], layout: XMLLayout, depth: Int) {
    let rank = order.firstIndex(of: element.name) ?? order.count
    func last(where fits: (Int) -> Bool) -> Int? {
      children.lastIndex {
        guard case .element(let other) = $0, other.isPlain, let index = order.firstIndex(of: other.name) else {
          return false
        }
        return fits(index)
      }
    }
    let before = last { $0 == rank } ?? last { $0 < rank }
    if children.allSatisfy(\.isBlank) { children = layout.lineBreak(depth: depth - 1) }
    children.insert(contentsOf: layout.lineBreak(depth: depth) + [.element(element)], at: before.map { $0 + 1 } ?? 0)
  }
}
