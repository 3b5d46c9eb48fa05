/* PDQ's samples of 8-bit RGB, each sum made in the reference's own order. SPDX-License-Identifier: Apache-2.0
 *
 * Source: the PDQ reference implementation (boxAlongRows and boxAlongCols, twice, then decimate). Each running mean adds
 * what enters the box and then subtracts what leaves it, in 32-bit floats, and divides by how many it holds: the order and
 * the rounding decide bits of a hash where coefficients tie, so nothing here may be reordered, contracted or approximated.
 *
 * Memory: 4 bytes times width times (height / 128 + 27), and some KiB. */
#ifndef LEADLIGHT_ORDERED_H
#define LEADLIGHT_ORDERED_H

#include <stddef.h>
#include <stdint.h>

enum { LO_SIDE = 64, LO_DONE = 0, LO_NO_MEMORY = 1 };

/* Into `samples` (64 by 64) those of `pixels` (height by width by depth: 3, or 4 with the last left out), of one pixel a side
 * or more. */
int lo_samples(const uint8_t *pixels, size_t height, size_t width, size_t depth, float *samples);

#endif
