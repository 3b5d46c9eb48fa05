/* What is compiled once for any machine and once for AVX2: ordered.c includes this with NAMED and TARGET set.
 * SPDX-License-Identifier: Apache-2.0 */

/* Eight by eight turned: to[a][b] = from[b][a], the rows of `to` being `stride` apart. */
TARGET static inline void NAMED(turn)(float *to, size_t stride, const float *from) {
#ifdef SIMD
  __m256 r[8], s[8];
  for (int n = 0; n < 8; n++) r[n] = _mm256_loadu_ps(from + 8 * n);
  for (int n = 0; n < 8; n += 2) {
    s[n] = _mm256_unpacklo_ps(r[n], r[n + 1]);
    s[n + 1] = _mm256_unpackhi_ps(r[n], r[n + 1]);
  }
  for (int n = 0; n < 8; n += 4) {
    r[n] = _mm256_shuffle_ps(s[n], s[n + 2], 0x44);
    r[n + 1] = _mm256_shuffle_ps(s[n], s[n + 2], 0xee);
    r[n + 2] = _mm256_shuffle_ps(s[n + 1], s[n + 3], 0x44);
    r[n + 3] = _mm256_shuffle_ps(s[n + 1], s[n + 3], 0xee);
  }
  for (size_t n = 0; n < 4; n++) {
    _mm256_storeu_ps(to + n * stride, _mm256_permute2f128_ps(r[n], r[n + 4], 0x20));
    _mm256_storeu_ps(to + (n + 4) * stride, _mm256_permute2f128_ps(r[n], r[n + 4], 0x31));
  }
#else
  for (size_t a = 0; a < LANES; a++)
    for (size_t b = 0; b < LANES; b++) to[a * stride + b] = from[b * LANES + a];
#endif
}

#ifdef SIMD
/* The luma of four pixels among 16 bytes, whose first is at `shift`. */
TARGET static inline __m128 NAMED(four)(const uint8_t *p, int depth, int shift) {
  const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)p);
  const int d = depth;
  const __m128i first = _mm_setr_epi32(shift, shift + d, shift + 2 * d, shift + 3 * d);
  const __m128i empty = _mm_set1_epi32((int)0x80808000u);
  __m256d red = _mm256_cvtepi32_pd(_mm_shuffle_epi8(bytes, _mm_or_si128(first, empty)));
  __m256d green = _mm256_cvtepi32_pd(_mm_shuffle_epi8(bytes, _mm_or_si128(_mm_add_epi32(first, _mm_set1_epi32(1)), empty)));
  __m256d blue = _mm256_cvtepi32_pd(_mm_shuffle_epi8(bytes, _mm_or_si128(_mm_add_epi32(first, _mm_set1_epi32(2)), empty)));
  __m256d sum = _mm256_mul_pd(red, _mm256_set1_pd(0.299));
  sum = _mm256_add_pd(sum, _mm256_mul_pd(green, _mm256_set1_pd(0.587)));
  return _mm256_cvtpd_ps(_mm256_add_pd(sum, _mm256_mul_pd(blue, _mm256_set1_pd(0.114))));
}
#endif

/* The luma of the eight places from `at` on of eight rows, place by place; zero beyond the rows' end. */
TARGET static inline void NAMED(lumas)(float *to, const uint8_t *const *rows, size_t at, size_t width, size_t depth) {
#ifdef SIMD
  if (at + LANES <= width) {
    float found[LANES * LANES];
    for (size_t k = 0; k < LANES; k++) {
      const uint8_t *p = rows[k] + at * depth;
      if (depth == 3) {
        _mm_storeu_ps(found + k * LANES, NAMED(four)(p, 3, 0));
        _mm_storeu_ps(found + k * LANES + 4, NAMED(four)(p + 8, 3, 4));
      } else {
        _mm_storeu_ps(found + k * LANES, NAMED(four)(p, 4, 0));
        _mm_storeu_ps(found + k * LANES + 4, NAMED(four)(p + 16, 4, 0));
      }
    }
    NAMED(turn)(to, LANES, found);
    return;
  }
#endif
  for (size_t x = 0; x < LANES; x++)
    for (size_t k = 0; k < LANES; k++) to[x * LANES + k] = at + x < width ? luma_of(rows[k] + (at + x) * depth) : 0;
}

/* The first pass along eight rows, into eight slots of the ring. */
TARGET static void NAMED(along)(work *w, const uint8_t *const *rows, float *slots) {
  const side *s = &w->across;
  float sum[LANES] = {0};
  for (size_t t = 0; t < s->room; t += LANES) {
    float *entering = w->line + (s->window + t) * LANES, out[LANES * LANES];
    const float *leaving = w->line + t * LANES;
    NAMED(lumas)(entering, rows, t, s->length, w->depth);
    for (size_t x = 0; x < LANES; x++) {
      float count = s->counts[t + x];
      for (size_t k = 0; k < LANES; k++) {
        sum[k] += entering[x * LANES + k];
        sum[k] -= leaving[x * LANES + k];
        out[x * LANES + k] = sum[k] / count;
      }
    }
    NAMED(turn)(slots + t, s->room, out);
  }
}

/* The first pass down the columns, eight steps from `step` on, into the line. */
TARGET static void NAMED(downward)(work *w, size_t step) {
  const side *s = &w->across, *d = &w->down;
  const float *entering[LANES], *leaving[LANES], *counts = d->counts + step;
  for (size_t k = 0; k < LANES; k++) {
    size_t in = step + k, out = in - d->window;
    entering[k] = in < d->length ? w->ring + in % w->slots * s->room : w->none;
    leaving[k] = in >= d->window && out < d->length ? w->ring + out % w->slots * s->room : w->none;
  }
  for (size_t t = 0; t < s->room; t += LANES) {
    float sum[LANES], out[LANES * LANES];
    memcpy(sum, w->running + t, sizeof sum);
    for (size_t k = 0; k < LANES; k++) {
      for (size_t x = 0; x < LANES; x++) {
        sum[x] += entering[k][t + x];
        sum[x] -= leaving[k][t + x];
        out[k * LANES + x] = sum[x] / counts[k];
      }
    }
    memcpy(w->running + t, sum, sizeof sum);
    NAMED(turn)(w->line + (s->window + t) * LANES, LANES, out);
  }
}

/* The second pass along the eight rows of the line, of which 64 places are kept. */
TARGET static void NAMED(narrowed)(work *w, float *rows) {
  const side *s = &w->across;
  const float *leaving = w->line + (s->half - 1) * LANES, *entering = leaving + s->window * LANES;
  float sum[LANES] = {0};
  memset(w->line + s->window * LANES, 0, (s->half - 1) * LANES * sizeof(float));
  memset(w->line + (s->window + s->steps) * LANES, 0, (s->room - s->steps) * LANES * sizeof(float));
  for (size_t n = 0, t = 0; n < SIDE; n++) {
    size_t stop = taken(s, n) + s->half;
    for (; t < stop; t++)
      for (size_t k = 0; k < LANES; k++) {
        sum[k] += entering[t * LANES + k];
        sum[k] -= leaving[t * LANES + k];
      }
    for (size_t k = 0; k < LANES; k++) rows[k * SIDE + n] = sum[k] / s->counts[stop - 1];
  }
}

TARGET static void NAMED(all)(work *w, const uint8_t *pixels) {
  const side *s = &w->across, *d = &w->down;
  float rows[LANES * SIDE];
  for (size_t step = 0; step < d->room; step += LANES) {
    if (step < d->length) {
      const uint8_t *from[LANES];
      for (size_t k = 0; k < LANES; k++)
        from[k] = pixels + (step + k < d->length ? step + k : d->length - 1) * s->length * w->depth;
      NAMED(along)(w, from, w->ring + step % w->slots * s->room);
    }
    NAMED(downward)(w, step);
    if (step + LANES < d->half) continue;
    NAMED(narrowed)(w, rows);
    for (size_t k = 0; k < LANES; k++)
      if (step + k + 1 >= d->half && step + k < d->steps) sampled(w, rows + k * SIDE, step + k + 1 - d->half);
  }
  for (size_t step = d->length; step < d->steps; step++) sampled(w, NULL, step);
}
