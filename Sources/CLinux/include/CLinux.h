// GNU-only calls that Swift's Glibc module does not show, one thin function each.
// Every function returns a value >= 0 on success and -errno on failure; none of them retries, blocks or allocates,
// unless its comment says so.

#ifndef NUMAFLEET_CLINUX_H
#define NUMAFLEET_CLINUX_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

// MARK: - Wake-ups

/// A non-blocking, close-on-exec eventfd(2) that starts at zero: the descriptor, or -errno.
int clinux_eventfd(void);

/// Makes the eventfd readable (adds one): 0 or -errno. A full counter is success, for it is readable already.
int clinux_eventfd_signal(int fd);

/// Makes the eventfd unreadable: 1 if it was readable, 0 if it was not, or -errno.
int clinux_eventfd_clear(int fd);

// MARK: - Signals

/// Sends the given signals into one pipe of the process, a byte (the signal's number) each: the non-blocking,
/// close-on-exec end to read from, or -errno. To call again replaces the handlers and gives the same descriptor.
/// Handlers, not signalfd(2): a mask would be inherited by the programs this process starts.
int clinux_signals_catch(const int *signals, size_t count);

/// Gives the signals their default action again: 0 or -errno. The pipe stays.
int clinux_signals_release(const int *signals, size_t count);

/// The next caught signal's number from the pipe, 0 if there is none, or -errno.
int clinux_signals_next(int fd);

// MARK: - Threads and processes

/// sched_setaffinity(2) of one thread (0: the caller). `words` is the mask, CPU 0 in bit 0 of the first word: 0 or
/// -errno.
int clinux_sched_setaffinity(pid_t tid, const uint64_t *words, size_t count);

/// sched_getaffinity(2) of one thread (0: the caller) into `words`, the rest zeroed: the number of words that the
/// kernel filled, or -errno (EINVAL: `count` is smaller than the kernel's mask).
int clinux_sched_getaffinity(pid_t tid, uint64_t *words, size_t count);

/// pidfd_open(2): a close-on-exec descriptor that can never mean a later process of the same pid, or -errno.
int clinux_pidfd_open(pid_t pid);

/// pidfd_send_signal(2) with no extra information (signal 0 asks whether the process lives): 0 or -errno.
int clinux_pidfd_send_signal(int pidfd, int signal);

/// Reads one byte at each address of another process with process_vm_readv(2), which faults pages in as the process
/// itself would: how many could be read before the first that could not, or -errno (EFAULT: the first could not).
/// At most 1024 are read in a call.
ssize_t clinux_touch(pid_t pid, const uintptr_t *addresses, size_t count);

/// The caller's own thread id.
pid_t clinux_gettid(void);

#endif
