// What a benchmark counts of its own process: calls of the allocator, and instructions where the machine tells.

#ifndef NUMAFLEET_CBENCHCOUNTERS_H
#define NUMAFLEET_CBENCHCOUNTERS_H

#include <stddef.h>
#include <stdint.h>

/// Calls of malloc, calloc, realloc and the aligned ones by this thread so far. A program that links this counts them;
/// under a sanitizer, which has an allocator of its own, it is 0.
uint64_t cbench_allocations(void);

/// Bytes that this process has from malloc now.
size_t cbench_bytes_in_use(void);

/// A counter of the instructions of this thread in user mode: the descriptor, or -errno where there is none.
int cbench_instructions_open(void);

/// What the counter has counted since it was opened; 0 when it cannot be read.
uint64_t cbench_instructions(int counter);

/// Closes the counter.
void cbench_instructions_close(int counter);

#endif
