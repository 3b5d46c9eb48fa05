/* Luma of 8-bit RGB, summed over weighted rows, and averaged over squares. SPDX-License-Identifier: Apache-2.0 */
#ifndef LEADLIGHT_ROWS_H
#define LEADLIGHT_ROWS_H

#include <stddef.h>
#include <stdint.h>

/* Into each of `count` rows of `sums` (width floats): the luma of all rows of `pixels` (height by width by depth: 3, or 4
 * with the last left out), times the row's `height` weights, summed. Weights of zero cost next to nothing at a row's ends. */
void lr_rows(const uint8_t *pixels, size_t height, size_t width, size_t depth, const float *weights, size_t count, float *sums);

/* Means of squares of `step` (1, 2, 4 or 8) pixels a side, of what there is of them at the edges: ceil(width / step) for each row
 * of squares, as leadlight.raster.averaged makes them. */
void lr_means(const uint8_t *pixels, size_t height, size_t width, size_t depth, size_t step, float *luma);

#endif
