import CWireReference
import Glibc
import Testing

@testable import ZeroMQTransport

@Suite struct WireReferenceTests {
  /// Keys of many dealers in the layout of the C client.
  private struct DealerKeys {
    var secrets: [CurveSecretKey] = []

    init(_ count: Int) throws {
      for _ in 0..<count { secrets.append(try CurveSecretKey.generate()) }
    }

    var publicTexts: [CChar] { secrets.flatMap { Array($0.publicKey.z85.utf8CString) } }
    var secretTexts: [CChar] { secrets.flatMap { Array($0.revealedZ85().utf8CString) } }
  }

  /// Starts the load on a thread of its own, calls `serve` until it has ended, and gives the figures.
  private func load(
    _ keys: DealerKeys, endpoint: String, serverKey: CurvePublicKey, serve: () -> Void
  ) throws -> (code: Int32, result: cwire_result) {
    let publicTexts = keys.publicTexts
    let secretTexts = keys.secretTexts
    let hello = Array("hello".utf8)
    let request = [UInt8](repeating: 1, count: 180)
    return endpoint.withCString { endpoint in
      serverKey.z85.withCString { serverKey in
        var result = cwire_result()
        let code = publicTexts.withUnsafeBufferPointer { publicTexts in
          secretTexts.withUnsafeBufferPointer { secretTexts in
            request.withUnsafeBufferPointer { request in
              hello.withUnsafeBufferPointer { hello in
                var load = cwire_load(
                  endpoint: endpoint, server_key: serverKey, dealers: UInt32(keys.secrets.count), in_flight: 4,
                  public_keys: publicTexts.baseAddress, secret_keys: secretTexts.baseAddress,
                  hello: hello.baseAddress, hello_size: hello.count,
                  request: request.baseAddress, request_size: request.count, sequence_offset: 0,
                  connect_seconds: 30, measure_seconds: 0.3)
                var handle: OpaquePointer?
                #expect(cwire_load_start(&load, &handle) == 0)
                serve()
                return cwire_load_join(handle, &result)
              }
            }
          }
        }
        return (code, result)
      }
    }
  }

  private func check(_ outcome: (code: Int32, result: cwire_result), dealers: UInt32) {
    #expect(outcome.code == 0)
    #expect(outcome.result.connected == dealers)
    #expect(outcome.result.answers > 0)
    #expect(outcome.result.p50_us > 0)
    #expect(outcome.result.p99_us >= outcome.result.p50_us)
    #expect(outcome.result.answers_per_second > 0)
  }

  @Test func bareServerAnswersTheBareClient() throws {
    let server = try CurveSecretKey.generate()
    var bound = [CChar](repeating: 0, count: 256)
    var handle: OpaquePointer?
    let started = cwire_server_start("tcp://127.0.0.1:*", server.revealedZ85(), nil, 0, &bound, bound.count, &handle)
    #expect(started == 0)
    let endpoint = String(decoding: bound.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    let outcome = try load(DealerKeys(3), endpoint: endpoint, serverKey: server.publicKey, serve: {})
    cwire_server_stop(handle)
    check(outcome, dealers: 3)
  }

  @Test func hubAnswersTheBareClient() throws {
    let keys = try DealerKeys(20)
    let scene = try Scene(
      admitting: keys.secrets.enumerated().map { AdmittedKey(key: $1.publicKey, user: "host-\($0)") })
    var hellos = 0
    let outcome = try load(keys, endpoint: scene.endpoint, serverKey: scene.serverKey.publicKey) {
      var quiet = 0
      // The load has ended when nothing comes any more after all have said hello.
      while quiet < 20 {
        let batch = scene.hub.wait(timeoutMilliseconds: 50)
        if batch.isEmpty, hellos >= 20 { quiet += 1 }
        for case .received(let delivery) in batch.events {
          if delivery.payload.count == 5 { hellos += 1 }
          _ = scene.hub.send(delivery.payload, to: delivery.connection)
        }
      }
    }
    check(outcome, dealers: 20)
    #expect(hellos == 20)
  }

  @Test func clientWithUnknownKeysSaysHowManyWereServed() throws {
    let scene = try Scene()
    var result = cwire_result()
    let keys = try DealerKeys(1)
    let code = scene.endpoint.withCString { endpoint in
      scene.serverKey.publicKey.z85.withCString { serverKey in
        keys.publicTexts.withUnsafeBufferPointer { publicTexts in
          keys.secretTexts.withUnsafeBufferPointer { secretTexts in
            var load = cwire_load(
              endpoint: endpoint, server_key: serverKey, dealers: 1, in_flight: 1,
              public_keys: publicTexts.baseAddress, secret_keys: secretTexts.baseAddress, hello: nil, hello_size: 0,
              request: publicTexts.baseAddress.map { UnsafeRawPointer($0).assumingMemoryBound(to: UInt8.self) },
              request_size: 10, sequence_offset: 0, connect_seconds: 0.2, measure_seconds: 0.1)
            return cwire_load_run(&load, &result)
          }
        }
      }
    }
    #expect(code == -ETIMEDOUT)
    #expect(result.connected == 0)
  }
}
