#ifndef NUMAFLEET_CNUMA_SHIM_H
#define NUMAFLEET_CNUMA_SHIM_H

#include <numa.h>
#include <numaif.h>

/// The flags of move_pages(2): only pages that no other process maps, or (CAP_SYS_NICE) those too.
static inline int cnuma_move_flags(int shared) { return shared ? MPOL_MF_MOVE_ALL : MPOL_MF_MOVE; }

#endif
