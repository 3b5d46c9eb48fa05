/* See rows.h. SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

#include <string.h>

#if defined(__GNUC__) && defined(__x86_64__)
#define HAVE_FAST 1
#endif
#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#else
#define INLINE static inline
#endif

enum { STRIP = 1536, TOGETHER = 4 }; /* samples across at a time, whose sums stay in the first cache; rows at a time */

INLINE void added(float *restrict to, const uint8_t *restrict a, const uint8_t *restrict b, const uint8_t *restrict c,
                  const uint8_t *restrict d, const float *restrict w, size_t samples) {
  for (size_t x = 0; x < samples; x++)
    to[x] += (w[0] * (float)a[x] + w[1] * (float)b[x]) + (w[2] * (float)c[x] + w[3] * (float)d[x]);
}

INLINE void strips(const uint8_t *pixels, size_t height, size_t width, const float *weights, size_t count, float *sums) {
  float held[STRIP];
  for (size_t i = 0; i < count; i++) {
    const float *row = weights + i * height;
    size_t low = 0, high = height;
    while (low < height && row[low] == 0) low++;
    while (high > low && row[high - 1] == 0) high--;
    for (size_t at = 0; at < width * 3; at += STRIP) {
      size_t samples = width * 3 - at < STRIP ? width * 3 - at : STRIP;
      memset(held, 0, sizeof held);
      for (size_t y = low; y < high; y += TOGETHER) {
        const uint8_t *p[TOGETHER];
        float w[TOGETHER];
        for (size_t k = 0; k < TOGETHER; k++) {
          size_t line = y + k < high ? y + k : y;
          p[k] = pixels + line * width * 3 + at;
          w[k] = y + k < high ? row[line] : 0;
        }
        added(held, p[0], p[1], p[2], p[3], w, samples);
      }
      float *to = sums + i * width + at / 3;
      for (size_t x = 0; x < samples / 3; x++)
        to[x] = 0.299f * held[3 * x] + 0.587f * held[3 * x + 1] + 0.114f * held[3 * x + 2];
    }
  }
}

#ifdef HAVE_FAST
__attribute__((target("avx2,fma"))) static void strips_fast(const uint8_t *pixels, size_t height, size_t width,
                                                            const float *weights, size_t count, float *sums) {
  strips(pixels, height, width, weights, count, sums);
}
#endif

void lr_rows(const uint8_t *pixels, size_t height, size_t width, const float *weights, size_t count, float *sums) {
#ifdef HAVE_FAST
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    strips_fast(pixels, height, width, weights, count, sums);
    return;
  }
#endif
  strips(pixels, height, width, weights, count, sums);
}
