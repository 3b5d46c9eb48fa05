"""What the first bytes of the formats say that Leadlight decodes, unpacks or must tell apart. No PLUGIN here.

Sources: the formats' own standards, among them ITU-T T.81 (JPEG), ISO/IEC 15948 (PNG), ISO/IEC 14496-12 (ISO base
media), ISO/IEC 23008-12 (HEIF), RFC 9649 (WebP), RFC 1952 (gzip), RFC 8878 (zstd), PKWARE APPNOTE (ZIP),
POSIX (ustar).
"""

from __future__ import annotations

from collections.abc import Iterator

from leadlight.content import FileType

JPEG = FileType("image/jpeg", "picture", "jpg", "JPEG picture")
PNG = FileType("image/png", "picture", "png", "PNG picture")
ZIP = FileType("application/zip", "archive", "zip", "ZIP archive")
TAR = FileType("application/x-tar", "archive", "tar", "tar archive")
TIFF = FileType("image/tiff", "picture", "tif", "TIFF picture")
TEXT = FileType("text/plain", "text", "txt", "text")


def _picture(media: str, extension: str, name: str) -> FileType:
    return FileType(f"image/{media}", "picture", extension, f"{name} picture")


def _raw(media: str, extension: str, name: str) -> FileType:
    return FileType(f"image/x-{media}", "picture", extension, f"{name} camera raw picture")


DNG = _raw("adobe-dng", "dng", "DNG")
_PLAIN: tuple[tuple[bytes, FileType], ...] = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF87a", _picture("gif", "gif", "GIF")),
    (b"GIF89a", _picture("gif", "gif", "GIF")),
    (b"\xff\x0a", _picture("jxl", "jxl", "JPEG XL")),
    (b"\0\0\0\x0cJXL \r\n\x87\n", _picture("jxl", "jxl", "JPEG XL")),
    (b"\0\0\0\x0cjP  \r\n\x87\n", _picture("jp2", "jp2", "JPEG 2000")),
    (b"\xff\x4f\xff\x51", _picture("j2c", "j2c", "JPEG 2000")),
    (b"8BPS", _picture("vnd.adobe.photoshop", "psd", "Photoshop")),
    (b"\0\0\x01\0", _picture("vnd.microsoft.icon", "ico", "icon")),
    (b"FUJIFILMCCD-RAW", _raw("fuji-raf", "raf", "Fujifilm")),
    (b"IIRO", _raw("olympus-orf", "orf", "Olympus")),
    (b"IIRS", _raw("olympus-orf", "orf", "Olympus")),
    (b"MMOR", _raw("olympus-orf", "orf", "Olympus")),
    (b"IIU\0", _raw("panasonic-rw2", "rw2", "Panasonic")),
    (b"FOVb", _raw("sigma-x3f", "x3f", "Sigma")),
    (b"II\x1a\0\0\0HEAPCCDR", _raw("canon-crw", "crw", "Canon")),
    (b"\x1a\x45\xdf\xa3", FileType("video/x-matroska", "video", "mkv", "Matroska video")),
    (b"FLV\x01", FileType("video/x-flv", "video", "flv", "Flash video")),
    (
        b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c",
        FileType("video/x-ms-asf", "video", "wmv", "Windows Media file"),
    ),
    (b"\0\0\x01\xba", FileType("video/mpeg", "video", "mpg", "MPEG video")),
    (b"\0\0\x01\xb3", FileType("video/mpeg", "video", "mpg", "MPEG video")),
    (b"fLaC", FileType("audio/flac", "audio", "flac", "FLAC sound")),
    (b"OggS", FileType("audio/ogg", "audio", "ogg", "Ogg sound or video")),
    (b"ID3", FileType("audio/mpeg", "audio", "mp3", "MP3 sound")),
    (b"#!AMR", FileType("audio/amr", "audio", "amr", "AMR sound")),
    (b"\x1f\x8b\x08", FileType("application/gzip", "archive", "gz", "gzip stream")),
    (b"BZh", FileType("application/x-bzip2", "archive", "bz2", "bzip2 stream")),
    (b"\xfd7zXZ\0", FileType("application/x-xz", "archive", "xz", "xz stream")),
    (b"\x28\xb5\x2f\xfd", FileType("application/zstd", "archive", "zst", "zstd stream")),
    (b"7z\xbc\xaf\x27\x1c", FileType("application/x-7z-compressed", "archive", "7z", "7z archive")),
    (b"Rar!\x1a\x07\0", FileType("application/vnd.rar", "archive", "rar", "RAR archive")),
    (b"Rar!\x1a\x07\x01\0", FileType("application/vnd.rar", "archive", "rar", "RAR archive")),
    (b"%PDF-", FileType("application/pdf", "document", "pdf", "PDF document")),
    (
        b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1",
        FileType("application/x-ole-storage", "document", "doc", "OLE2 document"),
    ),
    (b"{\\rtf", FileType("application/rtf", "document", "rtf", "RTF document")),
    (b"SQLite format 3\0", FileType("application/vnd.sqlite3", "database", "sqlite", "SQLite database")),
    (b"\x7fELF", FileType("application/x-elf", "program", "", "ELF program")),
    (b"\xcf\xfa\xed\xfe", FileType("application/x-mach-binary", "program", "", "Mach-O program")),
    (b"\xce\xfa\xed\xfe", FileType("application/x-mach-binary", "program", "", "Mach-O program")),
    (b"\xca\xfe\xba\xbe", FileType("application/java-vm", "program", "class", "Java class")),
)

_RIFF = {
    b"WEBP": _picture("webp", "webp", "WebP"),
    b"AVI ": FileType("video/x-msvideo", "video", "avi", "AVI video"),
    b"WAVE": FileType("audio/wav", "audio", "wav", "WAV sound"),
}

_BRANDS: tuple[tuple[frozenset[bytes], FileType], ...] = (
    (frozenset({b"avif", b"avis"}), _picture("avif", "avif", "AVIF")),
    (
        frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}),
        _picture("heic", "heic", "HEIC"),
    ),
    (frozenset({b"crx "}), _raw("canon-cr3", "cr3", "Canon")),
    (frozenset({b"mif1", b"msf1", b"mif2"}), _picture("heif", "heif", "HEIF")),
    (frozenset({b"qt  "}), FileType("video/quicktime", "video", "mov", "QuickTime video")),
    (frozenset({b"M4A ", b"M4B ", b"F4A "}), FileType("audio/mp4", "audio", "m4a", "MPEG-4 sound")),
    (
        frozenset({b"3gp4", b"3gp5", b"3gp6", b"3gp7", b"3gr6", b"3gs7", b"3g2a", b"3g2b", b"3g2c"}),
        FileType("video/3gpp", "video", "3gp", "3GPP video"),
    ),
)
_MP4 = FileType("video/mp4", "video", "mp4", "MPEG-4 video")

_OFFICE = "application/vnd.openxmlformats-officedocument."
_OPEN = "application/vnd.oasis.opendocument."
_BY_MEMBER: tuple[tuple[bytes, FileType], ...] = (
    (b"word/", FileType(f"{_OFFICE}wordprocessingml.document", "document", "docx", "Word document")),
    (b"xl/", FileType(f"{_OFFICE}spreadsheetml.sheet", "document", "xlsx", "Excel document")),
    (b"ppt/", FileType(f"{_OFFICE}presentationml.presentation", "document", "pptx", "PowerPoint document")),
    (
        b"AndroidManifest.xml",
        FileType("application/vnd.android.package-archive", "archive", "apk", "Android package"),
    ),
    (b"META-INF/MANIFEST.MF", FileType("application/java-archive", "archive", "jar", "Java archive")),
)
_BY_MIMETYPE = {
    b"application/epub+zip": FileType("application/epub+zip", "document", "epub", "EPUB book"),
    f"{_OPEN}text".encode(): FileType(f"{_OPEN}text", "document", "odt", "OpenDocument text"),
    f"{_OPEN}spreadsheet".encode(): FileType(f"{_OPEN}spreadsheet", "document", "ods", "OpenDocument sheet"),
    f"{_OPEN}presentation".encode(): FileType(f"{_OPEN}presentation", "document", "odp", "OpenDocument slides"),
}


def by_signature(head: bytes) -> FileType | None:
    """The type that the first bytes state, or None. ZIP, TIFF and ISO base media are told apart further."""
    for magic, filetype in _PLAIN:
        if head.startswith(magic):
            if magic == b"\x1a\x45\xdf\xa3" and b"webm" in head[:64]:
                return FileType("video/webm", "video", "webm", "WebM video")
            if magic == b"\0\0\x01\0" and not _sound_icon(head):
                continue
            return filetype
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return _tiff(head)
    if head[4:8] == b"ftyp":
        return _brand(head)
    if head[4:8] in (b"moov", b"mdat", b"wide", b"free", b"skip") and len(head) >= 16:
        return FileType("video/quicktime", "video", "mov", "QuickTime video")
    if head[:2] == b"BM" and len(head) >= 26 and head[14:18] in _BMP_HEADERS:
        return _picture("bmp", "bmp", "BMP")
    if head[:2] == b"MZ" and len(head) >= 64:
        return FileType("application/vnd.microsoft.portable-executable", "program", "exe", "Windows program")
    if head[:1] == b"\x47" and len(head) > 376 and head[188:189] == b"\x47" and head[376:377] == b"\x47":
        return FileType("video/mp2t", "video", "ts", "MPEG transport stream")
    if len(head) >= 4 and head[0] == 0xFF and head[1] & 0xE6 == 0xE2 and head[2] >> 4 not in (0, 15):
        return FileType("audio/mpeg", "audio", "mp3", "MP3 sound")
    if len(head) >= 4 and head[0] == 0xFF and head[1] & 0xF6 == 0xF0:
        return FileType("audio/aac", "audio", "aac", "AAC sound")
    return TAR if _is_tar(head) else None


_BMP_HEADERS = frozenset(n.to_bytes(4, "little") for n in (12, 16, 40, 52, 56, 64, 108, 124))


def _sound_icon(head: bytes) -> bool:
    return len(head) >= 22 and 1 <= int.from_bytes(head[4:6], "little") <= 512 and head[9] == 0


def _tiff(head: bytes) -> FileType:
    if head[8:10] == b"CR":
        return _raw("canon-cr2", "cr2", "Canon")
    order = "little" if head[:2] == b"II" else "big"
    tags = set(_first_tags(head, order))
    maker = head[:8192].upper()
    if 0xC612 in tags:
        return DNG
    if b"NIKON" in maker and 0x014A in tags:
        return _raw("nikon-nef", "nef", "Nikon")
    if b"SONY" in maker and 0x014A in tags:
        return _raw("sony-arw", "arw", "Sony")
    if b"PENTAX" in maker and 0xC634 in tags:
        return _raw("pentax-pef", "pef", "Pentax")
    return TIFF


def _first_tags(head: bytes, order: str) -> Iterator[int]:
    little = order == "little"

    def number(at: int, size: int) -> int:
        return int.from_bytes(head[at : at + size], "little" if little else "big")

    at = number(4, 4)
    if not 8 <= at <= len(head) - 2:
        return
    for n in range(min(number(at, 2), 512)):
        yield number(at + 2 + 12 * n, 2)


def _brand(head: bytes) -> FileType:
    size = int.from_bytes(head[:4], "big")
    size = min(size if size >= 16 else 16, 512, len(head))
    major = head[8:12]
    brands = [major, *(head[at : at + 4] for at in range(16, size - 3, 4))]
    for known, filetype in _BRANDS:
        if major in known and filetype.media_type != "image/heif":
            return filetype
    for known, filetype in _BRANDS:
        if known & set(brands) and (filetype.family == "picture" or major in known):
            return filetype
    return _MP4


def _is_tar(head: bytes) -> bool:
    block = head[:512]
    if len(block) < 512:
        return False
    if block[257:262] == b"ustar":
        return True
    field = block[148:156].strip(b" \0")
    if not field or not field.isdigit() or not block[0]:
        return False
    try:
        stated = int(field, 8)
    except ValueError:
        return False
    return stated == sum(block[:148]) + 8 * 32 + sum(block[156:])


def zip_kind(head: bytes, tail: bytes) -> FileType:
    """Which kind of file a ZIP archive is, by its `mimetype` entry or the names of its members."""
    if head[26:28] == b"\x08\0" and head[30:38] == b"mimetype":
        start = 38 + int.from_bytes(head[28:30], "little")
        for mimetype, filetype in _BY_MIMETYPE.items():
            if head[start : start + len(mimetype)] == mimetype:
                return filetype
    if b"[Content_Types].xml" in head or b"[Content_Types].xml" in tail:
        for name, filetype in _BY_MEMBER[:3]:
            if name in head or name in tail:
                return filetype
    for name, filetype in _BY_MEMBER[3:]:
        if name in tail or name in head[:4096]:
            return filetype
    return ZIP
