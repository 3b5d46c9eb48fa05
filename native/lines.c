/* See lines.h. SPDX-License-Identifier: Apache-2.0 */
#include "lines.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#endif

enum { TILE = 16, STRIP = LL_SQUARE, MARKED = 1024 };

static size_t least_of(size_t a, size_t b) { return a < b ? a : b; }

void ll_coarse(const float *luma, size_t width, size_t by, size_t high, size_t wide, float *plane, float *turned) {
  float held[STRIP];
  size_t together = STRIP / by;
  for (size_t y = 0; y < high; y++)
    for (size_t from = 0; from < wide; from += together) {
      size_t count = least_of(together, wide - from);
      const float *row = luma + y * by * width + from * by;
      float *to = plane + y * wide + from;
      memcpy(held, row, count * by * sizeof *held);
      for (size_t n = 1; n < by; n++)
        for (size_t x = 0; x < count * by; x++) held[x] += row[n * width + x];
      for (size_t x = 0; x < count; x++) {
        float sum = held[x * by];
        for (size_t n = 1; n < by; n++) sum += held[x * by + n];
        to[x] = sum / (float)(by * by);
      }
    }
  for (size_t y = 0; y < high; y += TILE)
    for (size_t x = 0; x < wide; x += TILE)
      for (size_t i = x; i < least_of(x + TILE, wide); i++)
        for (size_t j = y; j < least_of(y + TILE, high); j++) turned[i * high + j] = plane[j * wide + i];
}

void ll_lines(const float *plane, size_t across, size_t down, float step, float quiet, uint16_t *sums) {
  memset(sums, 0, 2 * down * sizeof *sums);
  for (size_t x = 0; x < across; x++) {
    const float *row = plane + x * down;
    const uint16_t *before = sums + x * 2 * down;
    uint16_t *after = sums + (x + 1) * 2 * down;
    memcpy(after, before, 2 * down * sizeof *sums);
    for (size_t y = 1; y + 1 < down; y++) after[y] = (uint16_t)(after[y] + (fabsf(row[y + 1] - row[y - 1]) > step));
    for (size_t y = 1; y + 1 < down; y++)
      after[down + y] = (uint16_t)(after[down + y] + (fabsf(row[y + 1] - row[y - 1]) <= quiet));
  }
}

void ll_flat(const float *plane, size_t high, size_t wide, float quiet, float *sums) {
  uint32_t marks[MARKED];
  memset(sums, 0, (wide + 1) * sizeof *sums);
  for (size_t y = 0; y + 1 < high; y++) {
    const float *row = plane + y * wide, *next = row + wide, *above = sums + y * (wide + 1);
    float *to = sums + (y + 1) * (wide + 1);
    uint32_t run = 0;
    to[0] = 0;
    for (size_t from = 0; from + 1 < wide; from += MARKED) {
      size_t count = least_of(MARKED, wide - 1 - from);
      for (size_t n = 0; n < count; n++) {
        size_t x = from + n;
        marks[n] = (uint32_t)(fabsf(row[x + 1] - row[x]) <= quiet) & (uint32_t)(fabsf(next[x] - row[x]) <= quiet);
      }
      for (size_t n = 0; n < count; n++) marks[n] = run += marks[n];
      for (size_t n = 0; n < count; n++) to[from + n + 1] = above[from + n + 1] + (float)(int32_t)marks[n];
    }
    to[wide] = to[wide - 1];
  }
  memcpy(sums + high * (wide + 1), sums + (high - 1) * (wide + 1), (wide + 1) * sizeof *sums);
}

size_t ll_peaks(const uint16_t *sums, size_t down, size_t top, size_t bottom, size_t left, size_t right, int back, size_t most,
                double least, float *clear, ll_peak *peaks) {
  const uint16_t *low = sums + left * 2 * down, *high = sums + right * 2 * down;
  size_t length = bottom - top, ends = length * 3 / 4, found = 0;
  float width = (float)(right - left);
  for (size_t n = 0; n < ends; n++) {
    if (n < 3) {
      clear[n] = 0;
      continue;
    }
    size_t at = back ? bottom - 1 - n : top + n;
    size_t three = back ? at + 3 : at - 3, four = n == 3 ? three : back ? at + 4 : at - 4;
    float step = (float)(high[at] - low[at]) / width;
    float third = (float)(high[down + three] - low[down + three]) / width;
    float fourth = (float)(high[down + four] - low[down + four]) / width;
    float before = third < fourth ? third : fourth;
    clear[n] = step * before * before;
  }
  while (found < most && ends) {
    size_t best = 0;
    for (size_t n = 1; n < ends; n++)
      if (clear[n] > clear[best]) best = n;
    if ((double)clear[best] < least) break;
    peaks[found++] = (ll_peak){best, clear[best]};
    for (size_t n = best < 3 ? 0 : best - 3; n < least_of(best + 4, ends); n++) clear[n] = 0;
  }
  return found;
}

/* The value that is number `place` in order; those before it lie before it afterwards. Bounded whatever the values are. */
static float ordered(float *values, size_t count, size_t place) {
  size_t low = 0, high = count;
  uint32_t state = 1;
  while (high - low > 1) {
    state = state * 1664525u + 1013904223u;
    float pivot = values[low + (size_t)(state >> 8) % (high - low)];
    size_t less = low, at = low, more = high;
    while (at < more) {
      float v = values[at];
      if (v < pivot) {
        values[at++] = values[less];
        values[less++] = v;
      } else if (v > pivot) {
        values[at] = values[--more];
        values[more] = v;
      } else {
        at++;
      }
    }
    if (place < less)
      high = less;
    else if (place >= more)
      low = more;
    else
      return values[place];
  }
  return values[place];
}

static float median(float *values, size_t count) {
  float upper = ordered(values, count, count / 2), lower;
  if (count & 1) return upper;
  lower = values[0];
  for (size_t n = 1; n < count / 2; n++)
    if (values[n] > lower) lower = values[n];
  return (lower + upper) / 2;
}

size_t ll_alike(const float *first, ptrdiff_t stride, size_t count, size_t length, float level, double share, float *room) {
  if (!count || !length) return 0;
  memcpy(room, first, length * sizeof *room);
  float middle = median(room, length);
  for (size_t n = 0; n < count; n++) {
    const float *row = first + (ptrdiff_t)n * stride;
    size_t same = 0;
    for (size_t x = 0; x < length; x++) same += fabsf(row[x] - middle) <= level;
    if (!((double)same / (double)length >= share)) return n;
  }
  return 0;
}

float ll_share(const float *outer, const float *row, const float *inner, size_t length, float step, float *room) {
  size_t told = 0;
  for (size_t x = 0; x < length; x++) {
    float change = inner[x] - outer[x];
    if (fabsf(change) > step) room[told++] = (row[x] - outer[x]) / change;
  }
  if (!told) return 0.5f;
  float middle = median(room, told);
  return middle < 0 ? 0 : middle > 1 ? 1 : middle;
}

/* Sample n weighs the `count` values from first[n] on with weights[n * count]...; 0 beyond the last. */
typedef struct {
  size_t first[LL_SIDE], count;
  float *weights;
} tents;

static double below(double at) {
  at = at < -1 ? -1 : at > 1 ? 1 : at;
  return at < 0 ? (1 + at) * (1 + at) / 2 : 1 - (1 - at) * (1 - at) / 2;
}

static int tents_of(tents *t, size_t length, double low, double high) {
  double half = (high - low) / LL_SIDE / 2;
  t->count = (size_t)(2 * half) + 2;
  t->weights = malloc(LL_SIDE * t->count * sizeof *t->weights);
  double *shares = malloc(t->count * sizeof *shares);
  if (!t->weights || !shares) {
    free(shares);
    return 0;
  }
  for (size_t n = 0; n < LL_SIDE; n++) {
    double middle = low + (double)(2 * n + 1) * half, start = middle - half, total = 0;
    t->first[n] = start < 0 ? 0 : least_of((size_t)start, length - 1);
    for (size_t k = 0; k < t->count; k++) {
      size_t from = least_of(t->first[n] + k, length), to = least_of(t->first[n] + k + 1, length);
      shares[k] = below(((double)to - middle) / half) - below(((double)from - middle) / half);
      total += shares[k];
    }
    for (size_t k = 0; k < t->count; k++) t->weights[n * t->count + k] = (float)(shares[k] / total);
  }
  free(shares);
  return 1;
}

int ll_tents(const float *plane, size_t high, size_t wide, double top, double bottom, double left, double right, float *samples) {
  tents rows = {.count = 0}, columns = {.count = 0};
  float *sums = malloc(wide * sizeof *sums);
  int done = sums && tents_of(&rows, high, top, bottom) && tents_of(&columns, wide, left, right);
  size_t from = done ? columns.first[0] : 0;
  size_t until = done ? least_of(columns.first[LL_SIDE - 1] + columns.count, wide) : 0;
  for (size_t i = 0; done && i < LL_SIDE; i++) {
    memset(sums, 0, wide * sizeof *sums);
    for (size_t k = 0; k < rows.count; k++) {
      const float *row = plane + least_of(rows.first[i] + k, high - 1) * wide;
      float weight = rows.weights[i * rows.count + k];
      for (size_t x = from; x < until; x++) sums[x] += weight * row[x];
    }
    for (size_t j = 0; j < LL_SIDE; j++) {
      float sum = 0;
      for (size_t k = 0; k < columns.count; k++)
        sum += columns.weights[j * columns.count + k] * sums[least_of(columns.first[j] + k, wide - 1)];
      samples[i * LL_SIDE + j] = sum;
    }
  }
  free(sums), free(rows.weights), free(columns.weights);
  return done;
}
