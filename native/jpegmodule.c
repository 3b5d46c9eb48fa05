/* jpeg.c, rows.c and ordered.c for Python: checks the sizes of all buffers, and lets other threads run meanwhile.
 * SPDX-License-Identifier: Apache-2.0 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "jpeg.h"
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

static PyMethodDef methods[] = {
    {"luma", luma, METH_VARARGS,
     "luma(data, least, most): (samples, step, width, height, components) of a JPEG; None where it is not read here."},
    {"rows", rows, METH_VARARGS, "rows(pixels, height, width, depth, weights, sums): luma summed over weighted rows of RGB."},
    {"ordered", ordered, METH_VARARGS,
     "ordered(pixels, height, width, depth, samples): PDQ's 64 by 64 samples of RGB, summed in the reference's order."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_kernel", "Luma of JPEGs and of RGB, made small.", -1,
                                        methods, NULL, NULL, NULL, NULL};

/* Raised with every change of what the functions take or give: scaled/kernel.py asks for its own. */
enum { LAYOUT = 3 };

PyMODINIT_FUNC PyInit__kernel(void) {
  PyObject *made = PyModule_Create(&definition);
  if (made && PyModule_AddIntConstant(made, "LAYOUT", LAYOUT) < 0) Py_CLEAR(made);
  return made;
}
