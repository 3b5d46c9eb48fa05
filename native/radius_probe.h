/* What is compiled once for any machine and once for AVX2: radius.c includes this with NAMED and TARGET set.
 * SPDX-License-Identifier: Apache-2.0 */

/* Whether an earlier table brought the pair whose difference is `x`. */
TARGET static int NAMED(met_before)(const search *s, int table, const uint64_t *x) {
  for (int i = 0; i < table; i++) {
    const uint64_t *k = s->key_bits[i], *p = s->print_bits[i];
    int d = POPCOUNT(x[0] & k[0]) + POPCOUNT(x[1] & k[1]) + POPCOUNT(x[2] & k[2]) + POPCOUNT(x[3] & k[3]);
    if (d > s->limit[i]) continue;
    d += POPCOUNT(x[0] & p[0]) + POPCOUNT(x[1] & p[1]) + POPCOUNT(x[2] & p[2]) + POPCOUNT(x[3] & p[3]);
    if (d <= s->joint[i]) return 1;
  }
  return 0;
}

/* Compare the candidates held. Each look is asked for well before it is needed. */
TARGET static int NAMED(flush)(search *s, int table) {
  const lr_table *t = &s->tables[table];
  uint32_t n = s->pending, left = 0;
  s->pending = 0;
  for (uint32_t k = 0; k < n; k++) PREFETCH(t->rows + (size_t)s->pending_entry[k] * 3);
  for (uint32_t k = 0; k < n; k++) {
    uint32_t row = row_at(t, s->pending_entry[k]), query = s->pending_query[k];
    if (row >= s->rows) return LR_DAMAGED;
    if (s->bound.below && row >= s->bound.below[query]) continue;
    if (s->bound.skip && s->bound.skip[row]) continue;
    s->pending_query[left] = query;
    s->pending_entry[left++] = row;
    PREFETCH(s->hashes + (size_t)row * 4);
  }
  for (uint32_t k = 0; k < left; k++) {
    const uint64_t *q = s->queries + (size_t)s->pending_query[k] * 4, *h = s->hashes + (size_t)s->pending_entry[k] * 4;
    uint64_t x[4] = {q[0] ^ h[0], q[1] ^ h[1], q[2] ^ h[2], q[3] ^ h[3]};
    int d = POPCOUNT(x[0]) + POPCOUNT(x[1]) + POPCOUNT(x[2]) + POPCOUNT(x[3]);
    if (d > s->radius || NAMED(met_before)(s, table, x)) continue;
    int status = keep(s->hits, s->pending_query[k], s->pending_entry[k], (uint32_t)d);
    if (status) return status;
  }
  return LR_DONE;
}

/* Which of the eight prints differ from `print` in at most `limit` bits, as bits of a byte. */
TARGET static uint32_t NAMED(near_prints)(const uint16_t *prints, uint16_t print, int limit) {
#ifdef SIMD
    const __m128i nibbles = _mm_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4), four = _mm_set1_epi8(15);
    __m128i x = _mm_xor_si128(_mm_loadu_si128((const __m128i *)prints), _mm_set1_epi16((short)print));
    x = _mm_and_si128(x, _mm_set1_epi16(PRINT_MASK));
    __m128i low = _mm_and_si128(x, four), high = _mm_and_si128(_mm_srli_epi16(x, 4), four);
    __m128i bits = _mm_add_epi8(_mm_shuffle_epi8(nibbles, low), _mm_shuffle_epi8(nibbles, high));
    __m128i near = _mm_cmpgt_epi16(_mm_set1_epi16((short)(limit + 1)), _mm_maddubs_epi16(bits, _mm_set1_epi8(1)));
    return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(near, _mm_setzero_si128()));
#else
  uint32_t near = 0;
  for (int k = 0; k < LR_PAD; k++) near |= (uint32_t)(POPCOUNT((uint64_t)((prints[k] ^ print) & PRINT_MASK)) <= limit) << k;
  return near;
#endif
}

/* One query, one table: the buckets `bucket` ^ flips[first..last), whose prints may differ in `limit` bits. */
TARGET static int NAMED(probe)(search *s, int table, uint32_t query, uint32_t bucket, uint16_t print, const uint32_t *masks,
                 uint32_t first, uint32_t last, int limit) {
  const lr_table *t = &s->tables[table];
  uint32_t starts[STRETCH], counts[STRETCH];
  for (uint32_t at = first; at < last; at += STRETCH) {
    uint32_t n = last - at < STRETCH ? last - at : STRETCH, ahead = last - at - n < STRETCH ? last - at - n : STRETCH;
    for (uint32_t k = 0; k < ahead; k++) PREFETCH(t->groups + (bucket ^ masks[at + n + k]) / LR_GROUP);
    for (uint32_t k = 0; k < n; k++) {
      uint32_t b = bucket ^ masks[at + k];
      const lr_group *g = &t->groups[b / LR_GROUP];
      const uint8_t *rel = g->rel + b % LR_GROUP;
      starts[k] = g->base + rel[0];
      counts[k] = (uint8_t)(rel[1] - rel[0]);
      if (g->crowded) {
        int status = crowded(s, table, b, &starts[k], &counts[k]);
        if (status) return status;
      }
      if ((uint64_t)starts[k] + counts[k] > s->rows) return LR_DAMAGED;
      if (s->bound.below && counts[k] > LR_PAD) counts[k] = before(t, starts[k], counts[k], s->bound.below[query]);
      PREFETCH(t->prints + starts[k]);
    }
    for (uint32_t k = 0; k < n; k++) {
      uint32_t done = 0;
      do { /* once even for an empty bucket: a look at the pad costs less than a branch that can't be foretold */
        uint32_t left = counts[k] - done, near = NAMED(near_prints)(t->prints + starts[k] + done, print, limit);
        if (left < LR_PAD) near &= (1u << left) - 1;
        done += LR_PAD;
        if (!near) continue;
        for (uint32_t e = 0; e < LR_PAD; e++) {
          if (!(near >> e & 1)) continue;
          s->pending_query[s->pending] = query;
          s->pending_entry[s->pending++] = starts[k] + done - LR_PAD + e;
        }
        if (s->pending >= PENDING) {
          int status = NAMED(flush)(s, table);
          if (status) return status;
        }
      } while (done < counts[k]);
    }
  }
  return LR_DONE;
}

/* One table, all queries. With many queries the table is gone through in parts that stay in the cache: within a part only
 * those queries are asked whose leading bits are near enough to it. */
TARGET static int NAMED(probe_table)(search *s, int table, uint32_t count, uint32_t *keys, uint16_t *prints) {
  int from = offset_of(s->plan, table), width = s->plan->width[table], limit = s->limit[table], leading = 0;
  size_t bytes = lr_groups(width) * sizeof(lr_group) + (size_t)s->rows * sizeof(uint16_t);
  double probes = count, some = count;
  for (int k = 1; k <= limit; k++) probes += some = some * (width - k + 1) / k;
  while (probes >= MANY && bytes >> leading > NEAR_CACHE && leading < 8) leading++;
  flips f;
  int rest = width - leading, status = make_flips(&f, rest, limit);
  if (status) return status;
  for (uint32_t q = 0; q < count; q++) {
    keys[q] = gather(s->plan, s->queries + (size_t)q * 4, from, width);
    prints[q] = (uint16_t)gather(s->plan, s->queries + (size_t)q * 4, from + width, PRINT);
  }
  for (uint32_t part = 0; part < 1u << leading && !status; part++) {
    for (uint32_t q = 0; q < count && !status; q++) {
      uint32_t differ = part ^ keys[q] >> rest;
      int d = POPCOUNT((uint64_t)differ);
      uint32_t bucket = keys[q] ^ differ << rest;
      for (int k = 0; k + d <= limit && s->joint[table] >= k + d && !status; k++)
        status = NAMED(probe)(s, table, q, bucket, prints[q], f.masks, f.ends[k], f.ends[k + 1], s->joint[table] - k - d);
    }
  }
  if (!status) status = NAMED(flush)(s, table);
  free(f.masks);
  return status;
}

TARGET static int NAMED(probe_tables)(search *s, uint32_t count, uint32_t *keys, uint16_t *prints) {
  for (int table = 0; table < s->plan->chunks; table++) {
    if (s->limit[table] < 0) continue;
    int status = NAMED(probe_table)(s, table, count, keys, prints);
    if (status) return status;
  }
  return LR_DONE;
}

TARGET static int NAMED(scan_rows)(const uint64_t *hashes, uint32_t rows, const uint64_t *queries, uint32_t count, int radius,
                     lr_bound bound, lr_hits *hits) {
  for (uint32_t start = 0; start < rows;) {
    uint32_t end = rows - start < BLOCK ? rows : start + BLOCK;
    for (uint32_t n = 0; n < count; n++) {
      const uint64_t *q = queries + (size_t)n * 4;
      uint64_t a = q[0], b = q[1];
      uint32_t stop = bound.below && bound.below[n] < end ? bound.below[n] : end;
      for (uint32_t r = start; r < stop; r++) {
        const uint64_t *h = hashes + (size_t)r * 4;
        int d = POPCOUNT(a ^ h[0]) + POPCOUNT(b ^ h[1]);
        if (d > radius) continue;
        d += POPCOUNT(q[2] ^ h[2]) + POPCOUNT(q[3] ^ h[3]);
        if (d > radius || (bound.skip && bound.skip[r])) continue;
        int status = keep(hits, n, r, (uint32_t)d);
        if (status) return status;
      }
    }
    start = end;
  }
  return LR_DONE;
}
