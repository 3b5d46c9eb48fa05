from __future__ import annotations

import pytest

from leadlight.identify.naming import PLUGIN
from leadlight.records import Finding, Item, Place
from leadlight.seams import Known
from tests.identify.formats import TYPES, opened

BYTES = {t[0]: t[1] for t in TYPES}


def named(name: bytes, data: bytes) -> Finding | None:
    item = Item(Place(b"/evidence", (b"folder.png/" + name,)), source="test")
    found = list(PLUGIN.analyse(item, opened(data), Known()))
    assert len(found) <= 1
    return found[0] if found else None


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (b"chart.png", "png"),
        (b"CHART.PNG", "png"),
        (b"chart.Jpeg", "jpeg"),
        (b"chart.jfif", "jpeg"),
        (b"chart", "png"),
        (b"chart.", "png"),
        (b".jpg", "png"),
        (b".hidden", "png"),
        (b"chart.unheard-of", "png"),
        (b"chart.jpg", "empty"),
        (b"chart.jpg", "zeros"),
        (b"chart.png.", "png"),
        (b"chart.png  ", "png"),
        (b"chart.tif", "big tiff"),
        (b"chart.dng", "dng"),
        (b"chart.tif", "dng"),
        (b"chart.heic", "heif"),
        (b"clip.mov", "mp4"),
        (b"clip.mts", "m2ts"),
        (b"code.ts", "utf-8"),
        (b"song.m4a", "m4a"),
        (b"letter.docx", "docx"),
        (b"letter.docx", "ole2"),
        (b"letter.doc", "rtf"),
        (b"box.jar", "zip"),
        (b"box.tar", "tar, old"),
        (b"page.xml", "xml"),
        (b"\xff\xfe.png", "png"),
    ],
)
def test_a_name_that_fits_or_says_nothing(name: bytes, kind: str) -> None:
    assert named(name, BYTES[kind]) is None


@pytest.mark.parametrize(
    ("name", "kind", "extension", "hides"),
    [
        (b"notes.txt", "png", "txt", True),
        (b"notes.TXT", "jpeg", "txt", True),
        (b"notes.txt.", "png", "txt", True),
        (b"notes.txt ", "png", "txt", True),
        (b"notes.jpg.txt", "png", "txt", True),
        (b"letter.docx", "jpeg", "docx", True),
        (b"letter.pdf", "heic", "pdf", True),
        (b"setup.exe", "mp4", "exe", True),
        (b"box.zip", "webp", "zip", True),
        (b"box.tar", "gif", "tar", True),
        (b"page.html", "png", "html", True),
        (b"song.mp3", "png", "mp3", False),
        (b"chart.jpg", "png", "jpg", False),
        (b"chart.png", "mp4", "png", False),
        (b"chart.jpg", "zip", "jpg", False),
        (b"chart.jpg", "utf-8", "jpg", False),
        (b"chart.jpg", "pe", "jpg", False),
        (b"\xff\xfe.txt", "png", "txt", True),
    ],
)
def test_a_name_that_contradicts(name: bytes, kind: str, extension: str, hides: bool) -> None:
    found = named(name, BYTES[kind])
    assert found is not None
    assert found.payload["extension"] == extension
    assert found.payload["hides_media"] is hides
    assert found.statement.isprintable()


def test_every_type_under_its_own_extension_is_silent() -> None:
    for title, data, _, _ in TYPES:
        filetype = opened(data).filetype
        if filetype.extension:
            assert named(b"a." + filetype.extension.encode(), data) is None, title


def test_a_member_of_an_archive_is_judged_by_its_own_name() -> None:
    item = Item(Place(b"/evidence", (b"box.zip", b"inner/notes.txt")), source="test")
    assert len(list(PLUGIN.analyse(item, opened(BYTES["png"]), Known()))) == 1
