/* See jpeg.h. SPDX-License-Identifier: Apache-2.0 */
#include "jpeg.h"

#include "jpeg_bits.h"

#include <stdlib.h>

enum { SEQUENTIAL, FIRST, REFINED };
enum { SIDE_MOST = 65500, LATER = 9 }; /* the last coefficient, in zigzag order, that any step asks for: more change no hash */

typedef struct {
  int id, h, v, quant, dc, ac;
} component;

typedef struct {
  const uint8_t *data, *end, *at;
  int width, height, components, progressive, jfif, adobe, restart, scans;
  component c[3];
  uint16_t quant[4][64];
  int has_quant[4];
  huffman dc[4], ac[4];
  int low;             /* progressive: the bit of the luma's DC that is still to come, -1 before the first */
  uint8_t bits_of[64]; /* progressive: the same for each of its coefficients, 1 more, 0 where nothing has come */
  int blocks_across, blocks_down;
  float scale[LATER + 1]; /* the quantiser of the luma */
  int16_t *coarse;        /* progressive: its DC terms */
  lj_plane *plane;
  numbers first, later;         /* of the luma */
  passing rest;                 /* of the luma */
  passing skip[2], start[2];    /* of the chroma */
  window window;
} decoder;

static int be16(const uint8_t *p) { return p[0] << 8 | p[1]; }

/* Where each coefficient, in zigzag order, lies in the corner of four by four, and of two by two; 16 where it doesn't. */
static const uint8_t corner4[LATER + 1] = {0, 1, 4, 8, 5, 2, 3, 6, 9, 12};
static const uint8_t corner2[5] = {0, 1, 2, 16, 3};

/* Half of C(u) times the mean of cos((2x + 1) u pi / 16) over the first, second, ... half or quarter of the block. */
static const float mean2[2][2] = {{0.35355339f, 0.32036449f}, {0.35355339f, -0.32036449f}};
static const float mean4[4][4] = {{0.35355339f, 0.45306372f, 0.32664074f, 0.15909482f},
                                  {0.35355339f, 0.18766514f, -0.32664074f, -0.38408888f},
                                  {0.35355339f, -0.18766514f, -0.32664074f, 0.38408888f},
                                  {0.35355339f, -0.45306372f, 0.32664074f, -0.15909482f}};

INLINE float clamped(float v) { return v < 0 ? 0 : v > 255 ? 255 : v; }

/* One symbol at a time, where a table can't tell. */
INLINE int passed_one(bits *b, unsigned *k, const huffman *dc, const huffman *ac) {
  int found = symbol_of(*k ? ac : dc, b->word, 16);
  if (found < 0) return -1;
  unsigned length = (unsigned)found >> 8, run = found >> 4 & 15, size = found & 15;
  drop(b, length + size);
  if (*k && !size && run != 15) {
    *k = 64;
    return run ? -1 : 0;
  }
  *k += run + 1;
  return *k > 64 ? -1 : 0;
}

/* To the end of a block, from coefficient k on; two times with one refill, which is enough for twice 27 bits. */
INLINE bits pass(bits b, unsigned k, const uint16_t *table, const uint16_t *rest, const huffman *dc, const huffman *ac,
                 int *bad) {
  for (;; table = rest) {
    refill(&b);
    bits before = b;
    unsigned entry = table[b.word >> (64 - PEEK)], to = k + (entry >> 6);
    drop(&b, entry & 63);
    if (to < 64) {
      k = to;
      before = b;
      entry = rest[b.word >> (64 - PEEK)], to = k + (entry >> 6);
      drop(&b, entry & 63);
    }
    if (to >= 64) {
      if (to == 64 || (to >= ENDED && to < ENDED + 64)) return b;
      b = before;
      to = k;
      refill(&b);
      if (passed_one(&b, &to, dc, ac) < 0) {
        *bad = 1;
        return b;
      }
      if (to == 64) return b;
    }
    k = to;
  }
}

INLINE bits number(bits b, const int32_t *table, const huffman *h, int32_t *v, int *bad) {
  refill(&b);
  int32_t entry = table[b.word >> (64 - PEEK)];
  if (UNLIKELY(!(entry & 255))) {
    int found = symbol_of(h, b.word, 16);
    if (found < 0) return *bad = 1, *v = 0, b;
    drop(&b, (unsigned)found >> 8);
    *v = number_of(b.word, found & 15);
    drop(&b, found & 15);
    return b;
  }
  drop(&b, entry & 255);
  *v = entry >> 16;
  return b;
}

/* The coefficients 1 to `last` that `where` gives a place in `block`, then to the end of the block. */
INLINE bits coefficients(decoder *d, bits b, const int last, const uint8_t *where, float *block, int *bad) {
  const huffman *h = &d->ac[d->c[0].ac];
  int k = 1;
  while (k <= last) {
    refill(&b);
    int32_t entry = d->later[b.word >> (64 - PEEK)], v = entry >> 16;
    unsigned run = entry >> 8 & 15;
    if (UNLIKELY(!(entry & 255))) {
      int found = symbol_of(h, b.word, 16);
      if (found < 0) return *bad = 1, b;
      unsigned size = found & 15;
      run = found >> 4 & 15;
      drop(&b, (unsigned)found >> 8);
      v = number_of(b.word, (int)size);
      drop(&b, size);
      if (!size && run != 15) return *bad |= run != 0, b;
    } else {
      drop(&b, entry & 255);
      if (!v) return b;
    }
    k += (int)run;
    if (k > 63) return *bad = 1, b;
    if (k <= last) block[where[k]] = (float)v * d->scale[k];
    k++;
  }
  return k == 64 ? b : pass(b, (unsigned)k, d->rest, d->rest, NULL, h, bad);
}

INLINE void sampled(lj_plane *plane, int x, int y, const float *block, const int n, const float (*mean)[4],
                    const float (*two)[2]) {
  float half[4][4];
  for (int v = 0; v < n; v++)
    for (int i = 0; i < n; i++) {
      float sum = 0;
      for (int u = 0; u < n; u++) sum += (n == 4 ? mean[i][u] : two[i][u]) * block[v * n + u];
      half[v][i] = sum;
    }
  for (int j = 0; j < n; j++) {
    size_t row = (size_t)y * (size_t)n + (size_t)j;
    if (row >= plane->down) break;
    for (int i = 0; i < n; i++) {
      size_t column = (size_t)x * (size_t)n + (size_t)i;
      float sum = 128;
      for (int v = 0; v < n; v++) sum += (n == 4 ? mean[j][v] : two[j][v]) * half[v][i];
      if (column < plane->across) plane->luma[row * plane->across + column] = clamped(sum);
    }
  }
}

/* One block of the luma, at column x and row y of blocks; those beyond the picture are decoded and not kept. */
INLINE bits luma_block(decoder *d, bits b, const int kind, const int step, int x, int y, int32_t *before, int *bad) {
  int kept = x < d->blocks_across && y < d->blocks_down;
  size_t at = (size_t)y * (size_t)d->blocks_across + (size_t)x;
  int32_t change;
  if (kind == REFINED) {
    refill(&b);
    if (kept && b.word >> 63) d->coarse[at] = (int16_t)(d->coarse[at] | 1 << d->low);
    drop(&b, 1);
    return b;
  }
  b = number(b, d->first, &d->dc[d->c[0].dc], &change, bad);
  *before += change;
  if (*before < -32768 || *before > 32767) return *bad = 1, *before = 0, b;
  if (kind == FIRST) {
    int32_t v = *before * (1 << d->low);
    if (v < -32768 || v > 32767) *bad = 1;
    else if (kept) d->coarse[at] = (int16_t)v;
    return b;
  }
  float mean = (float)*before * d->scale[0];
  if (step == 8) {
    if (kept) d->plane->luma[at] = clamped(128 + mean / 8);
    return pass(b, 1, d->rest, d->rest, NULL, &d->ac[d->c[0].ac], bad);
  }
  float block[17] = {0};
  block[0] = mean;
  b = step == 4 ? coefficients(d, b, 4, corner2, block, bad) : coefficients(d, b, LATER, corner4, block, bad);
  if (kept) sampled(d->plane, x, y, block, 8 / step, mean4, mean2);
  return b;
}

/* One scan that holds the luma. `parts`: how many components it has, the luma first. */
INLINE int scan(decoder *d, const int kind, const int step, const component *const *part, int parts) {
  window *w = &d->window;
  int lh = parts > 1 ? d->c[0].h : 1, lv = parts > 1 ? d->c[0].v : 1;
  int across = (d->blocks_across + lh - 1) / lh, down = (d->blocks_down + lv - 1) / lv;
  int togo = d->restart, mark = 0, bad = 0;
  int32_t before = 0;
  bits b = begin(w, d->at, d->end);
  for (int y = 0; y < down; y++)
    for (int x = 0; x < across; x++) {
      if (d->restart && !togo--) {
        if (!w->ended) b = more(w, b);
        long over = left(w, b);
        if (over < 0 || over > 7 || w->ended != 0xd0 + mark) return LJ_REFUSED;
        mark = (mark + 1) & 7;
        togo = d->restart - 1;
        before = 0;
        b = begin(w, w->at + 2, d->end);
      }
      if (UNLIKELY(b.next > w->limit)) b = more(w, b);
      for (int v = 0; v < lv; v++)
        for (int h = 0; h < lh; h++) b = luma_block(d, b, kind, step, x * lh + h, y * lv + v, &before, &bad);
      for (int n = 1; n < parts; n++) {
        const component *c = part[n];
        int table = c == &d->c[2];
        for (int k = c->h * c->v; k; k--) {
          if (kind == SEQUENTIAL) {
            b = pass(b, 0, d->start[table], d->skip[table], &d->dc[c->dc], &d->ac[c->ac], &bad);
          } else {
            unsigned passed = 0;
            refill(&b);
            if (kind == REFINED) drop(&b, 1);
            else bad |= passed_one(&b, &passed, &d->dc[c->dc], NULL) < 0;
          }
        }
      }
      if (UNLIKELY(bad || left(w, b) < 0)) return LJ_REFUSED;
    }
  if (!w->ended) b = more(w, b);
  long over = left(w, b);
  if (over < 0 || over > 7 || w->ended < 0) return LJ_REFUSED;
  d->at = w->at;
  if (d->restart && !togo && w->ended == 0xd0 + mark) d->at += 2; /* Adobe's programs end the last interval too */
  return LJ_DONE;
}

static int whole_scan(decoder *d, const component *const *part, int parts) {
  const component *c = part[0];
  if (parts != d->components || !d->ac[c->ac].there) return LJ_REFUSED;
  numbers_of(d->first, &d->dc[c->dc]);
  if (d->plane->step < 8) numbers_of(d->later, &d->ac[c->ac]);
  passing_of(d->rest, NULL, &d->ac[c->ac]);
  for (int n = 1; n < parts; n++) {
    if (!d->ac[part[n]->ac].there) return LJ_REFUSED;
    if (n == 2 && part[2]->dc == part[1]->dc && part[2]->ac == part[1]->ac) {
      memcpy(d->skip[1], d->skip[0], sizeof(passing));
      memcpy(d->start[1], d->start[0], sizeof(passing));
      continue;
    }
    passing_of(d->skip[n - 1], NULL, &d->ac[part[n]->ac]);
    passing_of(d->start[n - 1], &d->dc[part[n]->dc], &d->ac[part[n]->ac]);
  }
  switch (d->plane->step) {
    case 8: return scan(d, SEQUENTIAL, 8, part, parts);
    case 4: return scan(d, SEQUENTIAL, 4, part, parts);
    default: return scan(d, SEQUENTIAL, 2, part, parts);
  }
}

/* To the marker that ends a scan of no use here. */
static int passed_scan(decoder *d) {
  const uint8_t *p = d->at;
  while (d->end - p >= 2 && (p = memchr(p, 0xff, (size_t)(d->end - p - 1)))) {
    if (p[1] && p[1] != 0xff && (p[1] < 0xd0 || p[1] > 0xd7)) {
      d->at = p;
      return LJ_DONE;
    }
    p += p[1] == 0xff ? 1 : 2;
  }
  return LJ_REFUSED;
}

/* Room for what comes, once it is sure that the bytes are enough for so many blocks. */
static int made(decoder *d) {
  lj_plane *plane = d->plane;
  size_t blocks = (size_t)d->blocks_across * (size_t)d->blocks_down;
  if ((size_t)(d->end - d->at) < blocks / 8 || !d->has_quant[d->c[0].quant]) return LJ_REFUSED;
  for (int k = 0; k <= LATER; k++) d->scale[k] = d->quant[d->c[0].quant][k];
  plane->luma = calloc(plane->across * plane->down, sizeof *plane->luma);
  if (!plane->luma) return LJ_NO_MEMORY;
  if (d->progressive) d->coarse = calloc(blocks, sizeof *d->coarse);
  return d->progressive && !d->coarse ? LJ_NO_MEMORY : LJ_DONE;
}

/* One scan of a progressive file: read where it refines the luma's DC, else passed. */
static int part_scan(decoder *d, const component *const *part, int parts, int from, int to, int high, int low) {
  int luma = part[0] == &d->c[0];
  if (from ? parts != 1 || to < from || to > 63 : to) return LJ_REFUSED;
  if (low > 13 || (high && high != low + 1)) return LJ_REFUSED;
  for (int k = from; luma && k <= to; k++) {
    if (high ? d->bits_of[k] != high + 1 : d->bits_of[k] || (k && !d->bits_of[0])) return LJ_REFUSED;
    d->bits_of[k] = (uint8_t)(low + 1);
  }
  if (from || !luma) return passed_scan(d);
  d->low = low;
  if (high) return scan(d, REFINED, 8, part, parts);
  numbers_of(d->first, &d->dc[part[0]->dc]);
  return scan(d, FIRST, 8, part, parts);
}

static int start_of_scan(decoder *d, const uint8_t *p, int size) {
  const component *part[3];
  int parts = size ? p[0] : 0, from, to, high, low, units = 0, last = -1;
  if (!d->width || parts < 1 || parts > d->components || size != 4 + 2 * parts) return LJ_REFUSED;
  from = p[1 + 2 * parts], to = p[2 + 2 * parts], high = p[3 + 2 * parts] >> 4, low = p[3 + 2 * parts] & 15;
  for (int n = 0; n < parts; n++) {
    int i = last + 1;
    while (i < d->components && d->c[i].id != p[1 + 2 * n]) i++;
    if (i == d->components || p[2 + 2 * n] >> 4 > 3 || (p[2 + 2 * n] & 15) > 3) return LJ_REFUSED;
    d->c[i].dc = p[2 + 2 * n] >> 4;
    d->c[i].ac = p[2 + 2 * n] & 15;
    if (!from && !high && !d->dc[d->c[i].dc].there) return LJ_REFUSED;
    if (from && !d->ac[d->c[i].ac].there) return LJ_REFUSED;
    if (!d->has_quant[d->c[i].quant]) return LJ_REFUSED;
    part[n] = &d->c[last = i];
    units += d->c[i].h * d->c[i].v;
  }
  if (parts > 1 && units > MCU_BLOCKS) return LJ_REFUSED;
  if (!d->plane->luma) {
    int status = made(d);
    if (status) return status;
  }
  d->scans++;
  if (d->progressive) return part_scan(d, part, parts, from, to, high, low);
  return d->scans > 1 || from || to != 63 || high || low ? LJ_REFUSED : whole_scan(d, part, parts);
}

static int frame(decoder *d, const uint8_t *p, int size, int least, uint64_t most) {
  lj_plane *plane = d->plane;
  if (d->width || size < 6 || p[0] != 8) return LJ_REFUSED;
  d->height = be16(p + 1), d->width = be16(p + 3), d->components = p[5];
  if (!d->height || !d->width || d->height > SIDE_MOST || d->width > SIDE_MOST) return LJ_REFUSED;
  if ((uint64_t)d->width * (uint64_t)d->height > most) return LJ_REFUSED;
  if ((d->components != 1 && d->components != 3) || size != 6 + 3 * d->components) return LJ_REFUSED;
  for (int n = 0; n < d->components; n++) {
    component *c = &d->c[n];
    *c = (component){p[6 + 3 * n], p[7 + 3 * n] >> 4, p[7 + 3 * n] & 15, p[8 + 3 * n], 0, 0};
    if (c->h < 1 || c->h > 4 || c->v < 1 || c->v > 4 || c->quant > 3) return LJ_REFUSED;
    if (d->c[0].h % c->h || d->c[0].v % c->v) return LJ_REFUSED;
    for (int i = 0; i < n; i++)
      if (d->c[i].id == c->id) return LJ_REFUSED;
  }
  int shorter = d->width < d->height ? d->width : d->height, step = 8;
  if (d->progressive) least -= least / 4;
  while (step > 1 && shorter / step < least) step /= 2;
  if (step == 1 || (d->progressive && step < 8)) return LJ_REFUSED;
  plane->width = d->width, plane->height = d->height, plane->components = d->components, plane->step = step;
  plane->across = (size_t)(d->width + step - 1) / (size_t)step;
  plane->down = (size_t)(d->height + step - 1) / (size_t)step;
  d->blocks_across = (d->width + 7) / 8, d->blocks_down = (d->height + 7) / 8;
  return LJ_DONE;
}

static int quantisers(decoder *d, const uint8_t *p, int size) {
  while (size > 0) {
    int wide = p[0] >> 4, id = p[0] & 15, length = wide ? 128 : 64;
    if (wide > 1 || id > 3 || size < 1 + length) return LJ_REFUSED;
    for (int k = 0; k < 64; k++) d->quant[id][k] = (uint16_t)(wide ? be16(p + 1 + 2 * k) : p[1 + k]);
    d->has_quant[id] = 1;
    p += 1 + length, size -= 1 + length;
  }
  return LJ_DONE;
}

static int codes(decoder *d, const uint8_t *p, int size) {
  while (size > 0) {
    int total = 0, kind = p[0] >> 4, id = p[0] & 15;
    if (kind > 1 || id > 3 || size < 17) return LJ_REFUSED;
    for (int n = 1; n <= 16; n++) total += p[n];
    if (total > 256 || total > size - 17) return LJ_REFUSED;
    for (int n = 0; n < total && !kind; n++)
      if (p[17 + n] > 15) return LJ_REFUSED;
    if (!huffman_of(kind ? &d->ac[id] : &d->dc[id], p + 1, p + 17, total)) return LJ_REFUSED;
    p += 17 + total, size -= 17 + total;
  }
  return LJ_DONE;
}

/* Whether three components are luma and chroma, as libjpeg-turbo decides. */
static int has_luma(const decoder *d) {
  if (d->components == 1 || d->jfif) return 1;
  if (d->adobe >= 0) return d->adobe == 1;
  return !(d->c[0].id == 'R' && d->c[1].id == 'G' && d->c[2].id == 'B');
}

static int finished(decoder *d) {
  lj_plane *plane = d->plane;
  if (!d->scans) return LJ_REFUSED;
  if (!d->progressive) return LJ_DONE;
  for (int k = 0; k < 64; k++)
    if (d->bits_of[k] != 1) return LJ_REFUSED; /* bits are missing that a whole file has */
  for (size_t n = 0; n < plane->across * plane->down; n++)
    plane->luma[n] = clamped(128 + (float)d->coarse[n] * d->scale[0] / 8);
  return LJ_DONE;
}

static int segments(decoder *d, int least, uint64_t most) {
  if (d->end - d->at < 4 || d->at[0] != 0xff || d->at[1] != 0xd8) return LJ_REFUSED;
  d->at += 2;
  for (;;) {
    if (d->end - d->at < 2 || *d->at++ != 0xff) return LJ_REFUSED;
    while (d->at < d->end && *d->at == 0xff) d->at++;
    if (d->at == d->end) return LJ_REFUSED;
    int marker = *d->at++, status = LJ_DONE;
    if (marker == 0xd9) return finished(d);
    if (d->end - d->at < 2) return LJ_REFUSED;
    int size = be16(d->at) - 2;
    if (size < 0 || d->end - d->at - 2 < size) return LJ_REFUSED;
    const uint8_t *p = d->at + 2;
    d->at = p + size;
    switch (marker) {
      case 0xc2: d->progressive = 1; /* fall through */
      case 0xc0:
      case 0xc1: status = frame(d, p, size, least, most); break;
      case 0xc4: status = codes(d, p, size); break;
      case 0xdb: status = quantisers(d, p, size); break;
      case 0xdd:
        if (size != 2) return LJ_REFUSED;
        d->restart = be16(p);
        break;
      case 0xda: status = has_luma(d) ? start_of_scan(d, p, size) : LJ_REFUSED; break;
      case 0xe0:
        if (size >= 14 && !memcmp(p, "JFIF", 5)) d->jfif = 1;
        break;
      case 0xee:
        if (size >= 12 && !memcmp(p, "Adobe", 5)) d->adobe = p[11];
        break;
      default:
        if (marker < 0xe0 || (marker > 0xef && marker != 0xfe)) return LJ_REFUSED;
    }
    if (status) return status;
  }
}

int lj_luma(const uint8_t *data, size_t size, int least, uint64_t most, lj_plane *plane) {
  decoder *d = calloc(1, sizeof *d);
  if (!d) return LJ_NO_MEMORY;
  memset(plane, 0, sizeof *plane);
  d->data = d->at = data;
  d->end = data + size;
  d->adobe = -1;
  d->plane = plane;
  int status = segments(d, least, most);
  free(d->coarse);
  free(d);
  if (status) {
    free(plane->luma);
    plane->luma = NULL;
  }
  return status;
}
