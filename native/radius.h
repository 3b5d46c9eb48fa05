/* Exact radius search over 256-bit hashes: multi-index hashing with a second filter. SPDX-License-Identifier: Apache-2.0
 *
 * A hash is four 64-bit words. Its bits, in a fixed order that mixes them, are cut into chunks of 16 to 24 bits; for each
 * chunk there is a table of the rows sorted by the value of the chunk. Norouzi, Punjani and Fleet, CVPR 2012: with
 * limits t[i] whose t[i] + 1 add up to at least radius + 1, two hashes within the radius agree in a chunk i up to t[i] bits.
 * By the cycle lemma (Qin and Xiao, 'Pigeonring', VLDB 2018) there is a chunk i for which also the distance over the chunks
 * i and i + 1 is at most t[i] + t[i+1] + 1. So each row of a table carries 14 bits of the next chunk, its print, and nearly
 * all candidates are ruled out while reading memory in order, without a look at the hashes. */
#ifndef LEADLIGHT_RADIUS_H
#define LEADLIGHT_RADIUS_H

#include <stddef.h>
#include <stdint.h>

enum { LR_CHUNKS = 16, LR_GROUP = 32, LR_PAD = 8 };
enum { LR_MOST = (1 << 26) - 1 }; /* rows of a table */
enum { LR_DONE = 0, LR_FULL = 1, LR_DAMAGED = 2, LR_NO_MEMORY = 3 };

typedef struct {
  int chunks;                   /* 11 to 16 */
  uint8_t width[LR_CHUNKS];     /* bits of each chunk, 16 to 24; they add up to 256 */
  uint8_t order[256];           /* the bit of the hash that is k-th in the mixed order */
} lr_plan;

/* Where the rows of 32 neighbouring buckets lie: bucket b from base + rel[b] to base + rel[b + 1]. With more than 255 rows
 * `crowded` is 1 and the bucket is searched for by halving. */
typedef struct {
  uint32_t base;
  uint8_t rel[LR_GROUP + 1];
  uint8_t crowded;
  uint8_t unused[2];
} lr_group;

typedef struct {
  const lr_group *groups;       /* (1 << width) / LR_GROUP + 1 */
  const uint16_t *prints;       /* rows + LR_PAD: the print, and in the two highest bits those of the row */
  const uint8_t *rows;          /* 3 * rows + LR_PAD: the low 24 bits of each row */
} lr_table;

typedef struct {
  uint32_t query, row, distance;
} lr_hit;

typedef struct {
  lr_hit *items;
  size_t count, room, most;     /* more than `most` hits end the search with LR_FULL */
} lr_hits;

size_t lr_groups(int width);

/* Fill one table. Returns LR_DONE or LR_NO_MEMORY. */
int lr_build(const lr_plan *plan, int table, const uint64_t *hashes, uint32_t rows, lr_group *groups, uint16_t *prints,
             uint8_t *order);

/* Which rows count: for each query those before `below`, and of them those whose byte in `skip` is 0. Both may be NULL. The
 * rows of a bucket ascend, so of a crowded one only the beginning is gone through. */
typedef struct {
  const uint32_t *below;        /* for each query */
  const uint8_t *skip;          /* for each row */
} lr_bound;

/* All rows within `radius` of the queries. `limits` are t[i], -1 where a chunk is not probed. Each pair once, in no order. */
int lr_search(const lr_plan *plan, const lr_table *tables, const int8_t *limits, const uint64_t *hashes, uint32_t rows,
              const uint64_t *queries, uint32_t count, int radius, lr_bound bound, lr_hits *hits);

/* The same by comparing with every row: the first half of the bits rules out nearly all, and loses none. */
int lr_scan(const uint64_t *hashes, uint32_t rows, const uint64_t *queries, uint32_t count, int radius, lr_bound bound,
            lr_hits *hits);

#endif
