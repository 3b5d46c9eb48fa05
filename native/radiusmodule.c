/* radius.c for Python: checks the sizes of all buffers, and lets other threads run meanwhile.
 * SPDX-License-Identifier: Apache-2.0 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "radius.h"

#include <stdlib.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "the kernel reads little-endian words; elsewhere the NumPy reference runs"
#endif

enum { HASH = 32 };

static int wrong(const char *what) {
  PyErr_SetString(PyExc_ValueError, what);
  return 0;
}

static int fits(const Py_buffer *b, size_t length, size_t aligned, const char *what) {
  return ((size_t)b->len == length && (uintptr_t)b->buf % aligned == 0) || wrong(what);
}

static int hashes_fit(const Py_buffer *b) {
  if (b->len % HASH || (uintptr_t)b->buf % 8) return wrong("hashes must be whole and aligned");
  return (uint64_t)b->len / HASH < (uint64_t)1 << 31 || wrong("at most 2**31 - 1 hashes");
}

static int rows_fit(size_t count) { return count <= LR_MOST || wrong("at most 2**26 - 1 hashes"); }

static int plan_of(const Py_buffer *order, const Py_buffer *widths, lr_plan *plan) {
  const uint8_t *bits = order->buf, *width = widths->buf;
  int total = 0;
  uint8_t seen[256] = {0};
  if (order->len != 256 || widths->len < 11 || widths->len > LR_CHUNKS) return wrong("not a plan");
  plan->chunks = (int)widths->len;
  for (int i = 0; i < plan->chunks; i++) {
    if (width[i] < 16 || width[i] > 24) return wrong("a chunk has 16 to 24 bits");
    total += plan->width[i] = width[i];
  }
  for (int i = 0; i < 256; i++) {
    if (seen[bits[i]]++) return wrong("not an order of the bits");
    plan->order[i] = bits[i];
  }
  return total == 256 || wrong("the chunks must have 256 bits together");
}

static PyObject *build(PyObject *module, PyObject *args) {
  Py_buffer hashes, order, widths, groups, prints, rows;
  int table, status = LR_DONE;
  lr_plan plan;
  (void)module;
  if (!PyArg_ParseTuple(args, "y*y*y*iw*w*w*", &hashes, &order, &widths, &table, &groups, &prints, &rows)) return NULL;
  size_t count = (size_t)hashes.len / HASH;
  int good = hashes_fit(&hashes) && rows_fit(count) && plan_of(&order, &widths, &plan) &&
             ((table >= 0 && table < plan.chunks) || wrong("no such table")) &&
             fits(&groups, lr_groups(plan.width[table]) * sizeof(lr_group), 4, "groups of the wrong size") &&
             fits(&prints, (count + LR_PAD) * 2, 2, "prints of the wrong size") &&
             fits(&rows, count * 3 + LR_PAD, 1, "rows of the wrong size");
  if (good) {
    Py_BEGIN_ALLOW_THREADS
    status = lr_build(&plan, table, hashes.buf, (uint32_t)count, groups.buf, prints.buf, rows.buf);
    Py_END_ALLOW_THREADS
  }
  PyBuffer_Release(&hashes), PyBuffer_Release(&order), PyBuffer_Release(&widths);
  PyBuffer_Release(&groups), PyBuffer_Release(&prints), PyBuffer_Release(&rows);
  if (!good) return NULL;
  if (status) return PyErr_NoMemory();
  Py_RETURN_NONE;
}

/* below and skip are empty where all rows count. */
static int bound_of(const Py_buffer *below, const Py_buffer *skip, const Py_buffer *queries, const Py_buffer *hashes,
                    lr_bound *bound) {
  bound->below = below->len ? below->buf : NULL;
  bound->skip = skip->len ? skip->buf : NULL;
  return (!below->len || fits(below, (size_t)queries->len / HASH * 4, 4, "a bound for each query")) &&
         (!skip->len || fits(skip, (size_t)hashes->len / HASH, 1, "a byte for each hash"));
}

/* The hits as bytes; None where there are more than asked for. */
static PyObject *result(int status, lr_hits *hits) {
  PyObject *made = NULL;
  if (status == LR_DONE) made = PyBytes_FromStringAndSize((const char *)hits->items, (Py_ssize_t)(hits->count * sizeof(lr_hit)));
  else if (status == LR_FULL) made = Py_NewRef(Py_None);
  else if (status == LR_DAMAGED) wrong("a table contradicts itself");
  else PyErr_NoMemory();
  free(hits->items);
  return made;
}

static PyObject *scan(PyObject *module, PyObject *args) {
  Py_buffer hashes, queries, below, skip;
  int radius, status = LR_DONE;
  Py_ssize_t most;
  lr_bound bound;
  (void)module;
  if (!PyArg_ParseTuple(args, "y*y*iny*y*", &hashes, &queries, &radius, &most, &below, &skip)) return NULL;
  lr_hits hits = {NULL, 0, 0, (size_t)most};
  int good = hashes_fit(&hashes) && hashes_fit(&queries) && bound_of(&below, &skip, &queries, &hashes, &bound) &&
             (most >= 0 || wrong("a negative number of hits"));
  if (good) {
    Py_BEGIN_ALLOW_THREADS
    status = lr_scan(hashes.buf, (uint32_t)(hashes.len / HASH), queries.buf, (uint32_t)(queries.len / HASH), radius, bound,
                     &hits);
    Py_END_ALLOW_THREADS
  }
  PyBuffer_Release(&hashes), PyBuffer_Release(&queries), PyBuffer_Release(&below), PyBuffer_Release(&skip);
  return good ? result(status, &hits) : NULL;
}

static PyObject *search(PyObject *module, PyObject *args) {
  Py_buffer hashes, order, widths, limits, queries, below, skip, parts[LR_CHUNKS][3];
  PyObject *given;
  int radius, status = LR_DONE, held = 0;
  Py_ssize_t most;
  lr_plan plan;
  lr_table tables[LR_CHUNKS];
  lr_bound bound;
  (void)module;
  if (!PyArg_ParseTuple(args, "y*y*y*O!y*y*iny*y*", &hashes, &order, &widths, &PyTuple_Type, &given, &limits, &queries, &radius,
                        &most, &below, &skip))
    return NULL;
  lr_hits hits = {NULL, 0, 0, (size_t)most};
  size_t count = (size_t)hashes.len / HASH;
  int good = hashes_fit(&hashes) && rows_fit(count) && hashes_fit(&queries) && plan_of(&order, &widths, &plan) &&
             (limits.len == plan.chunks || wrong("a limit for each chunk")) &&
             (PyTuple_Size(given) == plan.chunks || wrong("a table for each chunk")) &&
             bound_of(&below, &skip, &queries, &hashes, &bound) &&
             (most >= 0 || wrong("a negative number of hits"));
  for (int i = 0; good && i < plan.chunks; i++) {
    Py_buffer *p = parts[i];
    int8_t limit = ((const int8_t *)limits.buf)[i];
    if (!(good = (limit >= -1 && limit <= 7) || wrong("a limit lies in -1 to 7"))) break;
    if (!(good = PyTuple_Check(PyTuple_GetItem(given, i)) || wrong("a table has three parts"))) break;
    if (!(good = PyArg_ParseTuple(PyTuple_GetItem(given, i), "y*y*y*", &p[0], &p[1], &p[2]))) break;
    held = i + 1;
    good = fits(&p[0], lr_groups(plan.width[i]) * sizeof(lr_group), 4, "groups of the wrong size") &&
           fits(&p[1], (count + LR_PAD) * 2, 2, "prints of the wrong size") &&
           fits(&p[2], count * 3 + LR_PAD, 1, "rows of the wrong size");
    tables[i] = (lr_table){p[0].buf, p[1].buf, p[2].buf};
  }
  if (good) {
    Py_BEGIN_ALLOW_THREADS
    status = lr_search(&plan, tables, limits.buf, hashes.buf, (uint32_t)count, queries.buf, (uint32_t)(queries.len / HASH),
                       radius, bound, &hits);
    Py_END_ALLOW_THREADS
  }
  for (int i = 0; i < held; i++)
    for (int k = 0; k < 3; k++) PyBuffer_Release(&parts[i][k]);
  PyBuffer_Release(&hashes), PyBuffer_Release(&order), PyBuffer_Release(&widths);
  PyBuffer_Release(&limits), PyBuffer_Release(&queries), PyBuffer_Release(&below), PyBuffer_Release(&skip);
  return good ? result(status, &hits) : NULL;
}

static PyMethodDef methods[] = {
    {"build", build, METH_VARARGS, "build(hashes, order, widths, table, groups, prints, rows): fill one table."},
    {"search", search, METH_VARARGS,
     "search(hashes, order, widths, tables, limits, queries, radius, most, below, skip): hits as bytes, None where more."},
    {"scan", scan, METH_VARARGS, "scan(hashes, queries, radius, most, below, skip): the same by comparing all."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_kernel", "Exact radius search over 256-bit hashes.", -1,
                                        methods, NULL, NULL, NULL, NULL};

/* Raised with every change of the layout of tables or of what the functions take: radius/kernel.py asks for its own. */
enum { LAYOUT = 3 };

PyMODINIT_FUNC PyInit__kernel(void) {
  PyObject *made = PyModule_Create(&definition);
  if (made && PyModule_AddIntConstant(made, "LAYOUT", LAYOUT) < 0) Py_CLEAR(made);
  return made;
}
