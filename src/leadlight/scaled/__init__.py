"""Decoding less of a picture than all of it, and summing it in one pass."""

from leadlight.scaled.inorder import ordered
from leadlight.scaled.jpeg import LEAST, jpeg_luma
from leadlight.scaled.rowsums import rows

__all__ = ["LEAST", "jpeg_luma", "ordered", "rows"]
