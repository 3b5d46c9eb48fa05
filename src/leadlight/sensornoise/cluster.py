"""Which of many pictures of one size share a sensor's noise, though no camera is enrolled.

Every two are compared: the correlation of their signs, in standard deviations of what chance gives. Two groups
join where the sum of these figures over all pairs across, divided by the root of their number, stands out most:
the noise of each picture averages out as a group grows, so weak pairs add up (average linkage, after Bloy,
'Blind camera fingerprinting and image clustering', IEEE TPAMI 30 (2008) 532-534). What stops a row of weak
steps, and what cameras of one model have in common from adding up too: the mean across must be a fair share of
the means within.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from leadlight.sensornoise.wavelet import Plane

AT_LEAST: Final = 5.0
"""Standard deviations by which two groups must agree to become one, where few pictures are compared."""
SHARE: Final = 0.5
"""Of two groups of three or more: the mean of the pairs across must be so much of the root of the product of the
means within, which it equals where one camera took all, however strongly each picture shows it."""
SINGLE_SHARE: Final = 0.15
"""Of a group and one or two pictures: the mean across must be so much of the mean within, as pictures of one
camera show it strongly or weakly, and at least one standard deviation, which pictures of one model stayed
below."""
_GROWN: Final = 3
ASIDE: Final = 0.3
"""Correlation from which on two pictures are copies of one, rather than two of one camera."""
_SAMPLES: Final = 1 << 15


def figures(bits: Sequence[bytes], samples: int) -> Plane:
    """Shape (n, n): the correlation of every two, in standard deviations; the diagonal is 0.

    Memory: 128 kB a picture, and 4 bytes a pair.
    """
    out = np.zeros((len(bits), len(bits)), dtype=np.float32)
    packed = np.frombuffer(b"".join(bits), dtype=np.uint8).reshape(len(bits), -1)
    for start in range(0, samples, _SAMPLES):
        part = np.unpackbits(packed[:, start // 8 : (start + _SAMPLES) // 8], axis=1)[:, : samples - start]
        signs = part.astype(np.float32)
        signs *= 2
        signs -= 1
        out += signs @ signs.T
    out /= math.sqrt(samples)
    np.fill_diagonal(out, 0)
    return out


def groups(pairs: Plane, samples: int) -> list[tuple[list[int], float]]:
    """Groups of two or more by their numbers, each with the mean figure of its pairs; `pairs` as `figures` gives.

    Pairs that are copies of one another count for nothing: a copy joins by what it shares with the others.
    """
    count = len(pairs)
    sums = np.where(pairs >= ASIDE * math.sqrt(samples), 0, pairs).astype(np.float64)
    counts = np.ones(count)
    within = np.zeros(count)
    members = [[n] for n in range(count)]
    joint = sums.copy()
    np.fill_diagonal(joint, -np.inf)
    least = max(AT_LEAST, 1.0 + math.sqrt(2 * math.log(max(2, count * (count - 1) / 2))))
    while count > 1:
        one, other = divmod(int(joint.argmax()), count)
        if joint[one, other] < least:
            break
        if not _alike(sums, counts, within, one, other):
            joint[one, other] = joint[other, one] = -np.inf
            continue
        within[one] += within[other] + sums[one, other]
        members[one] += members[other]
        members[other] = []
        counts[one] += counts[other]
        sums[one] += sums[other]
        sums[:, one] = sums[one]
        joint[one] = sums[one] / np.sqrt(counts[one] * counts)
        joint[one, [n for n in range(count) if n == one or not members[n]]] = -np.inf
        joint[:, one] = joint[one]
        joint[other] = joint[:, other] = -np.inf
    found = [
        (sorted(m), within[n] / (counts[n] * (counts[n] - 1) / 2)) for n, m in enumerate(members) if len(m) > 1
    ]
    return sorted(found)


def _alike(
    sums: npt.NDArray[np.float64],
    counts: npt.NDArray[np.float64],
    within: npt.NDArray[np.float64],
    one: int,
    other: int,
) -> bool:
    across = sums[one, other] / (counts[one] * counts[other])
    means = [max(0.0, within[n] / (counts[n] * (counts[n] - 1) / 2)) for n in (one, other) if counts[n] > 1]
    if min(counts[one], counts[other]) >= _GROWN:
        return bool(across >= SHARE * math.sqrt(means[0] * means[1]))
    return bool(across >= max([1.0, *(SINGLE_SHARE * mean for mean in means)]))
