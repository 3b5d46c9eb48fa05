/* See radius.h. SPDX-License-Identifier: Apache-2.0 */
#include "radius.h"

#include <stdlib.h>
#include <string.h>

#if defined(__GNUC__) && defined(__x86_64__)
#include <immintrin.h>
#define HAVE_FAST 1
#endif
#if defined(__GNUC__)
#define PREFETCH(p) __builtin_prefetch(p)
#define POPCOUNT(x) __builtin_popcountll(x)
#else
#define PREFETCH(p) ((void)(p))
static int portable_popcount(uint64_t x) {
  x -= (x >> 1) & 0x5555555555555555u;
  x = (x & 0x3333333333333333u) + ((x >> 2) & 0x3333333333333333u);
  return (int)((((x + (x >> 4)) & 0x0f0f0f0f0f0f0f0fu) * 0x0101010101010101u) >> 56);
}
#define POPCOUNT(x) portable_popcount(x)
#endif

enum { PRINT = 14, PRINT_MASK = (1 << PRINT) - 1, PENDING = 2048, STRETCH = 64, NEAR_CACHE = 1 << 19, MANY = 1 << 18, BLOCK = 4096, LOW = 16, LOW_MASK = (1 << LOW) - 1 };

size_t lr_groups(int width) { return ((size_t)1 << width) / LR_GROUP + 1; }

/* Bits from `from` on in the mixed order, the first one lowest. */
static uint32_t gather(const lr_plan *plan, const uint64_t *hash, int from, int width) {
  uint32_t value = 0;
  for (int k = 0; k < width; k++) {
    int bit = plan->order[(from + k) & 255];
    value |= (uint32_t)((hash[bit >> 6] >> (bit & 63)) & 1) << k;
  }
  return value;
}

static int offset_of(const lr_plan *plan, int table) {
  int from = 0;
  for (int i = 0; i < table; i++) from += plan->width[i];
  return from;
}

/* A row while its table is sorted: the low bits of its key, its print, its number. */
static inline uint64_t entry_of(uint64_t both, uint32_t row) {
  return (both & LOW_MASK) << 48 | (both >> 32 & 0xffff) << 32 | row;
}

/* Key in the low half, print in the high half, from parts by byte of the hash. */
static inline uint64_t key_and_print(uint64_t (*spread)[256], const uint64_t *hash) {
  uint64_t both = 0;
  for (int word = 0; word < 4; word++)
    for (int byte = 0; byte < 8; byte++) both |= spread[word * 8 + byte][hash[word] >> (8 * byte) & 255];
  return both;
}

/* The buckets of one part of a table, whose keys agree in all but their low bits. Small enough to stay in the cache. */
static void build_part(const uint64_t *entries, uint32_t first, uint32_t count, uint32_t *starts, lr_group *groups,
                       uint16_t *prints, uint8_t *order) {
  memset(starts, 0, (LOW_MASK + 2) * sizeof *starts);
  for (uint32_t k = 0; k < count; k++) starts[(entries[k] >> 48) + 1]++;
  for (uint32_t b = 0; b <= LOW_MASK; b++) starts[b + 1] += starts[b];
  for (uint32_t g = 0; g < (LOW_MASK + 1) / LR_GROUP; g++) {
    const uint32_t *s = starts + g * LR_GROUP;
    memset(&groups[g], 0, sizeof *groups);
    groups[g].base = first + s[0];
    groups[g].crowded = s[LR_GROUP] - s[0] > 255;
    for (int k = 0; k <= LR_GROUP && !groups[g].crowded; k++) groups[g].rel[k] = (uint8_t)(s[k] - s[0]);
  }
  for (uint32_t k = 0; k < count; k++) {
    uint32_t at = first + starts[entries[k] >> 48]++;
    uint32_t row = (uint32_t)entries[k];
    order[(size_t)at * 3] = (uint8_t)row, order[(size_t)at * 3 + 1] = (uint8_t)(row >> 8);
    order[(size_t)at * 3 + 2] = (uint8_t)(row >> 16);
    prints[at] = (uint16_t)((entries[k] >> 32 & PRINT_MASK) | row >> 24 << PRINT);
  }
}

int lr_build(const lr_plan *plan, int table, const uint64_t *hashes, uint32_t rows, lr_group *groups, uint16_t *prints,
             uint8_t *order) {
  int from = offset_of(plan, table), width = plan->width[table], status = LR_NO_MEMORY;
  size_t parts = ((size_t)1 << width) / (LOW_MASK + 1), buckets = (size_t)1 << width;
  uint64_t(*spread)[256] = calloc(32, sizeof *spread);
  uint32_t *starts = malloc((LOW_MASK + 2) * sizeof *starts), ends[257] = {0}, first = 0;
  uint64_t *entries = malloc(((size_t)rows + 1) * sizeof *entries);
  uint8_t *tops = malloc((size_t)rows + 1);
  if (!spread || !starts || !entries || !tops) goto out;
  for (int k = 0; k < width + PRINT; k++) {
    int bit = plan->order[(from + k) & 255], to = k < width ? k : 32 + k - width;
    for (int v = 0; v < 256; v++)
      if (v >> (bit & 7) & 1) spread[bit >> 3][v] |= (uint64_t)1 << to;
  }
  /* how many rows each part has; their keys again when they are put there, which costs less than to keep them */
  for (uint32_t r = 0; r < rows; r++) {
    tops[r] = (uint8_t)(gather(plan, hashes + (size_t)r * 4, from + LOW, width - LOW));
    ends[tops[r] + 1]++;
  }
  for (size_t p = 0; p < parts; p++) ends[p + 1] += ends[p];
  for (uint32_t r = 0; r < rows; r++)
    entries[ends[tops[r]]++] = entry_of(key_and_print(spread, hashes + (size_t)r * 4), r);
  for (size_t p = 0; p < parts; p++) {
    build_part(entries + first, first, ends[p] - first, starts, groups + p * (LOW_MASK + 1) / LR_GROUP, prints, order);
    first = ends[p];
  }
  memset(&groups[buckets / LR_GROUP], 0, sizeof *groups);
  groups[buckets / LR_GROUP].base = rows;
  memset(prints + rows, 0, LR_PAD * sizeof *prints);
  memset(order + (size_t)rows * 3, 0, LR_PAD);
  status = LR_DONE;
out:
  free(spread);
  free(starts);
  free(entries);
  free(tops);
  return status;
}

static int keep(lr_hits *hits, uint32_t query, uint32_t row, uint32_t distance) {
  if (hits->count >= hits->most) return LR_FULL;
  if (hits->count == hits->room) {
    size_t room = hits->room ? hits->room * 2 : 1024;
    lr_hit *grown = realloc(hits->items, room * sizeof *grown);
    if (!grown) return LR_NO_MEMORY;
    hits->items = grown;
    hits->room = room;
  }
  hits->items[hits->count++] = (lr_hit){query, row, distance};
  return LR_DONE;
}

/* The flips of `width` bits with up to `most` of them set, fewest first. */
typedef struct {
  uint32_t *masks;
  uint32_t ends[9]; /* flips of k bits lie from ends[k] to ends[k + 1] */
} flips;

static int make_flips(flips *f, int width, int most) {
  size_t total = 0, count = 1;
  f->ends[0] = 0;
  for (int k = 0; k <= most; k++) {
    total += count;
    f->ends[k + 1] = (uint32_t)total;
    count = k < width ? count * (size_t)(width - k) / (size_t)(k + 1) : 0;
  }
  f->masks = malloc(total * sizeof *f->masks);
  if (!f->masks) return LR_NO_MEMORY;
  size_t at = 0;
  for (int k = 0; k <= most && k <= width; k++) {
    uint64_t v = ((uint64_t)1 << k) - 1;
    do {
      f->masks[at++] = (uint32_t)v;
      if (!v) break;
      uint64_t low = v & (~v + 1), up = v + low; /* the next greater number with as many bits set */
      v = up | (((v ^ up) / low) >> 2);
    } while (v >> width == 0);
  }
  return LR_DONE;
}

typedef struct {
  const lr_plan *plan;
  const lr_table *tables;
  const uint64_t *hashes, *queries;
  uint32_t rows;
  int radius;
  lr_bound bound;
  int limit[LR_CHUNKS], joint[LR_CHUNKS]; /* t[i]; t[i] + t[i + 1] + 1 */
  uint64_t key_bits[LR_CHUNKS][4], print_bits[LR_CHUNKS][4];
  uint32_t pending_query[PENDING + LR_PAD], pending_entry[PENDING + LR_PAD], pending;
  lr_hits *hits;
} search;

static inline uint32_t row_at(const lr_table *t, uint32_t entry) {
  uint32_t low;
  memcpy(&low, t->rows + (size_t)entry * 3, sizeof low);
  return (low & 0xffffff) | (uint32_t)(t->prints[entry] >> PRINT) << 24;
}

/* The first entry of a crowded group whose key is not below `key`. */
static int halve(const search *s, int table, uint32_t low, uint32_t high, uint64_t key, uint32_t *found) {
  int from = offset_of(s->plan, table), width = s->plan->width[table];
  while (low < high) {
    uint32_t mid = low + (high - low) / 2, row = row_at(&s->tables[table], mid);
    if (row >= s->rows) return LR_DAMAGED;
    if (gather(s->plan, s->hashes + (size_t)row * 4, from, width) < key) low = mid + 1;
    else high = mid;
  }
  *found = low;
  return LR_DONE;
}

/* How many of `count` entries from `start` on, whose rows ascend, have a row less than `below`. */
static uint32_t before(const lr_table *t, uint32_t start, uint32_t count, uint32_t below) {
  uint32_t low = 0;
  while (low < count) {
    uint32_t mid = low + (count - low) / 2;
    if (row_at(t, start + mid) < below) low = mid + 1;
    else count = mid;
  }
  return low;
}

static int crowded(const search *s, int table, uint32_t bucket, uint32_t *start, uint32_t *count) {
  const lr_group *g = &s->tables[table].groups[bucket / LR_GROUP];
  uint32_t low = g[0].base, high = g[1].base, end = 0;
  if (low > high || high > s->rows) return LR_DAMAGED;
  int status = halve(s, table, low, high, bucket, start);
  if (!status) status = halve(s, table, *start, high, (uint64_t)bucket + 1, &end);
  if (!status) *count = end - *start;
  return status;
}

#define NAMED(name) name##_plain
#define TARGET
#include "radius_probe.h"
#undef NAMED
#undef TARGET

#ifdef HAVE_FAST
#define NAMED(name) name##_fast
#define TARGET __attribute__((target("avx2,popcnt")))
#define SIMD 1
#include "radius_probe.h"
#endif

int lr_search(const lr_plan *plan, const lr_table *tables, const int8_t *limits, const uint64_t *hashes, uint32_t rows,
              const uint64_t *queries, uint32_t count, int radius, lr_bound bound, lr_hits *hits) {
  int status = LR_NO_MEMORY;
  search *s = calloc(1, sizeof *s);
  uint32_t *keys = malloc(((size_t)count + 1) * sizeof *keys);
  uint16_t *prints = malloc(((size_t)count + 1) * sizeof *prints);
  if (!s || !keys || !prints) goto out;
  s->plan = plan, s->tables = tables, s->hashes = hashes, s->queries = queries;
  s->rows = rows, s->radius = radius, s->bound = bound, s->hits = hits;
  for (int i = 0, from = 0; i < plan->chunks; from += plan->width[i++]) {
    s->limit[i] = limits[i];
    s->joint[i] = limits[i] + limits[(i + 1) % plan->chunks] + 1;
    for (int k = 0; k < plan->width[i] + PRINT; k++) {
      int bit = plan->order[(from + k) & 255];
      (k < plan->width[i] ? s->key_bits : s->print_bits)[i][bit >> 6] |= (uint64_t)1 << (bit & 63);
    }
  }
#ifdef HAVE_FAST
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt")) {
    status = probe_tables_fast(s, count, keys, prints);
    goto out;
  }
#endif
  status = probe_tables_plain(s, count, keys, prints);
out:
  free(s);
  free(keys);
  free(prints);
  return status;
}

int lr_scan(const uint64_t *hashes, uint32_t rows, const uint64_t *queries, uint32_t count, int radius, lr_bound bound,
            lr_hits *hits) {
#ifdef HAVE_FAST
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("popcnt"))
    return scan_rows_fast(hashes, rows, queries, count, radius, bound, hits);
#endif
  return scan_rows_plain(hashes, rows, queries, count, radius, bound, hits);
}
