#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "CLinux.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static int result(long rc) { return rc < 0 ? -errno : (int)rc; }

// MARK: - Wake-ups

int clinux_eventfd(void) { return result(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)); }

int clinux_eventfd_signal(int fd) {
  const uint64_t one = 1;
  const ssize_t written = write(fd, &one, sizeof one);
  return written >= 0 || errno == EAGAIN ? 0 : -errno;
}

int clinux_eventfd_clear(int fd) {
  uint64_t count = 0;
  const ssize_t got = read(fd, &count, sizeof count);
  if (got >= 0) return 1;
  return errno == EAGAIN ? 0 : -errno;
}

// MARK: - Signals

// The pipe of the process; -1 until the first call. A handler may use nothing else.
static atomic_int signal_pipe_read = -1;
static atomic_int signal_pipe_write = -1;

static void pass_on(int signal) {
  const int saved = errno;
  const unsigned char byte = (unsigned char)signal;
  // A full pipe already holds thousands of signals that nobody has read: one more says nothing new.
  const ssize_t ignored = write(atomic_load(&signal_pipe_write), &byte, 1);
  (void)ignored;
  errno = saved;
}

int clinux_signals_catch(const int *signals, size_t count) {
  if (atomic_load(&signal_pipe_read) < 0) {
    int ends[2];
    if (pipe2(ends, O_NONBLOCK | O_CLOEXEC) < 0) return -errno;
    atomic_store(&signal_pipe_write, ends[1]);
    atomic_store(&signal_pipe_read, ends[0]);
  }
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = pass_on;
  action.sa_flags = SA_RESTART;
  sigfillset(&action.sa_mask);
  sigset_t wanted;
  sigemptyset(&wanted);
  for (size_t i = 0; i < count; i++) {
    if (sigaction(signals[i], &action, NULL) < 0) return -errno;
    sigaddset(&wanted, signals[i]);
  }
  // A parent may have left them blocked, and then a daemon could never be stopped but by force.
  const int refused = pthread_sigmask(SIG_UNBLOCK, &wanted, NULL);
  if (refused != 0) return -refused;
  return atomic_load(&signal_pipe_read);
}

int clinux_signals_release(const int *signals, size_t count) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = SIG_DFL;
  for (size_t i = 0; i < count; i++) {
    if (sigaction(signals[i], &action, NULL) < 0) return -errno;
  }
  return 0;
}

int clinux_signals_next(int fd) {
  unsigned char byte = 0;
  const ssize_t got = read(fd, &byte, 1);
  if (got == 1) return byte;
  return got == 0 || errno == EAGAIN || errno == EINTR ? 0 : -errno;
}

// MARK: - Threads and processes

int clinux_sched_setaffinity(pid_t tid, const uint64_t *words, size_t count) {
  return result(syscall(SYS_sched_setaffinity, tid, count * sizeof *words, words));
}

int clinux_sched_getaffinity(pid_t tid, uint64_t *words, size_t count) {
  memset(words, 0, count * sizeof *words);
  // The bare system call, for it says how much of the mask the kernel filled.
  const long bytes = syscall(SYS_sched_getaffinity, tid, count * sizeof *words, words);
  return bytes < 0 ? -errno : (int)((size_t)bytes / sizeof *words);
}

int clinux_pidfd_open(pid_t pid) { return result(syscall(SYS_pidfd_open, pid, 0)); }

int clinux_pidfd_send_signal(int pidfd, int signal) {
  return result(syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0));
}

ssize_t clinux_touch(pid_t pid, const uintptr_t *addresses, size_t count) {
  enum { maximum = 1024 };  // UIO_MAXIOV
  char bytes[maximum];
  struct iovec remote[maximum];
  if (count > maximum) count = maximum;
  for (size_t i = 0; i < count; i++) remote[i] = (struct iovec){(void *)addresses[i], 1};
  const struct iovec local = {bytes, count};
  const ssize_t got = process_vm_readv(pid, &local, 1, remote, count, 0);
  return got < 0 ? -errno : got;
}

pid_t clinux_gettid(void) { return (pid_t)syscall(SYS_gettid); }
