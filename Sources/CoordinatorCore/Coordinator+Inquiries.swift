public import Fleet
import NUMA
import PlacementEngine

/// Questions about the whole fleet that take too long for the loop: its hosts would be thought silent meanwhile.
///
/// Like plans they are answered on another thread, from the fleet as it was when they were asked.
extension Coordinator {
  /// A question to answer; the answer returns as `.answered` with the same token.
  public struct Inquiry: Sendable, Hashable {
    public var token: Token
    public var question: Matter
    public var inventory: Inventory
    public var policy: Policy

    public enum Matter: Sendable, Hashable {
      case placeShapes(PlaceShapes)
      case capacity(Shape, byHost: Bool, after: PlanRequest?)
    }

    /// Works the answer out; the same inquiry has the same answer.
    public func answer() -> OperatorReply {
      var placer = Placer(inventory: inventory, policy: policy)
      switch question {
      case .placeShapes(let wish): return Self.answer(wish, placer)
      case .capacity(let shape, let byHost, let after):
        switch placer.capacity(for: shape, byHost: byHost, after: after, in: inventory) {
        case .success(let capacity): return .capacity(capacity)
        case .failure(let refusal): return .refused(refusal)
        }
      }
    }

    private static func answer(_ wish: PlaceShapes, _ placer: Placer) -> OperatorReply {
      let decisions = placer.placeAll(wish.shapes, explain: wish.explain)
      let refused = decisions.filter { $0.placement == nil }
      guard wish.allOrNothing, let first = refused.first?.refusal else { return .decisions(decisions) }
      return .refused(
        Refusal(
          first.code,
          "\(refused.count) of \(decisions.count) guests fit nowhere beside the others: \(first.message)",
          remedy: "leave it out, ask for less, or place without --all-or-nothing"))
    }
  }

  /// Inquiries at once; each keeps a view of the whole fleet.
  private static let inquiriesMax = 16

  mutating func ask(_ matter: Inquiry.Matter, for question: Question, _ now: Instant, _ output: inout Output) {
    guard inquiring.count < Self.inquiriesMax else {
      let refusal = Refusal(
        .busy, "\(inquiring.count) questions about the whole fleet are being answered", remedy: "ask again in a minute")
      return refuse(question, refusal, now, &output)
    }
    inquiring.append(question)
    output.inquiries.append(
      Inquiry(token: question.token, question: matter, inventory: inventory(now), policy: policy))
  }

  mutating func place(_ wish: PlaceShapes, _ question: Question, _ now: Instant, _ output: inout Output) {
    guard (1...PlaceShapes.shapesMax).contains(wish.shapes.count) else {
      let refusal = Refusal(
        .malformed, "\(wish.shapes.count) guests at once; allowed: 1 to \(PlaceShapes.shapesMax)",
        remedy: "ask for fewer at once")
      return refuse(question, refusal, now, &output)
    }
    ask(.placeShapes(wish), for: question, now, &output)
  }

  mutating func count(
    _ shape: Shape, byHost: Bool, after: PlanRequest?, _ question: Question, _ now: Instant, _ output: inout Output
  ) {
    if !byHost, after == nil, let known = placer.capacityByIndex(for: shape) {
      return reply(.capacity(known), to: question, &output)
    }
    ask(.capacity(shape, byHost: byHost, after: after), for: question, now, &output)
  }

  mutating func answered(_ answer: OperatorReply, _ token: Token, _ now: Instant, _ output: inout Output) {
    guard let index = inquiring.firstIndex(where: { $0.token == token }) else { return }
    let question = inquiring.remove(at: index)
    if case .refused(let refusal) = answer { return refuse(question, refusal, now, &output) }
    reply(answer, to: question, &output)
  }
}
