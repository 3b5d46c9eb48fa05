"""Exact radius search over 256-bit hashes: all within a distance of 0 to 63 bits, none missed.

`RadiusIndex` is made in memory from an array; `IndexFile` lies on disk, is opened in milliseconds, shared by
processes, and grows. Both use the compiled kernel where it is installed, and NumPy alone where not, with the
same result.
"""

from leadlight.radius.files import IndexFile
from leadlight.radius.memory import RadiusIndex
from leadlight.radius.words import BITS, HITS, INDICES, RADII, WORDS, distances, in_order, pack, unpack

__all__ = [
    "BITS",
    "HITS",
    "INDICES",
    "RADII",
    "WORDS",
    "IndexFile",
    "RadiusIndex",
    "distances",
    "in_order",
    "pack",
    "unpack",
]
