public import Fleet

/// Many new guests that are to be placed at once, by the files of their shapes.
public struct Batch: Sendable, Hashable {
  public var guests: [Guests]

  /// Some guests of one shape.
  public struct Guests: Sendable, Hashable {
    /// The path of a shape file.
    public var shape: String
    /// 1 or more.
    public var count: Int
    /// What to call them; several get `-1`, `-2` and so on behind it. Nil for the shape's own name.
    public var name: String?
  }

  /// Validates the text of a batch file; its shape files are not read.
  public init(parsing text: String, file: String) throws(ConfigurationError) {
    let document = try Document(text, file: file, overriding: [])
    let section = try document.section(.batch, BatchKey.self)
    let list = try section.required(.guests, example: "[{shape: shapes/small.yaml, count: 3}]")
    guests = []
    for item in try list.items() { guests.append(try Guests(item)) }
    let count = guests.reduce(0) { $0 + $1.count }
    guard (1...PlaceShapes.shapesMax).contains(count) else {
      throw list.position.error("guests are \(count) in all; allowed: 1...\(PlaceShapes.shapesMax)")
    }
  }
}

private enum BatchKey: String, SectionKey {
  case kind, guests
}

private enum BatchGuestsKey: String, SectionKey {
  case shape, count, name
}

extension Batch.Guests {
  init(_ value: Value) throws(ConfigurationError) {
    let section = try Section<BatchGuestsKey>(value)
    shape = try section.required(.shape, example: "shapes/small.yaml").path()
    count = try section[.count]?.number(in: 1...PlaceShapes.shapesMax) ?? 1
    name = try section[.name]?.word()
  }

  /// The guests' shapes, from that of their file.
  public func named(_ shape: Shape) -> [Shape] {
    (1...max(count, 1)).map { number in
      var named = shape
      let name = name ?? shape.name
      named.name = count > 1 ? "\(name)-\(number)" : name
      return named
    }
  }
}
