from typing_extensions import Buffer

LAYOUT: int

def build(
    hashes: Buffer, order: bytes, widths: bytes, table: int, groups: Buffer, prints: Buffer, rows: Buffer, /
) -> None: ...
def search(
    hashes: Buffer,
    order: bytes,
    widths: bytes,
    tables: tuple[tuple[Buffer, Buffer, Buffer], ...],
    limits: bytes,
    queries: Buffer,
    radius: int,
    most: int,
    below: Buffer,
    skip: Buffer,
    /,
) -> bytes | None: ...
def scan(
    hashes: Buffer, queries: Buffer, radius: int, most: int, below: Buffer, skip: Buffer, /
) -> bytes | None: ...
