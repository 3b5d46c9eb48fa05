/* Straight lines in a luma plane, how much of it is flat, and samples of a rectangle of it. SPDX-License-Identifier: Apache-2.0
 *
 * What leadlight.scaled.plainlines does in NumPy, to the last digit: sums are made in one order, of floats as stated there. */
#ifndef LEADLIGHT_LINES_H
#define LEADLIGHT_LINES_H

#include <stddef.h>
#include <stdint.h>

enum {
  LL_SIDE = 64,      /* samples a side */
  LL_MOST = 65535,   /* values a side of a plane */
  LL_SQUARE = 1024,  /* values a side that one of a coarser plane may stand for */
  LL_PEAKS = 8,      /* lines a side of a rectangle */
};

#define LL_LEAST 0.001 /* values a side of a rectangle that is sampled */

typedef struct {
  size_t at;
  float clear;
} ll_peak;

/* Means of squares of `by` by `by` values of `luma` (rows of `width`): `plane` of `high` by `wide`, and it `turned`. */
void ll_coarse(const float *luma, size_t width, size_t by, size_t high, size_t wide, float *plane, float *turned);

/* Of a plane of `across` rows of `down` values, `across` + 1 strips of twice `down` numbers: in how many rows before a strip the
 * neighbours of a value differ by more than `step`; and by at most `quiet`. Nothing is said of the first and last value. */
void ll_lines(const float *plane, size_t across, size_t down, float step, float quiet, uint16_t *sums);

/* `sums`, (high + 1) by (wide + 1): how many values above and left differ by at most `quiet` from the next ones. */
void ll_flat(const float *plane, size_t high, size_t wide, float quiet, float *sums);

/* The clearest ends of a bar before values `top` to `bottom` of strips `left` to `right`: at most `most` (LL_PEAKS) from `least`
 * on, by how far they lie within. `clear` has room for bottom - top floats; `back` looks from the other end. */
size_t ll_peaks(const uint16_t *sums, size_t down, size_t top, size_t bottom, size_t left, size_t right, int back, size_t most,
                double least, float *clear, ll_peak *peaks);

/* How many of `count` rows, `stride` floats apart from `first` on, are all of one colour, the median of the first: `share` of a
 * row within `level`. 0 where all are. `room`: `length` floats. */
size_t ll_alike(const float *first, ptrdiff_t stride, size_t count, size_t length, float level, double share, float *room);

/* How much of the values of a row is of the row `inner`, the rest of `outer`: the median of those that differ by more than `step`,
 * 0 to 1; 0.5 where none does. `room`: `length` floats. */
float ll_share(const float *outer, const float *row, const float *inner, size_t length, float step, float *room);

/* 64 by 64 samples, tents over a 64th of the sides of the rectangle. 0 where there is no memory. */
int ll_tents(const float *plane, size_t high, size_t wide, double top, double bottom, double left, double right, float *samples);

#endif
