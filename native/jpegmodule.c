/* jpeg.c and rows.c for Python: checks the sizes of all buffers, and lets other threads run meanwhile.
 * SPDX-License-Identifier: Apache-2.0 */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "jpeg.h"
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

static PyObject *rows(PyObject *module, PyObject *args) {
  Py_buffer pixels, weights, sums;
  Py_ssize_t height, width, depth;
  (void)module;
  if (!PyArg_ParseTuple(args, "y*nnny*w*", &pixels, &height, &width, &depth, &weights, &sums)) return NULL;
  size_t h = (size_t)height, w = (size_t)width, d = (size_t)depth, count = 0;
  int good = height > 0 && width > 0 && (d == 3 || d == 4) && h <= SIZE_MAX / d / w && (size_t)pixels.len == h * w * d;
  if (good) {
    count = (size_t)weights.len / sizeof(float) / h;
    good = floats(&weights, count * h) && (w == 0 || count <= SIZE_MAX / w) && floats(&sums, count * w);
  } else {
    PyErr_SetString(PyExc_ValueError, "pixels of the wrong size");
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

static PyMethodDef methods[] = {
    {"luma", luma, METH_VARARGS,
     "luma(data, least, most): (samples, step, width, height, components) of a JPEG; None where it is not read here."},
    {"rows", rows, METH_VARARGS, "rows(pixels, height, width, depth, weights, sums): luma summed over weighted rows of RGB."},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT, "_kernel", "Luma of JPEGs and of RGB, made small.", -1,
                                        methods, NULL, NULL, NULL, NULL};

/* Raised with every change of what the functions take or give: scaled/kernel.py asks for its own. */
enum { LAYOUT = 2 };

PyMODINIT_FUNC PyInit__kernel(void) {
  PyObject *made = PyModule_Create(&definition);
  if (made && PyModule_AddIntConstant(made, "LAYOUT", LAYOUT) < 0) Py_CLEAR(made);
  return made;
}
