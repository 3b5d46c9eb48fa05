from __future__ import annotations

import csv
import io
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from leadlight.errors import HashListError
from leadlight.hashlists.plain import PLUGIN
from leadlight.records import ListEntry, ListKind
from leadlight.records.hashlist import DIGEST_BYTES
from tests.hashlists.samples import MD5, PDQ, SAMPLES, SHA1, SHA256


def read(tmp_path: Path, content: str | bytes, name: str = "list.csv") -> list[ListEntry]:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return list(PLUGIN.entries(path))


def entry(algorithm: str, text: str, label: str = "") -> ListEntry:
    return ListEntry(algorithm, bytes.fromhex(text), label)


def test_the_length_says_the_kind(tmp_path: Path) -> None:
    wanted = [entry("md5", MD5), entry("sha1", SHA1), entry("sha256", SHA256)]
    assert read(tmp_path, f"\ufeff{MD5}\n\n# a comment\n{SHA1.upper()}\r\n  {SHA256}\n") == wanted


def test_a_second_column_is_the_label(tmp_path: Path) -> None:
    assert read(tmp_path, f"{MD5}\n{MD5},series 7\n") == [entry("md5", MD5), entry("md5", MD5, "series 7")]
    assert read(tmp_path, f'{MD5}\t"two\twords"\n') == [entry("md5", MD5, "two words")]


def test_only_the_file_itself_says_pdq(tmp_path: Path) -> None:
    assert read(tmp_path, f"{PDQ}\n")[0].algorithm == "sha256"
    assert read(tmp_path, f"# PDQ hashes\n{PDQ}\n")[0].algorithm == "pdq"
    assert read(tmp_path, f"PDQ;label\n{PDQ};x\n") == [entry("pdq", PDQ, "x")]
    assert read(tmp_path, f"#pdq\n{SHA1}\n")[0].algorithm == "sha1"
    with pytest.raises(HashListError, match="name says PDQ"):
        read(tmp_path, f"{PDQ}\n", "my-pdq.hashes.txt")
    assert PLUGIN.detect(tmp_path / "my-pdq.hashes.txt"), "so that the fault is seen"
    assert read(tmp_path, f"# SHA-256, not pdq\n{PDQ}\n", "pdq.txt")[0].algorithm == "sha256"
    for first in ("pdq", "sha256"):
        assert read(tmp_path, f"{first}\n{PDQ}\n", "pdq.txt")[0].algorithm == first, "as the fault advises"


def test_columns_by_header(tmp_path: Path) -> None:
    found = read(tmp_path, f"Name|SHA-1|BLAKE3|Category|Tags\nx|{SHA1}|{SHA256}|0|a, b\ny||{SHA256}||\n")
    assert found == [
        entry("sha1", SHA1, "category 0, a, b"),
        entry("blake3", SHA256, "category 0, a, b"),
        entry("blake3", SHA256),
    ]


def test_the_row_may_name_the_algorithm(tmp_path: Path) -> None:
    content = f'"Algorithm","Hash"\n"MD5","{MD5}"\n"PDQ","{PDQ}"\n'
    assert read(tmp_path, content) == [entry("md5", MD5), entry("pdq", PDQ)]
    with pytest.raises(HashListError, match=r"line 2, field 'Algorithm'.*not matched here"):
        read(tmp_path, f"Algorithm,Hash\nSHA512,{MD5}\n")


def test_names_in_checksum_files_are_not_kept(tmp_path: Path) -> None:
    """A file's name may be harmful to read, and says nothing that the digest does not."""
    assert read(tmp_path, f"{SHA256}  a name.png\n{MD5} *b.png\n") == [entry("sha256", SHA256), entry("md5", MD5)]


def test_the_older_nsrl_text_file(tmp_path: Path) -> None:
    path = tmp_path / "NSRLFile.txt"
    SAMPLES["csv"]["NSRLFile.txt"](path)
    info = PLUGIN.describe(path)
    assert (info.kind, info.owner) == (ListKind.BENIGN, "NIST NSRL")
    assert list(PLUGIN.entries(path)) == [entry("sha1", SHA1)], "the stronger digest alone"


@pytest.mark.parametrize(
    ("content", "at"),
    [
        (f"{MD5}\n{MD5[:-1]}\n", "line 2, field 1"),
        (f"{MD5}\n\n# x\n{MD5[:-1]}g\n", "line 4, field 1"),
        (f"md5,label\n{MD5},a\n,b\n", "line 3, field 'md5'"),
        (f"label,sha256\na,{SHA256}\nb\n", "line 3, field 'sha256'"),
        (f"label,sha1\na,{SHA256}\n", "line 2, field 'sha1'"),
        (f"label,sha1\na,{SHA1[:20]} {SHA1[21:]}\n", "line 2, field 'sha1'"),
        ("prose\n", "line 1, field 1"),
        (f"md5\n{MD5}\n{'x' * 200_000}\n", "line 3"),
        (f'md5\n{MD5}\n"{MD5}\n' + f"{MD5}\n" * 10_000, "line "),
        (f"{MD5},x\nmd5,label\n", "line 2, field 1"),
        (f"md5\n{'٣' * 32}\n", "line 2, field 'md5'"),
    ],
)
def test_a_line_that_does_not_fit_is_named(tmp_path: Path, content: str, at: str) -> None:
    with pytest.raises(HashListError) as caught:
        read(tmp_path, content)
    assert caught.value.subject.startswith(f"list.csv, {at}")
    assert caught.value.advice


def test_labels_are_short_and_safe(tmp_path: Path) -> None:
    (found,) = read(tmp_path, f'md5,label\n{MD5},"a\x1b[2J\n\u202eb{"c" * 500}"\n')
    assert found.label.isprintable()
    assert len(found.label) <= 160


CELL = st.text(st.characters(exclude_categories=("Cs", "Cc", "Cf", "Zl", "Zp", "Zs", "Co", "Cn")), max_size=20)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from(sorted(DIGEST_BYTES)), min_size=1, max_size=5, unique=True),
    st.data(),
    st.sampled_from(",;\t|"),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_what_is_written_is_read(tmp_path_factory, algorithms, data, delimiter, end, encoding) -> None:
    rows = data.draw(
        st.lists(
            st.tuples(
                CELL, st.tuples(*(st.binary(min_size=n, max_size=n) for n in map(DIGEST_BYTES.get, algorithms)))
            ),
            min_size=1,
            max_size=8,
        )
    )
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL)
    writer.writerow([*algorithms, "label"])
    for label, values in rows:
        cells = (v.hex().upper() if data.draw(st.booleans()) else v.hex() for v in values)
        writer.writerow([*cells, label])
    path = tmp_path_factory.mktemp("list") / "list.csv"
    path.write_bytes(out.getvalue().encode(encoding))
    assert PLUGIN.detect(path)
    found = list(PLUGIN.entries(path))
    assert [(e.algorithm, e.value) for e in found] == [
        (a, v) for _, values in rows for a, v in zip(algorithms, values, strict=True)
    ]
    assert [e.label for e in found] == [" ".join(label.split()) for label, values in rows for _ in values]


def test_memory_stays_flat(tmp_path: Path) -> None:
    path = tmp_path / "long.txt"
    with path.open("w") as out:
        out.writelines(f"{n:032x},label {n}\n" for n in range(60_000))
    tracemalloc.start()
    count = sum(1 for _ in PLUGIN.entries(path))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert count == 60_000
    assert peak < 1_000_000
