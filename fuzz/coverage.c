/* Which places of the compiled kernels an input reaches, for gcc's -fsanitize-coverage=trace-pc.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Linked into each kernel; the map is read through the symbol. It is not itself instrumented. */
#include <stdint.h>

enum { PLACES = 1 << 14 };

uint8_t lf_reached[PLACES];

__attribute__((no_sanitize("address", "undefined"), visibility("default"))) void __sanitizer_cov_trace_pc(void) {
  uintptr_t at = (uintptr_t)__builtin_return_address(0);
  uint8_t *count = &lf_reached[(at ^ at >> 14) % PLACES];
  if (*count != 255) ++*count;
}
