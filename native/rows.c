/* See rows.h. SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

#include <string.h>

#if defined(__GNUC__) && defined(__x86_64__)
#include <immintrin.h>
#define HAVE_FAST 1
#endif

enum { STRIP = 6144, TOGETHER = 8 }; /* samples across at a time (of whole pixels), whose sums stay in the first cache; rows at a time */

typedef void adding(float *to, const uint8_t *const *rows, const float *weights, size_t samples);

static void added(float *to, const uint8_t *const *rows, const float *weights, size_t samples) {
  for (size_t k = 0; k < TOGETHER; k++)
    for (size_t x = 0; x < samples; x++) to[x] += weights[k] * (float)rows[k][x];
}

#ifdef HAVE_FAST
__attribute__((target("avx2,fma"))) static void added_fast(float *to, const uint8_t *const *rows, const float *weights,
                                                           size_t samples) {
  size_t x = 0;
  for (; x + 16 <= samples; x += 16) {
    __m256 low = _mm256_loadu_ps(to + x), high = _mm256_loadu_ps(to + x + 8);
    for (size_t k = 0; k < TOGETHER; k++) {
      __m256 w = _mm256_broadcast_ss(weights + k);
      const __m128i *p = (const __m128i *)(const void *)(rows[k] + x);
      const __m128i *q = (const __m128i *)(const void *)(rows[k] + x + 8);
      low = _mm256_fmadd_ps(w, _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(p))), low);
      high = _mm256_fmadd_ps(w, _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(q))), high);
    }
    _mm256_storeu_ps(to + x, low);
    _mm256_storeu_ps(to + x + 8, high);
  }
  for (; x < samples; x++)
    for (size_t k = 0; k < TOGETHER; k++) to[x] += weights[k] * (float)rows[k][x];
}
#endif

static void strips(const uint8_t *pixels, size_t height, size_t width, size_t depth, const float *weights, size_t count, float *sums,
                   adding *add) {
  float held[STRIP];
  for (size_t i = 0; i < count; i++) {
    const float *row = weights + i * height;
    size_t low = 0, high = height;
    while (low < height && row[low] == 0) low++;
    while (high > low && row[high - 1] == 0) high--;
    for (size_t at = 0; at < width * depth; at += STRIP) {
      size_t samples = width * depth - at < STRIP ? width * depth - at : STRIP;
      memset(held, 0, samples * sizeof *held);
      for (size_t y = low; y < high; y += TOGETHER) {
        const uint8_t *rows[TOGETHER];
        float w[TOGETHER];
        for (size_t k = 0; k < TOGETHER; k++) {
          size_t line = y + k < high ? y + k : y;
          rows[k] = pixels + line * width * depth + at;
          w[k] = y + k < high ? row[line] : 0;
        }
        add(held, rows, w, samples);
      }
      float *to = sums + i * width + at / depth;
      for (size_t x = 0; x < samples / depth; x++)
        to[x] = 0.299f * held[depth * x] + 0.587f * held[depth * x + 1] + 0.114f * held[depth * x + 2];
    }
  }
}

void lr_rows(const uint8_t *pixels, size_t height, size_t width, size_t depth, const float *weights, size_t count, float *sums) {
#ifdef HAVE_FAST
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    strips(pixels, height, width, depth, weights, count, sums, added_fast);
    return;
  }
#endif
  strips(pixels, height, width, depth, weights, count, sums, added);
}
