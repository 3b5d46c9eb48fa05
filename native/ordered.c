/* See ordered.h. SPDX-License-Identifier: Apache-2.0 */
#include "ordered.h"

#include <stdlib.h>
#include <string.h>

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

#if defined(__GNUC__) && defined(__x86_64__)
#include <immintrin.h>
#define HAVE_FAST 1
#endif

enum { LANES = 8, SIDE = LO_SIDE };

/* One side. Step t adds value t and then subtracts value t - window; after step t the mean of place t - half + 1 is made.
 * `counts` holds for each step what its mean is divided by; 1 where there is no such place. */
typedef struct {
  size_t length, window, half, steps, room; /* room: steps, up to a whole number of lanes */
  float *counts;
} side;

typedef struct {
  side across, down;
  size_t depth, slots;
  float *line;    /* 8 rows side by side: `window` zeros, then a group of 8 for each step, then `half` zeros */
  float *ring;    /* rows of means along rows, each in slot row % slots, of across.room floats */
  float *none;    /* across.room zeros */
  float *running; /* across.room sums down the columns */
  float *held;    /* down.window rows of 64, of the second pass down */
  float *samples;
  float sums[SIDE];
  size_t made; /* rows of samples */
} work;

static int side_of(side *s, size_t length) {
  s->length = length;
  s->window = (length + 127) / 128;
  s->half = (s->window + 2) / 2;
  s->steps = length + s->half - 1;
  s->room = (s->steps + LANES - 1) / LANES * LANES;
  s->counts = malloc(s->room * sizeof(float));
  if (!s->counts) return LO_NO_MEMORY;
  for (size_t t = 0; t < s->room; t++) {
    size_t low = t + 1 > s->window ? t + 1 - s->window : 0, high = t + 1 < length ? t + 1 : length;
    s->counts[t] = t + 1 >= s->half && t < s->steps ? (float)(high - low) : 1;
  }
  return LO_DONE;
}

/* Which place sample n is. */
static size_t taken(const side *s, size_t n) { return (2 * n + 1) * s->length / (2 * SIDE); }

static float luma_of(const uint8_t *p) {
  double sum = p[0] * 0.299;
  sum = sum + p[1] * 0.587;
  return (float)(sum + p[2] * 0.114);
}

/* The second pass down, step by step: `row` is what enters, NULL after the last. */
static void sampled(work *w, const float *row, size_t step) {
  const side *s = &w->down;
  float *slot = w->held + step % s->window * SIDE;
  for (size_t j = 0; j < SIDE; j++) {
    float sum = w->sums[j];
    if (row) sum += row[j];
    if (step >= s->window) sum -= slot[j];
    w->sums[j] = sum;
    if (row) slot[j] = row[j];
  }
  while (w->made < SIDE && taken(s, w->made) + s->half == step + 1) {
    float *to = w->samples + w->made++ * SIDE;
    for (size_t j = 0; j < SIDE; j++) to[j] = w->sums[j] / s->counts[step];
  }
}

#define NAMED(name) name
#define TARGET
#include "ordered_steps.h"
#undef NAMED
#undef TARGET
#ifdef HAVE_FAST
#define NAMED(name) name##_fast
#define TARGET __attribute__((target("avx2"))) /* without fma: nothing may be contracted */
#define SIMD
#include "ordered_steps.h"
#endif

int lo_samples(const uint8_t *pixels, size_t height, size_t width, size_t depth, float *samples) {
  work w = {.depth = depth, .samples = samples};
  int status = LO_NO_MEMORY;
  if (side_of(&w.across, width) || side_of(&w.down, height)) goto end;
  w.slots = (w.down.window + 2 * LANES - 1) / LANES * LANES;
  if (w.slots > SIZE_MAX / sizeof(float) / w.across.room) goto end;
  w.line = calloc(w.across.window + w.across.room + w.across.half, LANES * sizeof(float));
  w.ring = malloc(w.slots * w.across.room * sizeof(float));
  w.none = calloc(w.across.room, sizeof(float));
  w.running = calloc(w.across.room, sizeof(float));
  w.held = malloc(w.down.window * SIDE * sizeof(float));
  if (!w.line || !w.ring || !w.none || !w.running || !w.held) goto end;
#ifdef HAVE_FAST
  if (__builtin_cpu_supports("avx2"))
    all_fast(&w, pixels);
  else
#endif
    all(&w, pixels);
  status = LO_DONE;
end:
  free(w.across.counts), free(w.down.counts), free(w.line), free(w.ring), free(w.none), free(w.running), free(w.held);
  return status;
}
