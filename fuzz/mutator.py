"""A small mutator without dependencies: the same seed gives the same inputs on every machine."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

INTERESTING = (0, 1, 7, 8, 16, 32, 64, 100, 127, 128, 255, 256, 512, 1000, 1024, 4096, 32767, 32768, 65535, 65536)
EXTREME = (2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**48, 2**62, 2**63 - 1, 2**63, 2**64 - 1)


class Mutator:
    """Makes inputs of inputs: bytes, numbers, pieces, words of the format, parts of other inputs."""

    def __init__(self, seed: int | str, tokens: Sequence[bytes] = (), longest: int = 8192) -> None:
        self.random = random.Random(seed)
        self._tokens = tokens
        self._longest = longest
        self._ways: tuple[Callable[[bytearray, bytes], None], ...] = (
            self._bit, self._byte, self._byte, self._number, self._number, self._take_out, self._repeat,
            self._noise, self._token, self._token, self._from_other, self._cut,
        )  # fmt: skip

    def mutated(self, data: bytes, other: bytes = b"") -> bytes:
        """One to eight changes of `data`; pieces of `other` may go in."""
        made = bytearray(data)
        for _ in range(1 << self.random.randrange(4)):
            self.random.choice(self._ways)(made, other)
        return bytes(made[: self._longest])

    def _at(self, made: bytearray) -> int:
        """Any place; every other time one near the start, where headers lie."""
        most = len(made) if self.random.random() < 0.5 else min(len(made), 128)
        return self.random.randrange(most + 1)

    def _bit(self, made: bytearray, other: bytes) -> None:
        if made:
            made[min(self._at(made), len(made) - 1)] ^= 1 << self.random.randrange(8)

    def _byte(self, made: bytearray, other: bytes) -> None:
        if made:
            near = (
                self.random.randrange(256)
                if self.random.random() < 0.7
                else self.random.choice(b"\0\1\x7f\x80\xff")
            )
            made[min(self._at(made), len(made) - 1)] = near

    def _number(self, made: bytearray, other: bytes) -> None:
        size = self.random.choice((1, 2, 2, 4, 4, 8))
        at = self._at(made)
        order = self.random.choice(("big", "little"))
        if self.random.random() < 0.4 and at + size <= len(made):
            value = int.from_bytes(made[at : at + size], order) + self.random.randrange(-16, 17)  # type: ignore[arg-type]
        else:
            value = self.random.choice((*INTERESTING, *EXTREME, len(made), len(made) - at))
        made[at : at + size] = (value % (1 << 8 * size)).to_bytes(size, order)  # type: ignore[arg-type]

    def _take_out(self, made: bytearray, other: bytes) -> None:
        at = self._at(made)
        del made[at : at + self._length()]

    def _repeat(self, made: bytearray, other: bytes) -> None:
        at = self._at(made)
        piece = made[at : at + self._length()]
        to = self._at(made)
        made[to:to] = piece * self.random.choice((1, 1, 2, 16))

    def _noise(self, made: bytearray, other: bytes) -> None:
        at, length = self._at(made), self._length()
        made[at : at + (length if self.random.random() < 0.5 else 0)] = self.random.randbytes(length)

    def _token(self, made: bytearray, other: bytes) -> None:
        if self._tokens:
            at, token = self._at(made), self.random.choice(self._tokens)
            made[at : at + (len(token) if self.random.random() < 0.5 else 0)] = token

    def _from_other(self, made: bytearray, other: bytes) -> None:
        if other:
            start, at = self.random.randrange(len(other)), self._at(made)
            piece = other[start : start + self._length() * 4]
            made[at : at + (len(piece) if self.random.random() < 0.5 else 0)] = piece

    def _cut(self, made: bytearray, other: bytes) -> None:
        if self.random.random() < 0.3:
            del made[self._at(made) :]

    def _length(self) -> int:
        return 1 + self.random.randrange(1 << self.random.randrange(9))
