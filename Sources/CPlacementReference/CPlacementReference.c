#include "CPlacementReference.h"

#include <stdlib.h>
#include <string.h>

// Hosts are listed, for each number of guest cells, by the CPUs and the memory of the cells that limit such a guest:
// the count-th largest of each, memory in classes. Lists are doubly linked through arrays; bits tell which classes have
// any.
enum { classes = 32, keys = (cplacement_cpus + 1) * classes };

struct cplacement {
  int hosts, cells, most;
  int *cpus, *memory;  // by host and cell
  int *key;            // by count and host
  int *next, *previous;
  int head[cplacement_cells + 1][keys];
  uint32_t present[cplacement_cells + 1][cplacement_cpus + 1];
};

static int class_of(const cplacement *f, int memory) { return memory * classes / (f->most + 1); }

static void sort(const cplacement *f, const int *values, int *sorted) {
  for (int c = 0; c < f->cells; c++) {
    int at = c;
    while (at > 0 && sorted[at - 1] < values[c]) {
      sorted[at] = sorted[at - 1];
      at--;
    }
    sorted[at] = values[c];
  }
}

static void enlist(cplacement *f, int host, int count, int key) {
  const int at = count * f->hosts + host;
  f->key[at] = key;
  f->previous[at] = -1;
  f->next[at] = f->head[count][key];
  if (f->next[at] >= 0) f->previous[count * f->hosts + f->next[at]] = host;
  f->head[count][key] = host;
  f->present[count][key / classes] |= 1u << key % classes;
}

static void delist(cplacement *f, int host, int count) {
  const int at = count * f->hosts + host, key = f->key[at];
  if (f->previous[at] >= 0) f->next[count * f->hosts + f->previous[at]] = f->next[at];
  else f->head[count][key] = f->next[at];
  if (f->next[at] >= 0) f->previous[count * f->hosts + f->next[at]] = f->previous[at];
  if (f->head[count][key] < 0) f->present[count][key / classes] &= ~(1u << key % classes);
}

cplacement *cplacement_new(int hosts, int cells, int cpus, int memory) {
  cplacement *f = calloc(1, sizeof *f);
  if (!f) return NULL;
  const size_t all = (size_t)hosts * cells, lists = (size_t)hosts * (cells + 1);
  f->hosts = hosts;
  f->cells = cells;
  f->most = memory;
  f->cpus = malloc(all * sizeof(int));
  f->memory = malloc(all * sizeof(int));
  f->key = malloc(lists * sizeof(int));
  f->next = malloc(lists * sizeof(int));
  f->previous = malloc(lists * sizeof(int));
  if (!f->cpus || !f->memory || !f->key || !f->next || !f->previous) {
    cplacement_free(f);
    return NULL;
  }
  for (size_t i = 0; i < all; i++) {
    f->cpus[i] = cpus;
    f->memory[i] = memory;
  }
  memset(f->head, -1, sizeof f->head);
  for (int count = 1; count <= cells; count++)
    for (int host = hosts - 1; host >= 0; host--) enlist(f, host, count, cpus * classes + class_of(f, memory));
  return f;
}

void cplacement_free(cplacement *f) {
  free(f->cpus);
  free(f->memory);
  free(f->key);
  free(f->next);
  free(f->previous);
  free(f);
}

// The tightest cells of a host that fit; none when fewer than count do.
static uint32_t choose(const cplacement *f, int host, int count, int cpus, int memory) {
  uint32_t chosen = 0;
  for (int n = 0; n < count; n++) {
    int best = -1, least = 1 << 30;
    for (int c = 0; c < f->cells; c++) {
      const int free = f->cpus[host * f->cells + c];
      if (!(chosen >> c & 1) && free >= cpus && free < least && f->memory[host * f->cells + c] >= memory) {
        best = c;
        least = free;
      }
    }
    if (best < 0) return 0;
    chosen |= 1u << best;
  }
  return chosen;
}

#if defined(__x86_64__)
__attribute__((target_clones("avx2", "default")))
#endif
cplacement_slot cplacement_scan(const cplacement *f, int count, int cpus, int memory) {
  const int *free = f->cpus, *room = f->memory;
  int winner = -1, least = 1 << 30;
  for (int host = 0; host < f->hosts; host++) {
    int fits = 0, sum = 0;
    for (int c = 0; c < f->cells; c++) {
      const int at = host * f->cells + c, ok = (free[at] >= cpus) & (room[at] >= memory);
      fits += ok;
      sum += free[at];
    }
    const int better = (fits >= count) & (sum < least);
    winner = better ? host : winner;
    least = better ? sum : least;
  }
  if (winner < 0) return (cplacement_slot){-1, 0};
  return (cplacement_slot){winner, choose(f, winner, count, cpus, memory)};
}

cplacement_slot cplacement_find(const cplacement *f, int count, int cpus, int memory) {
  if (memory > f->most) return (cplacement_slot){-1, 0};
  const uint32_t enough = ~0u << class_of(f, memory);
  for (int key = cpus; key <= cplacement_cpus; key++)
    for (uint32_t left = f->present[count][key] & enough; left; left &= left - 1) {
      int host = f->head[count][key * classes + __builtin_ctz(left)];
      for (; host >= 0; host = f->next[count * f->hosts + host]) {
        const uint32_t cells = choose(f, host, count, cpus, memory);
        if (cells) return (cplacement_slot){host, cells};
      }
    }
  return (cplacement_slot){-1, 0};
}

void cplacement_change(cplacement *f, cplacement_slot slot, int cpus, int memory, int sign) {
  for (int c = 0; c < f->cells; c++)
    if (slot.cells >> c & 1) {
      f->cpus[slot.host * f->cells + c] -= sign * cpus;
      f->memory[slot.host * f->cells + c] -= sign * memory;
    }
  int free[cplacement_cells], room[cplacement_cells];
  sort(f, f->cpus + slot.host * f->cells, free);
  sort(f, f->memory + slot.host * f->cells, room);
  for (int count = 1; count <= f->cells; count++) {
    const int key = free[count - 1] * classes + class_of(f, room[count - 1]);
    if (key == f->key[count * f->hosts + slot.host]) continue;
    delist(f, slot.host, count);
    enlist(f, slot.host, count, key);
  }
}
