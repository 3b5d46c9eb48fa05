"""A name that contradicts the bytes: someone renamed a picture, or a program did."""

from __future__ import annotations

from collections.abc import Iterator

from leadlight.chart import chart_png
from leadlight.content import Content
from leadlight.records import Finding, Item, display_text, finding
from leadlight.seams import Cost, Example, Known

_OFFICE = " ".join(
    f"application/vnd.openxmlformats-officedocument.{kind}"
    for kind in ("wordprocessingml.document", "spreadsheetml.sheet", "presentationml.presentation")
)
_OPEN = " ".join(f"application/vnd.oasis.opendocument.{k}" for k in ("text", "spreadsheet", "presentation"))
_SAME: tuple[tuple[frozenset[str], frozenset[str]], ...] = tuple(
    (frozenset(extensions.split()), frozenset(types.split()))
    for extensions, types in (
        ("jpg jpeg jpe jfif jif mpo thm", "image/jpeg"),
        ("png apng", "image/png"),
        ("gif", "image/gif"),
        ("webp", "image/webp"),
        ("bmp dib", "image/bmp"),
        ("tif tiff", "image/tiff image/x-adobe-dng image/x-nikon-nef image/x-sony-arw"),
        ("heic heif hif", "image/heic image/heif"),
        ("avif", "image/avif"),
        ("jxl", "image/jxl"),
        ("psd", "image/vnd.adobe.photoshop"),
        ("ico cur", "image/vnd.microsoft.icon"),
        ("jp2 j2k jpf jpx", "image/jp2 image/j2c"),
        ("svg", "image/svg+xml"),
        ("dng", "image/x-adobe-dng image/tiff"),
        ("nef nrw", "image/x-nikon-nef image/tiff"),
        ("arw sr2", "image/x-sony-arw image/tiff"),
        ("pef", "image/x-pentax-pef image/tiff"),
        ("cr2", "image/x-canon-cr2"),
        ("cr3", "image/x-canon-cr3"),
        ("raf", "image/x-fuji-raf"),
        ("orf", "image/x-olympus-orf"),
        ("rw2", "image/x-panasonic-rw2"),
        ("mp4 m4v mov qt 3gp 3g2", "video/mp4 video/quicktime video/3gpp"),
        ("mkv webm mka", "video/x-matroska video/webm"),
        ("avi", "video/x-msvideo"),
        ("wmv wma asf", "video/x-ms-asf"),
        ("mpg mpeg vob", "video/mpeg"),
        ("mp3", "audio/mpeg"),
        ("m4a m4b", "audio/mp4 video/mp4"),
        ("flv", "video/x-flv"),
        ("ts mts m2ts", "video/mp2t text/plain application/xml"),
        ("wav", "audio/wav"),
        ("flac", "audio/flac"),
        ("ogg oga ogv opus", "audio/ogg"),
        ("amr", "audio/amr"),
        ("aac", "audio/aac"),
        ("pdf", "application/pdf"),
        ("txt csv log md", "text/plain text/html application/xml"),
        ("zip", "application/zip"),
        ("rar", "application/vnd.rar"),
        ("7z", "application/x-7z-compressed"),
        ("gz tgz", "application/gzip"),
        ("bz2 tbz2", "application/x-bzip2"),
        ("xz txz", "application/x-xz"),
        ("zst", "application/zstd"),
        ("tar", "application/x-tar"),
        ("doc xls ppt", "application/x-ole-storage application/rtf text/html application/xml text/plain"),
        ("rtf", "application/rtf"),
        ("docx xlsx pptx", f"{_OFFICE} application/zip application/x-ole-storage"),
        ("odt ods odp epub", f"{_OPEN} application/epub+zip application/zip"),
        ("jar apk", "application/java-archive application/vnd.android.package-archive application/zip"),
        ("html htm xml json ini cfg", "text/plain text/html application/xml"),
        ("exe dll", "application/vnd.microsoft.portable-executable"),
        ("db sqlite sqlite3", "application/vnd.sqlite3"),
    )
)
_MEDIA = ("picture", "video", "audio")


class Naming:
    """Compares the extension of each place with the type of its bytes."""

    name = "identify.naming"
    version = "1"
    extra = None
    requires: tuple[str, ...] = ()
    needs: frozenset[str] = frozenset()
    gives = frozenset({finding.NAME})
    families: frozenset[str] = frozenset()
    per_place = True
    cost = Cost.HEADER

    def analyse(self, item: Item, content: Content, known: Known) -> Iterator[Finding]:
        name = item.place.name.decode("utf-8", "replace").rstrip(". ")  # as Windows drops them
        stem, dot, extension = name.rpartition(".")
        filetype = content.filetype
        if not dot or not stem or filetype.family in ("empty", "unknown"):
            return
        lowered = extension.lower()
        fitting = [types for extensions, types in _SAME if lowered in extensions]
        if not fitting or any(filetype.media_type in types for types in fitting):
            return
        stated_media = any(t.startswith(("image/", "video/", "audio/")) for types in fitting for t in types)
        hides = filetype.family in _MEDIA and not stated_media
        yield Finding(
            self.name,
            self.version,
            finding.NAME,
            f"The name ends in '.{display_text(extension, 20)}', but the bytes are: {filetype.label}.",
            {"extension": display_text(lowered, 20), "media_type": filetype.media_type, "hides_media": hides},
        )

    def examples(self) -> tuple[Example, ...]:
        return (
            Example(
                "picture as text",
                lambda: chart_png(16, 16, 1),
                (finding.NAME,),
                {"hides_media": True},
                name="notes.txt",
            ),
            Example("right name", lambda: chart_png(16, 16, 1), (), name="chart.PNG"),
            Example("no extension", lambda: chart_png(16, 16, 1), (), name="chart"),
        )


PLUGIN = Naming()
