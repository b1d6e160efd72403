#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "CWireReference.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>
#include <zmq.h>

// Latencies are counted in steps of 100 ns up to 200 ms; what is slower goes into the last step.
enum { STEP_NS = 100, STEPS = 2000000 };

// A varint of eight bytes holds 2^49 and more.
enum { SEQUENCE_BYTES = 8, SEQUENCE_START_BIT = 49 };

typedef struct {
  void *socket;
  int descriptor;
  // When each request in flight was sent, oldest first, in a ring.
  int64_t *sent_at;
  uint32_t oldest;
  uint32_t in_flight;
  uint64_t sequence;
  int said_hello;
  int answered;
} dealer;

typedef struct {
  const cwire_load *load;
  void *context;
  dealer *dealers;
  uint8_t *request;
  int epoll;
  uint32_t *histogram;
  int measuring;
  // Sending stops at the end of the connecting phase and of the measurement.
  uint32_t depth;
  uint64_t answers;
  uint32_t answered_dealers;
} run;

static int64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static int last_error(void) {
  const int code = zmq_errno();
  return code > 0 ? -code : -EIO;
}

static void set_int(void *socket, int option, int value) { zmq_setsockopt(socket, option, &value, sizeof value); }

static int open_dealer(run *run, uint32_t index) {
  const cwire_load *load = run->load;
  dealer *dealer = &run->dealers[index];
  dealer->sent_at = calloc(load->in_flight, sizeof *dealer->sent_at);
  if (!dealer->sent_at) return -ENOMEM;
  dealer->socket = zmq_socket(run->context, ZMQ_DEALER);
  if (!dealer->socket) return last_error();
  const char *public_key = load->public_keys + (size_t)index * CWIRE_KEY_BYTES;
  const char *secret_key = load->secret_keys + (size_t)index * CWIRE_KEY_BYTES;
  set_int(dealer->socket, ZMQ_LINGER, 0);
  set_int(dealer->socket, ZMQ_IMMEDIATE, 1);
  set_int(dealer->socket, ZMQ_RECONNECT_IVL, 250);
  // A thousand handshakes on a busy machine take longer than an agent would wait for one.
  set_int(dealer->socket, ZMQ_HANDSHAKE_IVL, 30000);
  if (zmq_setsockopt(dealer->socket, ZMQ_CURVE_SERVERKEY, load->server_key, strlen(load->server_key)) != 0 ||
      zmq_setsockopt(dealer->socket, ZMQ_CURVE_PUBLICKEY, public_key, strlen(public_key)) != 0 ||
      zmq_setsockopt(dealer->socket, ZMQ_CURVE_SECRETKEY, secret_key, strlen(secret_key)) != 0 ||
      zmq_connect(dealer->socket, load->endpoint) != 0) {
    return last_error();
  }
  size_t size = sizeof dealer->descriptor;
  if (zmq_getsockopt(dealer->socket, ZMQ_FD, &dealer->descriptor, &size) != 0) return last_error();
  struct epoll_event event = {.events = EPOLLIN, .data.u32 = index};
  return epoll_ctl(run->epoll, EPOLL_CTL_ADD, dealer->descriptor, &event) == 0 ? 0 : -errno;
}

// Takes what has come; true if anything has.
static int take_answers(run *run, dealer *dealer) {
  char scratch[1];
  int any = 0;
  // A longer message is cut, which costs nothing: only its arrival counts.
  while (zmq_recv(dealer->socket, scratch, 0, ZMQ_DONTWAIT) >= 0) {
    any = 1;
    if (!dealer->answered) {
      dealer->answered = 1;
      run->answered_dealers++;
    }
    if (dealer->in_flight == 0) continue;
    const int64_t took = now_ns() - dealer->sent_at[dealer->oldest];
    dealer->oldest = (dealer->oldest + 1) % run->load->in_flight;
    dealer->in_flight--;
    if (!run->measuring) continue;
    const int64_t step = took / STEP_NS;
    run->histogram[step < STEPS ? step : STEPS - 1]++;
    run->answers++;
  }
  return any;
}

// Writes the dealer's next sequence into the request.
static void number_request(run *run, dealer *dealer) {
  uint64_t rest = ((uint64_t)1 << SEQUENCE_START_BIT) + ++dealer->sequence;
  uint8_t *byte = run->request + run->load->sequence_offset;
  for (int i = 0; i < SEQUENCE_BYTES; i++, rest >>= 7) {
    byte[i] = (uint8_t)((rest & 0x7f) | (i < SEQUENCE_BYTES - 1 ? 0x80 : 0));
  }
}

// Fills the dealer's window; true if anything was sent.
static int send_requests(run *run, dealer *dealer) {
  const cwire_load *load = run->load;
  // Until the first answer there is one message in flight: the hello if there is one.
  const uint32_t depth = dealer->answered ? run->depth : 1;
  int any = 0;
  while (dealer->in_flight < depth) {
    const int hello = load->hello && !dealer->said_hello;
    if (!hello && load->sequence_offset) number_request(run, dealer);
    const int64_t now = now_ns();
    if (zmq_send(dealer->socket, hello ? load->hello : run->request, hello ? load->hello_size : load->request_size,
                 ZMQ_DONTWAIT) < 0) {
      return any;
    }
    dealer->said_hello = 1;
    dealer->sent_at[(dealer->oldest + dealer->in_flight) % load->in_flight] = now;
    dealer->in_flight++;
    any = 1;
  }
  return any;
}

// The descriptor is edge-triggered in effect: after a send the socket must be asked again before it is waited for.
static void advance(run *run, dealer *dealer) {
  for (;;) {
    const int received = take_answers(run, dealer);
    const int sent = dealer->answered && run->depth == 0 ? 0 : send_requests(run, dealer);
    if (!received && !sent) return;
  }
}

// Advances the dealers that have something to do.
static void turn(run *run, int wait_ms) {
  struct epoll_event events[256];
  const int count = epoll_wait(run->epoll, events, 256, wait_ms);
  for (int i = 0; i < count; i++) advance(run, &run->dealers[events[i].data.u32]);
}

static int connect_all(run *run, cwire_result *result) {
  const int64_t start = now_ns();
  const int64_t deadline = start + (int64_t)(run->load->connect_seconds * 1e9);
  run->depth = 0;
  for (uint32_t i = 0; i < run->load->dealers; i++) {
    const int failure = open_dealer(run, i);
    if (failure != 0) return failure;
    advance(run, &run->dealers[i]);
  }
  while (run->answered_dealers < run->load->dealers && now_ns() < deadline) turn(run, 10);
  result->connected = run->answered_dealers;
  result->connect_seconds = (double)(now_ns() - start) / 1e9;
  return run->answered_dealers == run->load->dealers ? 0 : -ETIMEDOUT;
}

static double percentile_us(const run *run, double share) {
  uint64_t left = (uint64_t)((double)run->answers * share);
  for (int step = 0; step < STEPS; step++) {
    if (run->histogram[step] > left) return ((double)step + 0.5) * STEP_NS / 1000;
    left -= run->histogram[step];
  }
  return (double)STEPS * STEP_NS / 1000;
}

static void measure(run *run, cwire_result *result) {
  run->depth = run->load->in_flight;
  run->answers = 0;
  memset(run->histogram, 0, STEPS * sizeof *run->histogram);
  const int64_t start = now_ns();
  const int64_t end = start + (int64_t)(run->load->measure_seconds * 1e9);
  run->measuring = 1;
  for (uint32_t i = 0; i < run->load->dealers; i++) advance(run, &run->dealers[i]);
  int64_t now = start;
  while ((now = now_ns()) < end) turn(run, 10);
  run->measuring = 0;
  result->answers = run->answers;
  result->seconds = (double)(now - start) / 1e9;
  result->answers_per_second = (double)run->answers / result->seconds;
  result->p50_us = percentile_us(run, 0.50);
  result->p99_us = percentile_us(run, 0.99);
}

// Sends no more and takes the answers that are due, so that the next measurement begins with nothing in flight.
static int drain(run *run) {
  const int64_t deadline = now_ns() + (int64_t)(run->load->connect_seconds * 1e9);
  run->depth = 0;
  for (uint32_t i = 0; i < run->load->dealers; i++) {
    advance(run, &run->dealers[i]);
    while (run->dealers[i].in_flight > 0) {
      if (now_ns() > deadline) return -ETIMEDOUT;
      turn(run, 10);
    }
  }
  return 0;
}

static int begin(run *run) {
  const cwire_load *load = run->load;
  if (load->dealers == 0 || load->in_flight == 0) return -EINVAL;
  // Each dealer is a socket with an eventfd and a TCP connection.
  const int allowed = cwire_allow_open_files((uint64_t)load->dealers * 4 + 256);
  if (allowed != 0) return allowed;
  run->context = zmq_ctx_new();
  if (!run->context) return last_error();
  if (zmq_ctx_set(run->context, ZMQ_MAX_SOCKETS, (int)load->dealers + 16) != 0) return last_error();
  if (load->sequence_offset && load->sequence_offset + SEQUENCE_BYTES > load->request_size) return -EINVAL;
  run->request = malloc(load->request_size ? load->request_size : 1);
  if (!run->request) return -ENOMEM;
  memcpy(run->request, load->request, load->request_size);
  run->dealers = calloc(load->dealers, sizeof *run->dealers);
  run->histogram = calloc(STEPS, sizeof *run->histogram);
  if (!run->dealers || !run->histogram) return -ENOMEM;
  run->epoll = epoll_create1(EPOLL_CLOEXEC);
  return run->epoll >= 0 ? 0 : -errno;
}

static void end(run *run) {
  for (uint32_t i = 0; run->dealers && i < run->load->dealers; i++) {
    if (run->dealers[i].socket) zmq_close(run->dealers[i].socket);
    free(run->dealers[i].sent_at);
  }
  if (run->context) zmq_ctx_term(run->context);
  if (run->epoll >= 0) close(run->epoll);
  free(run->request);
  free(run->dealers);
  free(run->histogram);
}

struct cwire_connected {
  cwire_load load;
  run run;
};

int cwire_load_connect(const cwire_load *load, cwire_result *result, cwire_connected **started) {
  memset(result, 0, sizeof *result);
  cwire_connected *connected = calloc(1, sizeof *connected);
  if (!connected) return -ENOMEM;
  connected->load = *load;
  connected->run.load = &connected->load;
  connected->run.epoll = -1;
  int failure = begin(&connected->run);
  if (failure == 0) failure = connect_all(&connected->run, result);
  if (failure == 0) *started = connected;
  else cwire_load_end(connected);
  return failure;
}

int cwire_load_measure(cwire_connected *connected, cwire_result *result) {
  measure(&connected->run, result);
  return drain(&connected->run);
}

void cwire_load_end(cwire_connected *connected) {
  end(&connected->run);
  free(connected);
}

int cwire_load_run(const cwire_load *load, cwire_result *result) {
  cwire_connected *connected = NULL;
  const int failure = cwire_load_connect(load, result, &connected);
  if (failure != 0) return failure;
  measure(&connected->run, result);
  cwire_load_end(connected);
  return 0;
}

// MARK: - On a thread of its own

struct cwire_load_run_handle {
  cwire_load load;
  cwire_result result;
  int failure;
  pthread_t thread;
};

static void *run_on_thread(void *argument) {
  cwire_load_run_handle *handle = argument;
  handle->failure = cwire_load_run(&handle->load, &handle->result);
  return NULL;
}

int cwire_load_start(const cwire_load *load, cwire_load_run_handle **started) {
  cwire_load_run_handle *handle = calloc(1, sizeof *handle);
  if (!handle) return -ENOMEM;
  handle->load = *load;
  const int failure = pthread_create(&handle->thread, NULL, run_on_thread, handle);
  if (failure != 0) {
    free(handle);
    return -failure;
  }
  *started = handle;
  return 0;
}

int cwire_load_join(cwire_load_run_handle *handle, cwire_result *result) {
  pthread_join(handle->thread, NULL);
  *result = handle->result;
  const int failure = handle->failure;
  free(handle);
  return failure;
}
