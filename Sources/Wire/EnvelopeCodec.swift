public import Fleet
import NUMA
import SwiftProtobuf

/// Envelopes to and from the bytes of one ZeroMQ frame: protobuf, by the schemas in proto-schemas.
///
/// Bytes come from peers that may be broken, hostile or of another version, so decoding goes in this order, and no
/// bytes trap: the size; the envelope's own fields, so that every refusal can name the message it refuses; the
/// protocol version; a walk over the whole structure that adds up entries before memory is spent on them
/// (`WireScan`); protobuf's decoder, which also checks UTF-8; and the conversion to the model's types, in which each
/// field passes its range check (`FieldCheck`, `IDList`).
///
/// Invariants: what is encoded decodes to an equal value; fields of later versions are skipped; words and payloads
/// of later versions are refused with an answer, never dropped or taken for something else. The generated types stay
/// in this module.
public enum EnvelopeCodec {
  /// The bytes of an agent's message.
  public static func encode(_ envelope: Envelope<ToCoordinator>) -> [UInt8] {
    bytes(of: envelope, carrying: .toCoordinator(ProtoToCoordinator(envelope.payload)))
  }

  /// The bytes of a coordinator's message to an agent.
  public static func encode(_ envelope: Envelope<ToAgent>) -> [UInt8] {
    bytes(of: envelope, carrying: .toAgent(ProtoToAgent(envelope.payload)))
  }

  /// The bytes of an operator's request.
  public static func encode(_ envelope: Envelope<OperatorRequest>) -> [UInt8] {
    bytes(of: envelope, carrying: .operatorRequest(ProtoOperatorRequest(envelope.payload)))
  }

  /// The bytes of a coordinator's reply to an operator.
  public static func encode(_ envelope: Envelope<OperatorReply>) -> [UInt8] {
    bytes(of: envelope, carrying: .operatorReply(ProtoOperatorReply(envelope.payload)))
  }

  /// An agent's message; anything else is refused.
  public static func decodeToCoordinator(
    _ bytes: [UInt8], limits: WireLimits = .message
  ) throws(WireError) -> Envelope<ToCoordinator> {
    try decode(bytes, limits: limits) { payload throws(WireError.Kind) in
      guard case .toCoordinator(let proto) = payload else { throw .unknownPayload(expected: "an agent's message") }
      return try ToCoordinator(proto)
    }
  }

  /// A coordinator's message to an agent; anything else is refused.
  public static func decodeToAgent(
    _ bytes: [UInt8], limits: WireLimits = .message
  ) throws(WireError) -> Envelope<ToAgent> {
    try decode(bytes, limits: limits) { payload throws(WireError.Kind) in
      guard case .toAgent(let proto) = payload else {
        throw .unknownPayload(expected: "a coordinator's message to an agent")
      }
      return try ToAgent(proto)
    }
  }

  /// An operator's request; anything else is refused.
  public static func decodeOperatorRequest(
    _ bytes: [UInt8], limits: WireLimits = .message
  ) throws(WireError) -> Envelope<OperatorRequest> {
    try decode(bytes, limits: limits) { payload throws(WireError.Kind) in
      guard case .operatorRequest(let proto) = payload else { throw .unknownPayload(expected: "an operator's request") }
      return try OperatorRequest(proto)
    }
  }

  /// A coordinator's reply to an operator; anything else is refused.
  public static func decodeOperatorReply(
    _ bytes: [UInt8], limits: WireLimits = .reply
  ) throws(WireError) -> Envelope<OperatorReply> {
    try decode(bytes, limits: limits) { payload throws(WireError.Kind) in
      guard case .operatorReply(let proto) = payload else { throw .unknownPayload(expected: "a coordinator's reply") }
      return try OperatorReply(proto)
    }
  }

  private static func bytes<Payload>(
    of envelope: Envelope<Payload>, carrying payload: ProtoEnvelope.OneOf_Payload
  ) -> [UInt8] {
    var proto = ProtoEnvelope()
    proto.protocolLowest = UInt32(clamping: envelope.protocolLowest)
    proto.protocolHighest = UInt32(clamping: envelope.protocolHighest)
    proto.messageID = envelope.messageID
    if let answering = envelope.answering { proto.answering = answering }
    if let job = envelope.job { proto.job = job.number }
    proto.epoch = envelope.epoch.number
    proto.boot = envelope.boot.text
    proto.sequence = envelope.sequence
    proto.payload = payload
    do {
      return try proto.serializedBytes()
    } catch {
      // proto3 has no required fields; only a message of 2 GiB cannot be serialized.
      invariant(false, "an envelope could not be serialized: \(error)")
      return []
    }
  }

  private static func decode<Payload>(
    _ bytes: [UInt8], limits: WireLimits,
    payload: (ProtoEnvelope.OneOf_Payload?) throws(WireError.Kind) -> Payload
  ) throws(WireError) -> Envelope<Payload> {
    var header = EnvelopeHeader()
    do throws(WireError.Kind) {
      guard bytes.count <= limits.bytes else { throw .oversized(bytes: bytes.count, limit: limits.bytes) }
      try header.read(bytes)
      try header.checkVersion()
      var scan = WireScan(bytes, limits: limits)
      try scan.check(.envelope, in: 0..<bytes.count)
      let proto = try message(bytes)
      return Envelope(
        protocolLowest: Int(proto.protocolLowest), protocolHighest: Int(proto.protocolHighest),
        messageID: proto.messageID, answering: proto.hasAnswering ? proto.answering : nil,
        job: proto.hasJob ? JobID(try FieldCheck.counter(proto.job, "job")) : nil,
        epoch: Epoch(try FieldCheck.counter(proto.epoch, "epoch")), boot: BootID(proto.boot),
        sequence: try FieldCheck.counter(proto.sequence, "sequence"), payload: try payload(proto.payload))
    } catch {
      throw WireError(error, messageID: header.messageID, job: header.job.map { JobID($0) })
    }
  }

  private static func message(_ bytes: [UInt8]) throws(WireError.Kind) -> ProtoEnvelope {
    var options = BinaryDecodingOptions()
    options.messageDepthLimit = 32
    options.discardUnknownFields = true
    do {
      return try ProtoEnvelope(serializedBytes: bytes, options: options)
    } catch BinaryDecodingError.truncated {
      throw .truncated
    } catch BinaryDecodingError.invalidUTF8 {
      throw .malformed(field: "a text", reason: "it is not UTF-8")
    } catch {
      throw .malformed(field: "the message", reason: "it is not protobuf of this schema")
    }
  }
}
