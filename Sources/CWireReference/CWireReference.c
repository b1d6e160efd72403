#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "CWireReference.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zmq.h>

static int last_error(void) {
  const int code = zmq_errno();
  return code > 0 ? -code : -EIO;
}

int cwire_allow_open_files(uint64_t needed) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return -errno;
  if (limit.rlim_cur >= needed) return 0;
  limit.rlim_cur = needed;
  if (limit.rlim_max < needed) limit.rlim_max = needed;
  return setrlimit(RLIMIT_NOFILE, &limit) == 0 ? 0 : -errno;
}

// MARK: - Server

struct cwire_server {
  void *context;
  void *router;
  void *zap;
  int stop;
  uint8_t *reply;
  size_t reply_size;
  pthread_t router_thread;
  pthread_t zap_thread;
};

// Waits for the socket or the end; true for the socket.
static int socket_is_next(void *socket, int stop) {
  zmq_pollitem_t items[2] = {{socket, 0, ZMQ_POLLIN, 0}, {NULL, stop, ZMQ_POLLIN, 0}};
  while (zmq_poll(items, 2, -1) < 0) {
    if (zmq_errno() != EINTR) return 0;
  }
  return items[1].revents == 0;
}

// Sends the first frame of an answer; a full queue is looked at again until it has room, as nothing may be lost here.
static int send_id(cwire_server *server, zmq_msg_t *id) {
  while (zmq_msg_send(id, server->router, ZMQ_DONTWAIT | ZMQ_SNDMORE) < 0) {
    if (zmq_errno() != EAGAIN) return 0;
    int events;
    size_t size = sizeof events;
    zmq_getsockopt(server->router, ZMQ_EVENTS, &events, &size);
    sched_yield();
  }
  return 1;
}

// Answers what has come; the two messages are used again, as any careful C program would.
static void answer_all(cwire_server *server, zmq_msg_t *id, zmq_msg_t *payload) {
  for (int i = 0; i < 256; i++) {
    if (zmq_msg_recv(id, server->router, ZMQ_DONTWAIT) < 0) return;
    if (zmq_msg_recv(payload, server->router, ZMQ_DONTWAIT) < 0) return;
    if (zmq_msg_gets(payload, "User-Id") == NULL) continue;
    if (!send_id(server, id)) continue;
    if (server->reply) {
      zmq_send(server->router, server->reply, server->reply_size, ZMQ_DONTWAIT);
    } else {
      zmq_msg_send(payload, server->router, ZMQ_DONTWAIT);
    }
  }
}

static void *serve(void *argument) {
  cwire_server *server = argument;
  zmq_msg_t id, payload;
  zmq_msg_init(&id);
  zmq_msg_init(&payload);
  while (socket_is_next(server->router, server->stop)) answer_all(server, &id, &payload);
  zmq_msg_close(&id);
  zmq_msg_close(&payload);
  return NULL;
}

static void *admit(void *argument) {
  cwire_server *server = argument;
  while (socket_is_next(server->zap, server->stop)) {
    char request_id[256];
    int request_id_size = 0;
    int more = 1;
    for (int frame = 0; more; frame++) {
      char bytes[256];
      const int size = zmq_recv(server->zap, bytes, sizeof bytes, 0);
      if (size < 0) return NULL;
      if (frame == 1) {
        request_id_size = size < (int)sizeof bytes ? size : (int)sizeof bytes;
        memcpy(request_id, bytes, (size_t)request_id_size);
      }
      size_t more_size = sizeof more;
      zmq_getsockopt(server->zap, ZMQ_RCVMORE, &more, &more_size);
    }
    zmq_send(server->zap, "1.0", 3, ZMQ_SNDMORE);
    zmq_send(server->zap, request_id, (size_t)request_id_size, ZMQ_SNDMORE);
    zmq_send(server->zap, "200", 3, ZMQ_SNDMORE);
    zmq_send(server->zap, "OK", 2, ZMQ_SNDMORE);
    zmq_send(server->zap, "1", 1, ZMQ_SNDMORE);
    zmq_send(server->zap, "", 0, 0);
  }
  return NULL;
}

static void set_int(void *socket, int option, int value) { zmq_setsockopt(socket, option, &value, sizeof value); }

// The options of the product's own listener, so that both do the same work.
static int open_router(cwire_server *server, const char *endpoint, const char *secret_key) {
  server->router = zmq_socket(server->context, ZMQ_ROUTER);
  if (!server->router) return last_error();
  set_int(server->router, ZMQ_LINGER, 0);
  set_int(server->router, ZMQ_SNDHWM, 64);
  set_int(server->router, ZMQ_RCVHWM, 64);
  set_int(server->router, ZMQ_ROUTER_MANDATORY, 1);
  set_int(server->router, ZMQ_BACKLOG, 1024);
  set_int(server->router, ZMQ_HANDSHAKE_IVL, 2000);
  set_int(server->router, ZMQ_HEARTBEAT_IVL, 2000);
  set_int(server->router, ZMQ_HEARTBEAT_TIMEOUT, 6000);
  set_int(server->router, ZMQ_HEARTBEAT_TTL, 6000);
  set_int(server->router, ZMQ_CURVE_SERVER, 1);
  zmq_setsockopt(server->router, ZMQ_ZAP_DOMAIN, "bench", 5);
  if (zmq_setsockopt(server->router, ZMQ_CURVE_SECRETKEY, secret_key, strlen(secret_key)) != 0) return last_error();
  return zmq_bind(server->router, endpoint) == 0 ? 0 : last_error();
}

static int open_server(cwire_server *server, const char *endpoint, const char *secret_key, char *bound,
                       size_t bound_size) {
  server->stop = eventfd(0, EFD_CLOEXEC);
  if (server->stop < 0) return -errno;
  server->context = zmq_ctx_new();
  if (!server->context) return last_error();
  server->zap = zmq_socket(server->context, ZMQ_REP);
  if (!server->zap) return last_error();
  set_int(server->zap, ZMQ_LINGER, 0);
  if (zmq_bind(server->zap, "inproc://zeromq.zap.01") != 0) return last_error();
  const int opened = open_router(server, endpoint, secret_key);
  if (opened != 0) return opened;
  return zmq_getsockopt(server->router, ZMQ_LAST_ENDPOINT, bound, &bound_size) == 0 ? 0 : last_error();
}

static void free_server(cwire_server *server) {
  if (server->router) zmq_close(server->router);
  if (server->zap) zmq_close(server->zap);
  if (server->context) zmq_ctx_term(server->context);
  if (server->stop >= 0) close(server->stop);
  free(server->reply);
  free(server);
}

int cwire_server_start(const char *endpoint, const char *secret_key, const uint8_t *reply, size_t reply_size,
                       char *bound, size_t bound_size, cwire_server **started) {
  cwire_server *server = calloc(1, sizeof *server);
  if (!server) return -ENOMEM;
  server->stop = -1;
  int failure = 0;
  if (reply) {
    server->reply = malloc(reply_size ? reply_size : 1);
    if (server->reply) memcpy(server->reply, reply, reply_size);
    else failure = -ENOMEM;
    server->reply_size = reply_size;
  }
  if (failure == 0) failure = open_server(server, endpoint, secret_key, bound, bound_size);
  if (failure == 0) failure = -pthread_create(&server->zap_thread, NULL, admit, server);
  if (failure == 0) {
    failure = -pthread_create(&server->router_thread, NULL, serve, server);
    if (failure != 0) {
      eventfd_write(server->stop, 1);
      pthread_join(server->zap_thread, NULL);
    }
  }
  if (failure != 0) {
    free_server(server);
    return failure;
  }
  *started = server;
  return 0;
}

void cwire_server_stop(cwire_server *server) {
  eventfd_write(server->stop, 1);
  pthread_join(server->router_thread, NULL);
  pthread_join(server->zap_thread, NULL);
  free_server(server);
}
