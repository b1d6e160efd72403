import CZeroMQ

/// Every socket option of the product, each with its reason. Nothing else sets one.
extension Socket {
  /// What CURVE adds to a message: its command's name, nonce, authenticator and flags.
  private static var curveBytes: Int { 8 + 8 + 16 + 1 }

  /// Options of both ends of a connection between hosts.
  private func setShared(queued: Int, receivedBytesMax: Int) {
    // The default (-1) waits for ever at the end of the process for a peer that is gone.
    set(ZMQ_LINGER, 0)
    // Memory per peer is bounded in both directions; a full queue is back-pressure, not growth.
    set(ZMQ_SNDHWM, queued)
    set(ZMQ_RCVHWM, queued)
    // The default (-1) lets a peer make us allocate what its length field says, even before it is authenticated.
    // libzmq compares what is on the wire.
    set(ZMQ_MAXMSGSIZE, Int64(receivedBytesMax + Socket.curveBytes))
    // With the default of 30 s, idle TCP connections use up the file descriptors and spin the IO thread; at 2 s a
    // legitimate peer is served within 2 s of the flood.
    set(ZMQ_HANDSHAKE_IVL, 2000)
    // What was sent and is not acknowledged for 15 s ends the connection; with the default TCP tries for 15 minutes.
    set(ZMQ_TCP_MAXRT, 15_000)
    // Keeps middleboxes from forgetting an idle connection, and frees it if they did.
    set(ZMQ_TCP_KEEPALIVE, 1)
    set(ZMQ_TCP_KEEPALIVE_IDLE, 30)
    set(ZMQ_TCP_KEEPALIVE_INTVL, 5)
    set(ZMQ_TCP_KEEPALIVE_CNT, 3)
    // Host names that resolve to IPv6 only must work; libzmq falls back to IPv4 where the host has no IPv6.
    set(ZMQ_IPV6, 1)
  }

  /// Options of a ROUTER that listens.
  func setListening(_ listener: Listener, ioThread: Int) {
    setShared(queued: listener.queuedPerConnection, receivedBytesMax: listener.receivedBytesMax)
    // Without it a message for a slow or unknown peer vanishes and the send succeeds.
    set(ZMQ_ROUTER_MANDATORY, 1)
    // A newcomer that claims an existing routing id must never get the other's jobs; ROUTER gives out all ids.
    set(ZMQ_ROUTER_HANDOVER, 0)
    // A fleet that reconnects at once overflows the default of 100.
    set(ZMQ_BACKLOG, 1024)
    // No heartbeats of its own: each is a timer, and libzmq looks through all its timers to put one off, which with
    // 3,900 agents was 42 % of the coordinator's time. Leases tell silent hosts, the TCP options dead connections.
    set(ZMQ_HEARTBEAT_IVL, 0)
    // A flood of handshakes on one listener must not slow down another.
    set(ZMQ_AFFINITY, UInt64(1) << UInt64(ioThread))
    // Without a domain a NULL listener asks no ZAP handler; with one the handler knows which keys are meant.
    set(ZMQ_ZAP_DOMAIN, listener.name)
    // Without it CURVE admits everybody while no ZAP handler answers: it must fail closed.
    set(ZMQ_ZAP_ENFORCE_DOMAIN, 1)
    switch listener.admission {
    case .curve(let key, _):
      set(ZMQ_CURVE_SERVER, 1)
      set(ZMQ_CURVE_SECRETKEY, key.z85)
    case .local(let userIDs):
      // The kernel says who connects; the file's mode alone leaves a window between bind and chmod.
      for userID in userIDs { set(ZMQ_IPC_FILTER_UID, userID) }
    }
  }

  /// Options of a DEALER that connects to one destination.
  func setDialing(_ destination: Destination, reconnectMilliseconds: Int) {
    setShared(queued: destination.queued, receivedBytesMax: destination.receivedBytesMax)
    // Else messages queue up for a connection that is not there yet, and arrive stale.
    set(ZMQ_IMMEDIATE, 1)
    // A coordinator behind a dead link is noticed in 6 s; TCP alone needs minutes. No lifetime (TTL) is sent along, for
    // the listener would keep a timer for each of its connections.
    set(ZMQ_HEARTBEAT_IVL, 2000)
    set(ZMQ_HEARTBEAT_TIMEOUT, 6000)
    set(ZMQ_HEARTBEAT_TTL, 0)
    // A host that answers nothing must not hold the dialling for TCP's two minutes.
    set(ZMQ_CONNECT_TIMEOUT, 3000)
    // The default is 100 ms for ever for every agent alike: a storm. The first interval is each dialer's own.
    set(ZMQ_RECONNECT_IVL, reconnectMilliseconds)
    set(ZMQ_RECONNECT_IVL_MAX, 30_000)
    if case .curve(let server, let key) = destination.security {
      set(ZMQ_CURVE_SERVERKEY, server.z85)
      set(ZMQ_CURVE_PUBLICKEY, key.publicKey.z85)
      set(ZMQ_CURVE_SECRETKEY, key.z85)
    }
  }

  /// Options of an inproc socket (ZAP handler, monitor): nothing but a quick end.
  func setInternal() { set(ZMQ_LINGER, 0) }

  private func set(_ option: Int32, _ value: Int) { set(option, Int32(value)) }

  private func set(_ option: Int32, _ value: some BitwiseCopyable) {
    let result = withUnsafeBytes(of: value) { zmq_setsockopt(raw, option, $0.baseAddress, $0.count) }
    if result != 0 { broken("socket option \(option) = \(value) is refused: \(reason(zmq_errno()))") }
  }

  private func set(_ option: Int32, _ text: String) {
    if zmq_setsockopt(raw, option, text, text.utf8.count) != 0 {
      broken("socket option \(option) is refused: \(reason(zmq_errno()))")
    }
  }
}
