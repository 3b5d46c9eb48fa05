"""Decoding less of a picture than all of it, and summing it in few passes."""

from leadlight.scaled.inorder import ordered
from leadlight.scaled.jpeg import LEAST, jpeg_luma
from leadlight.scaled.linesums import Lines, lines
from leadlight.scaled.rowsums import means, rows

__all__ = ["LEAST", "Lines", "jpeg_luma", "lines", "means", "ordered", "rows"]
