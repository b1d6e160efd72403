// The yardstick of `numafleet bench placement`: how fast plain C decides the same kind of question. Best fit by CPUs, the
// first host of equals, each guest cell on a cell of its own; twice, by a scan over all hosts and by an index.

#ifndef NUMAFLEET_CPLACEMENTREFERENCE_H
#define NUMAFLEET_CPLACEMENTREFERENCE_H

#include <stddef.h>
#include <stdint.h>

enum { cplacement_cells = 16, cplacement_cpus = 128 };

typedef struct cplacement cplacement;

/// Hosts of `cells` (1 to 16) like cells; null when there is no memory. Freed with `cplacement_free`.
cplacement *cplacement_new(int hosts, int cells, int cpus, int memory);
void cplacement_free(cplacement *fleet);

/// A place for `count` guest cells of that many CPUs and that much memory; `cells` is a bit for each host cell.
typedef struct {
  int host;
  uint32_t cells;
} cplacement_slot;

/// The best place by a look at every host, or by the index; the host is -1 when there is none.
cplacement_slot cplacement_scan(const cplacement *fleet, int count, int cpus, int memory);
cplacement_slot cplacement_find(const cplacement *fleet, int count, int cpus, int memory);

/// Takes a place (sign 1) or gives it back (sign -1), and keeps the index up to date.
void cplacement_change(cplacement *fleet, cplacement_slot slot, int cpus, int memory, int sign);

#endif
