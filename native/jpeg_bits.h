/* Bits of a JPEG's entropy-coded segment, and its Huffman codes. SPDX-License-Identifier: Apache-2.0
 *
 * The stuffed bytes are taken out ahead, a window at a time, so that the inner loops load eight bytes and ask nothing.
 * After the last byte of a segment come zeros enough for the longest MCU: whoever has passed the end learns it after
 * each MCU. */
#ifndef LEADLIGHT_JPEG_BITS_H
#define LEADLIGHT_JPEG_BITS_H

#include <stdint.h>
#include <string.h>

#if defined(__GNUC__)
#define INLINE static inline __attribute__((always_inline))
#define UNLIKELY(x) __builtin_expect(!!(x), 0)
#else
#define INLINE static inline
#define UNLIKELY(x) (x)
#endif

enum {
  PEEK = 12,                                        /* bits that a table is asked with */
  MCU_BLOCKS = 10,                                  /* T.81 B.2.3 */
  LONGEST = MCU_BLOCKS * 64 * (16 + 15) / 8 + 16,   /* bytes of an MCU, and what is loaded beyond */
  ROOM = 16384,
};

typedef struct {
  const uint8_t *at, *end; /* what has not been unstuffed */
  int ended;               /* the marker that ends the segment, once it is reached; -1 where the data end first */
  const uint8_t *limit;    /* from here on the window must be moved */
  const uint8_t *last;     /* the end of what is real in it */
  uint8_t bytes[ROOM + LONGEST + 8];
} window;

/* The next bit is the highest of `word`; `count` of them count, and those below are the same as will come. */
typedef struct {
  uint64_t word;
  unsigned count;
  const uint8_t *next;
} bits;

INLINE uint64_t load(const uint8_t *p) {
  uint64_t v;
  memcpy(&v, p, 8);
#if defined(__GNUC__)
  return __builtin_bswap64(v);
#else
  return (uint64_t)p[0] << 56 | (uint64_t)p[1] << 48 | (uint64_t)p[2] << 40 | (uint64_t)p[3] << 32 |
         (uint64_t)p[4] << 24 | (uint64_t)p[5] << 16 | (uint64_t)p[6] << 8 | p[7];
#endif
}

/* At least 56 bits. */
INLINE void refill(bits *b) {
  b->word |= load(b->next) >> b->count;
  b->next += (63 - b->count) >> 3;
  b->count |= 56;
}

INLINE void drop(bits *b, unsigned n) {
  b->word <<= n;
  b->count -= n;
}

/* Moves what is left to the front and unstuffs more behind it. */
static bits more(window *w, bits b) {
  /* whole bytes that were loaded and not used go back */
  const uint8_t *from = b.next - (b.count >> 3);
  unsigned part = b.count & 7;
  size_t kept = w->last > from ? (size_t)(w->last - from) : 0;
  uint8_t *to = w->bytes + 1, *stop = w->bytes + ROOM;
  w->bytes[0] = part ? from[-1] : 0;
  memmove(to, from, kept);
  to += kept;
  while (to < stop && !w->ended) {
    size_t wanted = (size_t)(stop - to), there = (size_t)(w->end - w->at);
    if (wanted > there) wanted = there;
    const uint8_t *mark = wanted ? memchr(w->at, 0xff, wanted) : NULL;
    size_t plain = mark ? (size_t)(mark - w->at) : wanted;
    memcpy(to, w->at, plain);
    to += plain;
    w->at += plain;
    if (!mark) {
      if (w->at == w->end) w->ended = -1;
      continue;
    }
    if (w->end - w->at < 2) {
      w->ended = -1;
    } else if (w->at[1] == 0) {
      *to++ = 0xff;
      w->at += 2;
    } else { /* a marker, after any number of fill bytes; none may be followed by a stuffed zero */
      while (w->end - w->at >= 2 && w->at[1] == 0xff) w->at++;
      w->ended = w->end - w->at >= 2 && w->at[1] ? w->at[1] : -1;
    }
  }
  w->last = to;
  w->limit = w->ended ? w->bytes + sizeof w->bytes : to - LONGEST;
  memset(to, 0, LONGEST + 8);
  b = (bits){0, 0, w->bytes + 1};
  if (part) b.word = (uint64_t)w->bytes[0] << (64 - part), b.count = part;
  return b;
}

static bits begin(window *w, const uint8_t *at, const uint8_t *end) {
  w->at = at;
  w->end = end;
  w->ended = 0;
  w->last = w->bytes;
  return more(w, (bits){0, 0, w->bytes + 1});
}

/* How many bits are left of what is real: negative once more was used than there is. */
INLINE long left(const window *w, bits b) { return (long)(w->last - b.next) * 8 + (long)b.count; }

/* A Huffman table as it is defined, and what looks its codes up. */
typedef struct {
  int there;
  uint8_t counts[17], symbols[256];
  int32_t first[17], most[17]; /* of the codes of a length: the symbol of the first less that code; the last code, or -1 */
} huffman;

/* Whether the counts make a code (T.81 C.2). */
static int huffman_of(huffman *h, const uint8_t *counts, const uint8_t *symbols, int total) {
  int32_t code = 0, at = 0;
  memset(h, 0, sizeof *h);
  memcpy(h->symbols, symbols, (size_t)total);
  for (int n = 1; n <= 16; n++, code <<= 1) {
    h->counts[n] = counts[n - 1];
    h->first[n] = at - code;
    code += counts[n - 1];
    at += counts[n - 1];
    h->most[n] = counts[n - 1] ? code - 1 : -1;
    if (counts[n - 1] && code >= (int32_t)1 << n) return 0; /* all ones is no code */
  }
  return h->there = 1;
}

/* The symbol at the front of `word` and, above it, the length of its code; -1 where there is none of at most `known`
 * bits. */
static int symbol_of(const huffman *h, uint64_t word, int known) {
  for (int n = 1; n <= known; n++) {
    int32_t code = (int32_t)(word >> (64 - n));
    if (code <= h->most[n]) return n << 8 | h->symbols[(h->first[n] + code) & 255];
  }
  return -1;
}

/* The number that `size` bits at the front of `word` stand for (T.81 F.2.2.1). */
INLINE int32_t number_of(uint64_t word, int size) {
  if (!size) return 0;
  int32_t v = (int32_t)(word >> (64 - size));
  return word >> 63 ? v : v - (int32_t)(((uint32_t)1 << size) - 1);
}

/* Passing over coefficients. An entry: the bits taken, 0 to 27, in the low six; above them how many coefficients they
 * were, with ENDED added where the block ends there. UNKNOWN: no code of at most PEEK bits is there. */
enum { ENDED = 128, UNKNOWN = 512 };
typedef uint16_t passing[1 << PEEK];

/* As many whole symbols as begin and are known in PEEK bits; `dc`, where given, codes the first. 0 where a symbol
 * means nothing. */
static void passing_of(passing table, const huffman *dc, const huffman *ac) {
  uint16_t known[1 << PEEK], first[1 << PEEK];
  for (int round = 0; round < 2; round++) {
    const huffman *h = round ? dc : ac;
    uint16_t *to = round ? first : known;
    if (!h) break;
    memset(to, 0, sizeof known);
    int at = 0;
    for (int n = 1, code = 0; n <= PEEK; n++, code <<= 1)
      for (int k = 0; k < h->counts[n]; k++, code++, at++)
        for (int i = code << (PEEK - n); i < (code + 1) << (PEEK - n); i++) to[i] = (uint16_t)(n << 8 | h->symbols[at & 255]);
  }
  for (unsigned index = 0; index < 1 << PEEK; index++) {
    unsigned taken = 0, passed = 0;
    while (taken < PEEK) {
      unsigned found = (dc && !passed ? first : known)[index << taken & ((1 << PEEK) - 1)];
      unsigned length = found >> 8, run = found >> 4 & 15, size = found & 15;
      if (!length || length > PEEK - taken) break;
      if (dc && !passed) {
        if (run) break;
      } else if (!size && run != 15) {
        if (run) break;
        taken += length;
        passed += ENDED;
        break;
      }
      if (passed + run + 1 > 64) break;
      taken += length + size;
      passed += run + 1;
    }
    table[index] = (uint16_t)(taken ? passed << 6 | taken : UNKNOWN << 6);
  }
}

/* Numbers. An entry: the bits taken in the low eight, 0 where it is not known; the run in the next four; the number
 * above. Of a block's later coefficients the number 0 is its end; a run of sixteen zeros is not known here. */
typedef int32_t numbers[1 << PEEK];

static void numbers_of(numbers table, const huffman *h) {
  memset(table, 0, sizeof(numbers));
  int at = 0;
  for (int n = 1, code = 0; n <= PEEK; n++, code <<= 1)
    for (int k = 0; k < h->counts[n]; k++, code++, at++) {
      int symbol = h->symbols[at & 255], size = symbol & 15, run = symbol >> 4;
      if (n + size > PEEK || (run && !size)) continue;
      for (int i = code << (PEEK - n); i < (code + 1) << (PEEK - n); i++) {
        int32_t v = size ? number_of((uint64_t)i << (64 - PEEK + n), size) : 0;
        table[i] = v * 65536 + (run << 8 | (n + size));
      }
    }
}

#endif
