// The wire exchange in bare C and libzmq: the yardstick of `numafleet bench wire`. A ROUTER server and a load
// generator of many DEALERs, both with CURVE. The load generator works against any ROUTER that answers each request
// with at least one message, so the same client measures the product and the yardstick.
// Every function returns 0 on success and -errno (or -libzmq's code) on failure.

#ifndef NUMAFLEET_CWIREREFERENCE_H
#define NUMAFLEET_CWIREREFERENCE_H

#include <stddef.h>
#include <stdint.h>

/// Room for a key in Z85 with its terminating zero.
#define CWIRE_KEY_BYTES 41

typedef struct cwire_server cwire_server;

/// Starts a CURVE ROUTER on a thread of its own, with a ZAP handler that admits every key. It answers each request
/// with `reply` (NULL: with the request itself). `endpoint` is tcp://ADDRESS:PORT; the one bound, with the port that
/// the system chose for port 0, is written to `bound`.
int cwire_server_start(const char *endpoint, const char *secret_key, const uint8_t *reply, size_t reply_size,
                       char *bound, size_t bound_size, cwire_server **server);

/// Ends the thread and frees everything.
void cwire_server_stop(cwire_server *server);

typedef struct {
  /// tcp://HOST:PORT of the ROUTER, and its public key in Z85.
  const char *endpoint;
  const char *server_key;
  /// How many DEALERs, and how many requests each keeps in flight.
  uint32_t dealers;
  uint32_t in_flight;
  /// Keys in Z85, CWIRE_KEY_BYTES each with the terminating zero, one after the other, one for each dealer.
  const char *public_keys;
  const char *secret_keys;
  /// Sent once by each dealer before the first request and answered by at least one message; NULL for none.
  const uint8_t *hello;
  size_t hello_size;
  const uint8_t *request;
  size_t request_size;
  /// Where in the request a protobuf varint of eight bytes is, which then counts up with every request of a dealer
  /// from 2^49; 0: nowhere, every request is the same.
  size_t sequence_offset;
  /// How long all dealers together may take to connect and get their first answer, and how long to measure then.
  double connect_seconds;
  double measure_seconds;
} cwire_load;

typedef struct {
  /// Dealers that got an answer to their first request.
  uint32_t connected;
  /// Until all of them had it.
  double connect_seconds;
  /// Answers during the measurement, and how long it took.
  uint64_t answers;
  double seconds;
  double answers_per_second;
  /// From a request to the answer that took its turn, in microseconds.
  double p50_us;
  double p99_us;
} cwire_result;

/// Runs the load from the calling thread and gives the figures. -ETIMEDOUT if not all dealers were answered in
/// `connect_seconds`; `result->connected` then says how many were.
int cwire_load_run(const cwire_load *load, cwire_result *result);

/// The same in parts, so that two servers can be measured in turn, each with all its dealers connected. What `load`
/// points to must live until this returns.
typedef struct cwire_connected cwire_connected;
int cwire_load_connect(const cwire_load *load, cwire_result *result, cwire_connected **connected);

/// Measures for `measure_seconds`, and then takes the answers that are still due. May be called again.
int cwire_load_measure(cwire_connected *connected, cwire_result *result);

/// Closes all connections.
void cwire_load_end(cwire_connected *connected);

typedef struct cwire_load_run_handle cwire_load_run_handle;

/// The same on a thread of its own; what `load` points to must live until the join.
int cwire_load_start(const cwire_load *load, cwire_load_run_handle **handle);

/// Waits for the end of the run and gives its return value and figures.
int cwire_load_join(cwire_load_run_handle *handle, cwire_result *result);

/// Raises the soft limit of open files to `needed` if the hard limit allows it.
int cwire_allow_open_files(uint64_t needed);

#endif
