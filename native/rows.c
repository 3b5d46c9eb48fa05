/* See rows.h. SPDX-License-Identifier: Apache-2.0 */
#include "rows.h"

#include <string.h>

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

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

/* Luma, rounded after each colour as a fused multiply-add rounds: a product of a byte and a float is exact in double precision,
 * and so is its sum with one. */
static inline float exact(const uint8_t *p) {
  float sum = 0.299f * (float)p[0];
  sum = (float)((double)0.587f * p[1] + (double)sum);
  return (float)((double)0.114f * p[2] + (double)sum);
}

typedef void greying(float *sums, const uint8_t *pixels, size_t count, size_t depth);

static void grey(float *sums, const uint8_t *pixels, size_t count, size_t depth) {
  for (size_t x = 0; x < count; x++) sums[x] += exact(pixels + x * depth);
}

#ifdef HAVE_FAST
/* Eight pixels: what lies in the bytes 0 to 11 of each half goes to the lower three bytes of its four numbers. */
__attribute__((target("avx2,fma"))) static void grey_fast(float *sums, const uint8_t *pixels, size_t count, size_t depth) {
  const __m128i spread = depth == 4 ? _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
                                    : _mm_setr_epi8(0, 1, 2, -1, 3, 4, 5, -1, 6, 7, 8, -1, 9, 10, 11, -1);
  const __m256i both = _mm256_broadcastsi128_si256(spread), low = _mm256_set1_epi32(255);
  size_t x = 0;
  for (; x + 10 <= count; x += 8) { /* ten: of three bytes a pixel, four more than are used are loaded */
    const __m128i *first = (const __m128i *)(const void *)(pixels + x * depth);
    const __m128i *second = (const __m128i *)(const void *)(pixels + (x + 4) * depth);
    __m256i p = _mm256_inserti128_si256(_mm256_castsi128_si256(_mm_loadu_si128(first)), _mm_loadu_si128(second), 1);
    p = _mm256_shuffle_epi8(p, both);
    __m256 red = _mm256_cvtepi32_ps(_mm256_and_si256(p, low));
    __m256 green = _mm256_cvtepi32_ps(_mm256_and_si256(_mm256_srli_epi32(p, 8), low));
    __m256 blue = _mm256_cvtepi32_ps(_mm256_and_si256(_mm256_srli_epi32(p, 16), low));
    __m256 sum = _mm256_mul_ps(_mm256_set1_ps(0.299f), red);
    sum = _mm256_fmadd_ps(_mm256_set1_ps(0.587f), green, sum);
    sum = _mm256_fmadd_ps(_mm256_set1_ps(0.114f), blue, sum);
    _mm256_storeu_ps(sums + x, _mm256_add_ps(_mm256_loadu_ps(sums + x), sum));
  }
  for (; x < count; x++) sums[x] += exact(pixels + x * depth);
}
#endif

void lr_means(const uint8_t *pixels, size_t height, size_t width, size_t depth, size_t step, float *luma) {
  float first[STRIP / 3], rest[STRIP / 3];
  greying *add = grey;
#ifdef HAVE_FAST
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) add = grey_fast;
#endif
  for (size_t y = 0; y < height; y += step) {
    size_t rows = height - y < step ? height - y : step;
    for (size_t from = 0; from < width; from += STRIP / 3) {
      size_t count = width - from < STRIP / 3 ? width - from : STRIP / 3;
      memset(first, 0, count * sizeof *first), memset(rest, 0, count * sizeof *rest);
      for (size_t n = 0; n < rows; n++) add(n ? rest : first, pixels + ((y + n) * width + from) * depth, count, depth);
      for (size_t x = 0; x < count; x++) first[x] = (first[x] + rest[x]) / (float)(int32_t)rows;
      for (size_t x = 0; x < count; x += step) {
        size_t across = count - x < step ? count - x : step;
        float sum = 0;
        for (size_t n = 1; n < across; n++) sum += first[x + n];
        *luma++ = (first[x] + sum) / (float)(int32_t)across;
      }
    }
  }
}
