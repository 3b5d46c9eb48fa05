/* jpeg.c, rows.c, ordered.c and lines.c for Python: checks the sizes of all buffers, and lets other threads run meanwhile.
 * SPDX-License-Identifier: Apache-2.0 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "jpeg.h"
#include "lines.h"
#include "ordered.h"
#include "rows.h"

#include <stdlib.h>

static PyObject *luma(PyObject *module, PyObject *args) {
  PyObject *data, *made = NULL;
  char *bytes;
  Py_ssize_t size;
  int least, status;
  unsigned long long most;
  lj_plane plane;
  (void)module;
  if (!PyArg_ParseTuple(args, "SiK", &data, &least, &most)) return NULL;
  if (least < 1) return PyErr_Format(PyExc_ValueError, "at least one sample a side");
  if (PyBytes_AsStringAndSize(data, &bytes, &size) < 0) return NULL;
  Py_BEGIN_ALLOW_THREADS
  status = lj_luma((const uint8_t *)bytes, (size_t)size, least, most, &plane);
  Py_END_ALLOW_THREADS
  if (status == LJ_REFUSED) Py_RETURN_NONE;
  if (status) return PyErr_NoMemory();
  PyObject *samples =
      PyByteArray_FromStringAndSize((const char *)plane.luma, (Py_ssize_t)(plane.across * plane.down * sizeof(float)));
  free(plane.luma);
  if (samples)
    made = Py_BuildValue("(Niiii)", samples, plane.step, plane.width, plane.height, plane.components);
  return made;
}

static int floats(const Py_buffer *b, size_t count) {
  if (count <= SIZE_MAX / sizeof(float) && (size_t)b->len == count * sizeof(float) &&
      (uintptr_t)b->buf % sizeof(float) == 0)
    return 1;
  PyErr_SetString(PyExc_ValueError, "a buffer of the wrong size, or not aligned");
  return 0;
}

static int pixels_fit(const Py_buffer *b, Py_ssize_t height, Py_ssize_t width, Py_ssize_t depth) {
  if (height > 0 && width > 0 && (depth == 3 || depth == 4) && height <= PY_SSIZE_T_MAX / depth / width &&
      b->len == height * width * depth)
    return 1;
  PyErr_SetString(PyExc_ValueError, "pixels of the wrong size");
  return 0;
}

static int within(int good, const char *why) {
  if (!good) PyErr_SetString(PyExc_ValueError, why);
  return good;
}

static PyObject *rows(PyObject *module, PyObject *args) {
  Py_buffer pixels, weights, sums;
  Py_ssize_t height, width, depth;
  (void)module;
  if (!PyArg_ParseTuple(args, "y*nnny*w*", &pixels, &height, &width, &depth, &weights, &sums)) return NULL;
  size_t h = (size_t)height, w = (size_t)width, d = (size_t)depth, count = 0;
  int good = pixels_fit(&pixels, height, width, depth);
  if (good) {
    count = (size_t)weights.len / sizeof(float) / h;
    good = floats(&weights, count * h) && (w == 0 || count <= SIZE_MAX / w) && floats(&sums, count * w);
  }
  if (good) {
    Py_BEGIN_ALLOW_THREADS
    lr_rows(pixels.buf, h, w, d, weights.buf, count, sums.buf);
    Py_END_ALLOW_THREADS
  }
  PyBuffer_Release(&pixels), PyBuffer_Release(&weights), PyBuffer_Release(&sums);
  if (!good) return NULL;
  Py_RETURN_NONE;
}

static PyObject *means(PyObject *module, PyObject *args) {
  Py_buffer pixels, luma;
  Py_ssize_t height, width, depth, step;
  (void)module;
  if (!PyArg_ParseTuple(args, "y*nnnnw*", &pixels, &height, &width, &depth, &step, &luma)) return NULL;
  int good = pixels_fit(&pixels, height, width, depth) &&
             within(step == 1 || step == 2 || step == 4 || step == 8, "squares of a size that doesn't fit") &&
             floats(&luma, (size_t)((height - 1) / step + 1) * (size_t)((width - 1) / step + 1));
  if (good) {
    Py_BEGIN_ALLOW_THREADS
    lr_means(pixels.buf, (size_t)height, (size_t)width, (size_t)depth, (size_t)step, luma.buf);
    Py_END_ALLOW_THREADS
  }
  PyBuffer_Release(&pixels), PyBuffer_Release(&luma);
  if (!good) return NULL;
  Py_RETURN_NONE;
}

static PyObject *ordered(PyObject *module, PyObject *args) {
  Py_buffer pixels, samples;
  Py_ssize_t height, width, depth;
  int status = LO_DONE;
  (void)module;
  if (!PyArg_ParseTuple(args, "y*nnnw*", &pixels, &height, &width, &depth, &samples)) return NULL;
  int good = pixels_fit(&pixels, height, width, depth) && floats(&samples, LO_SIDE * LO_SIDE);
  if (good) {
    Py_BEGIN_ALLOW_THREADS
    status = lo_samples(pixels.buf, (size_t)height, (size_t)width, (size_t)depth, samples.buf);
    Py_END_ALLOW_THREADS
  }
  PyBuffer_Release(&pixels), PyBuffer_Release(&samples);
  if (!good) return NULL;
  if (status) return PyErr_NoMemory();
  Py_RETURN_NONE;
}

/* Whether the buffer holds a plane of `high` by `wide` floats, neither too long a side. */
static int plane_fits(const Py_buffer *b, Py_ssize_t high, Py_ssize_t wide) {
  if (high > 0 && wide > 0 && high <= LL_MOST && wide <= LL_MOST) return floats(b, (size_t)high * (size_t)wide);
  PyErr_SetString(PyExc_ValueError, "a plane of the wrong size");
  return 0;
}

/* Whether the buffer holds strips of lines, as ll_lines makes them. */
static int strips_fit(const Py_buffer *b, Py_ssize_t across, Py_ssize_t down) {
  if (across > 0 && down > 0 && across <= LL_MOST && down <= LL_MOST && (uintptr_t)b->buf % sizeof(uint16_t) == 0 &&
      (size_t)b->len / (2 * sizeof(uint16_t)) / (size_t)down == (size_t)across + 1 &&
      (size_t)b->len == 2 * sizeof(uint16_t) * (size_t)down * ((size_t)across + 1))
    return 1;
  PyErr_SetString(PyExc_ValueError, "strips of the wrong size");
  return 0;
}

static PyObject *coarse(PyObject *module, PyObject *args) {
  Py_buffer luma, plane, turned;
  Py_ssize_t height, width, by;
  (void)module;
  if (!PyArg_ParseTuple(args, "y*nnnw*w*", &luma, &height, &width, &by, &plane, &turned)) return NULL;
  int good = within(by > 0 && by <= LL_SQUARE && height >= by && width >= by && height <= PY_SSIZE_T_MAX / width,
                    "squares that don't fit") &&
             floats(&luma, (size_t)height * (size_t)width) &&
             plane_fits(&plane, height / by, width / by) && plane_fits(&turned, width / by, height / by);
  if (good) {
    Py_BEGIN_ALLOW_THREADS
    ll_coarse(luma.buf, (size_t)width, (size_t)by, (size_t)(height / by), (size_t)(width / by), plane.buf, turned.buf);
    Py_END_ALLOW_THREADS
  }
  PyBuffer_Release(&luma), PyBuffer_Release(&plane), PyBuffer_Release(&turned);
  if (!good) return NULL;
  Py_RETURN_NONE;
}

static PyObject *lines(PyObject *module, PyObject *args) {
  Py_buffer plane, sums;
  Py_ssize_t across, down;
  float step, quiet;
  (void)module;
  if (!PyArg_ParseTuple(args, "y*nnffw*", &plane, &across, &down, &step, &quiet, &sums)) return NULL;
  int good = plane_fits(&plane, across, down) && strips_fit(&sums, across, down);
  if (good) {
    Py_BEGIN_ALLOW_THREADS
    ll_lines(plane.buf, (size_t)across, (size_t)down, step, quiet, sums.buf);
    Py_END_ALLOW_THREADS
  }
  PyBuffer_Release(&plane), PyBuffer_Release(&sums);
  if (!good) return NULL;
  Py_RETURN_NONE;
}

static PyObject *flat(PyObject *module, PyObject *args) {
  Py_buffer plane, sums;
  Py_ssize_t high, wide;
  float quiet;
  (void)module;
  if (!PyArg_ParseTuple(args, "y*nnfw*", &plane, &high, &wide, &quiet, &sums)) return NULL;
  int good = plane_fits(&plane, high, wide) && floats(&sums, ((size_t)high + 1) * ((size_t)wide + 1));
  if (good) {
    Py_BEGIN_ALLOW_THREADS
    ll_flat(plane.buf, (size_t)high, (size_t)wide, quiet, sums.buf);
    Py_END_ALLOW_THREADS
  }
  PyBuffer_Release(&plane), PyBuffer_Release(&sums);
  if (!good) return NULL;
  Py_RETURN_NONE;
}

static PyObject *peaks(PyObject *module, PyObject *args) {
  Py_buffer sums;
  Py_ssize_t across, down, top, bottom, left, right;
  int back, most;
  double least;
  ll_peak found[LL_PEAKS];
  size_t count = 0;
  (void)module;
  if (!PyArg_ParseTuple(args, "y*nnnnnnpid", &sums, &across, &down, &top, &bottom, &left, &right, &back, &most, &least))
    return NULL;
  int good = strips_fit(&sums, across, down) &&
             within(0 <= top && top < bottom && bottom <= down && 0 <= left && left < right && right <= across && most >= 0 &&
                        most <= LL_PEAKS,
                    "a rectangle that doesn't fit");
  float *clear = good ? malloc((size_t)(bottom - top) * sizeof *clear) : NULL;
  if (clear)
    count = ll_peaks(sums.buf, (size_t)down, (size_t)top, (size_t)bottom, (size_t)left, (size_t)right, back, (size_t)most, least,
                     clear, found);
  free(clear);
  PyBuffer_Release(&sums);
  if (!good) return NULL;
  if (!clear) return PyErr_NoMemory();
  PyObject *made = PyList_New((Py_ssize_t)count);
  for (size_t n = 0; made && n < count; n++) {
    Py_ssize_t at = (Py_ssize_t)found[n].at;
    PyObject *one = Py_BuildValue("nd", back ? bottom - 1 - at : top + at, (double)found[n].clear);
    if (!one || PyList_SetItem(made, (Py_ssize_t)n, one) < 0) Py_CLEAR(made);
  }
  return made;
}

static PyObject *alike(PyObject *module, PyObject *args) {
  Py_buffer plane;
  Py_ssize_t high, wide, count;
  int back;
  float level;
  double share;
  size_t found = 0;
  (void)module;
  if (!PyArg_ParseTuple(args, "y*nnnpfd", &plane, &high, &wide, &count, &back, &level, &share)) return NULL;
  int good = plane_fits(&plane, high, wide) && within(0 <= count && count <= high, "more rows than there are");
  float *room = good ? malloc((size_t)wide * sizeof *room) : NULL;
  if (room) {
    const float *first = (const float *)plane.buf + (back ? (size_t)(high - 1) * (size_t)wide : 0);
    found = ll_alike(first, back ? -wide : wide, (size_t)count, (size_t)wide, level, share, room);
  }
  free(room);
  PyBuffer_Release(&plane);
  if (!good) return NULL;
  return room ? PyLong_FromSize_t(found) : PyErr_NoMemory();
}

static PyObject *share(PyObject *module, PyObject *args) {
  Py_buffer plane;
  Py_ssize_t high, wide, at, low, until;
  int inwards;
  float step, found = 0;
  (void)module;
  if (!PyArg_ParseTuple(args, "y*nnninnf", &plane, &high, &wide, &at, &inwards, &low, &until, &step)) return NULL;
  int good = plane_fits(&plane, high, wide) && within(0 < at && at < high - 1 && 0 <= low && low < until && until <= wide &&
                                                          (inwards == 1 || inwards == -1),
                                                      "a row that doesn't fit");
  float *room = good ? malloc((size_t)(until - low) * sizeof *room) : NULL;
  if (room) {
    const float *row = (const float *)plane.buf + (size_t)at * (size_t)wide + (size_t)low;
    found = ll_share(row - inwards * wide, row, row + inwards * wide, (size_t)(until - low), step, room);
  }
  free(room);
  PyBuffer_Release(&plane);
  if (!good) return NULL;
  return room ? PyFloat_FromDouble((double)found) : PyErr_NoMemory();
}

static PyObject *tents(PyObject *module, PyObject *args) {
  Py_buffer plane, samples;
  Py_ssize_t high, wide;
  double top, bottom, left, right;
  int done = 0;
  (void)module;
  if (!PyArg_ParseTuple(args, "y*nnddddw*", &plane, &high, &wide, &top, &bottom, &left, &right, &samples)) return NULL;
  int good = plane_fits(&plane, high, wide) && floats(&samples, LL_SIDE * LL_SIDE) &&
             within(0 <= top && bottom <= (double)high && bottom - top >= LL_LEAST && 0 <= left && right <= (double)wide &&
                        right - left >= LL_LEAST,
                    "a rectangle that doesn't fit");
  if (good) {
    Py_BEGIN_ALLOW_THREADS
    done = ll_tents(plane.buf, (size_t)high, (size_t)wide, top, bottom, left, right, samples.buf);
    Py_END_ALLOW_THREADS
  }
  PyBuffer_Release(&plane), PyBuffer_Release(&samples);
  if (!good) return NULL;
  if (!done) return PyErr_NoMemory();
  Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"luma", luma, METH_VARARGS,
     "luma(data, least, most): (samples, step, width, height, components) of a JPEG; None where it is not read here."},
    {"rows", rows, METH_VARARGS, "rows(pixels, height, width, depth, weights, sums): luma summed over weighted rows of RGB."},
    {"means", means, METH_VARARGS, "means(pixels, height, width, depth, step, luma): luma of RGB averaged over squares."},
    {"ordered", ordered, METH_VARARGS,
     "ordered(pixels, height, width, depth, samples): PDQ's 64 by 64 samples of RGB, summed in the reference's order."},
    {"coarse", coarse, METH_VARARGS,
     "coarse(luma, height, width, by, plane, turned): means of squares of by by by, as they lie and turned over."},
    {"lines", lines, METH_VARARGS, "lines(plane, across, down, step, quiet, sums): strips of where neighbours differ or don't."},
    {"flat", flat, METH_VARARGS, "flat(plane, high, wide, quiet, sums): how many values above and left hardly differ."},
    {"peaks", peaks, METH_VARARGS,
     "peaks(sums, across, down, top, bottom, left, right, back, most, least): where bars end, and how clearly."},
    {"alike", alike, METH_VARARGS, "alike(plane, high, wide, count, back, level, share): outer rows of one colour."},
    {"share", share, METH_VARARGS,
     "share(plane, high, wide, at, inwards, low, until, step): how much of a row is of the one inwards."},
    {"tents", tents, METH_VARARGS,
     "tents(plane, high, wide, top, bottom, left, right, samples): 64 by 64 samples of a rectangle."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_kernel", "Luma of JPEGs and of RGB, made small, and lines in it.", -1,
                                        methods, NULL, NULL, NULL, NULL};

/* Raised with every change of what the functions take or give: scaled/kernel.py asks for its own. */
enum { LAYOUT = 5 };

PyMODINIT_FUNC PyInit__kernel(void) {
  PyObject *made = PyModule_Create(&definition);
  if (made && PyModule_AddIntConstant(made, "LAYOUT", LAYOUT) < 0) Py_CLEAR(made);
  return made;
}
