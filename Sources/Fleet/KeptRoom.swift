/// Room that automation keeps in the fleet: so many guests of a shape shall find a place whenever they come.
public struct KeptRoom: Sendable, Hashable, Codable {
  public var shape: Shape
  /// `PlanRequest.countRange`.
  public var count: Int
  public init(shape: Shape, count: Int) {
    self.shape = shape
    self.count = count
  }

  /// How many shapes room can be kept for.
  public static let shapesMaximum = 16
}

/// How much of the room that shall be kept there is.
public struct KeptRoomStatus: Sendable, Hashable, Codable {
  /// The shape's.
  public var name: String
  public var wanted: Int
  /// How many of them fit now beside those of the rules before it; never more than are wanted.
  public var fits: Int
  public init(name: String, wanted: Int, fits: Int) {
    self.name = name
    self.wanted = wanted
    self.fits = fits
  }
}
