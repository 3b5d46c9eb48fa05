/* The luma of a JPEG on a coarse grid, by decoding only the low frequencies. SPDX-License-Identifier: Apache-2.0
 *
 * Source: ITU-T T.81 (1992). Baseline and extended sequential Huffman, and the DC terms of progressive, 8 bits,
 * grey or YCbCr with the luma sampled as finely as anything. All else, and whatever is broken, is refused: then the
 * caller decodes in full, and says what is wrong.
 *
 * Nothing is read outside `data`. Memory: the plane, two bytes a block of a progressive file, and about 150 KiB. */
#ifndef LEADLIGHT_JPEG_H
#define LEADLIGHT_JPEG_H

#include <stddef.h>
#include <stdint.h>

enum { LJ_DONE, LJ_REFUSED, LJ_NO_MEMORY };

typedef struct {
  int width, height, components, step;
  size_t across, down; /* samples */
  float *luma;         /* for the caller to free */
} lj_plane;

/* The greatest step of 8, 4, 2 that leaves `least` samples on the shorter side; LJ_REFUSED where there is none, or where
 * the picture has more than `most` pixels. A progressive file is read with step 8 alone, from three quarters of `least`
 * on: its full decode costs fifty times as much. */
int lj_luma(const uint8_t *data, size_t size, int least, uint64_t most, lj_plane *plane);

#endif
