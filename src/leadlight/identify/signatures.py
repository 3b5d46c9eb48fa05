"""What the first bytes of the formats say that Leadlight decodes, unpacks or must tell apart. No PLUGIN here.

Sources: the formats' own standards, among them ITU-T T.81 (JPEG), ISO/IEC 15948 (PNG), ISO/IEC 14496-12 (ISO base
media), ISO/IEC 23008-12 (HEIF), RFC 9649 (WebP), RFC 1952 (gzip), RFC 8878 (zstd), PKWARE APPNOTE (ZIP),
POSIX (ustar), ISO/IEC 11172-3 (MPEG audio), ISO/IEC 13818-1 and -7 (transport streams, AAC).

A mark of two to four bytes is believed only with a second sign behind it: text that begins with 'MZ' or 'ID3' is
text, and random bytes that begin with a sync word are unknown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

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
MP3 = FileType("audio/mpeg", "audio", "mp3", "MP3 sound")
AAC = FileType("audio/aac", "audio", "aac", "AAC sound")
_QUICKTIME = FileType("video/quicktime", "video", "mov", "QuickTime video")
_TRANSPORT = FileType("video/mp2t", "video", "ts", "MPEG transport stream")
_MACH_O = FileType("application/x-mach-binary", "program", "", "Mach-O program")
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
    (b"OggS\0", FileType("audio/ogg", "audio", "ogg", "Ogg sound or video")),
    (b"#!AMR\n", FileType("audio/amr", "audio", "amr", "AMR sound")),
    (b"#!AMR-WB\n", FileType("audio/amr", "audio", "amr", "AMR sound")),
    (b"\x1f\x8b\x08", FileType("application/gzip", "archive", "gz", "gzip stream")),
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
    (b"\xcf\xfa\xed\xfe", _MACH_O),
    (b"\xce\xfa\xed\xfe", _MACH_O),
    (b"\xfe\xed\xfa\xcf", _MACH_O),
    (b"\xfe\xed\xfa\xce", _MACH_O),
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
    (frozenset({b"qt  "}), _QUICKTIME),
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
            return filetype
    if head[:4] == b"RIFF":
        return _RIFF.get(head[8:12])
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return _tiff(head)
    if head[4:8] == b"ftyp":
        return _brand(head)
    for sound, filetype in _WITH_A_SECOND_SIGN:
        if sound(head):
            return filetype
    return TAR if _is_tar(head) else None


_BMP_HEADERS = frozenset(n.to_bytes(4, "little") for n in (12, 16, 40, 52, 56, 64, 108, 124))


_ICON_DEPTHS = frozenset({0, 1, 4, 8, 16, 24, 32})


def _quicktime(head: bytes) -> bool:
    """An old film without 'ftyp'. A line of text such as 'The free ...' has a box's name there as well."""
    if len(head) < 16 or head[4:8] not in (b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"):
        return False
    size = int.from_bytes(head[:4], "big")
    return size in (0, 1) or (size >= 8 and (head[0] == 0 or not head[:64].isascii()))


def _bitmap(head: bytes) -> bool:
    return head[:2] == b"BM" and len(head) >= 26 and head[14:18] in _BMP_HEADERS


def _icon(head: bytes) -> bool:
    count = int.from_bytes(head[4:6], "little")
    if head[:4] != b"\0\0\x01\0" or not 1 <= count <= 512 or len(head) < 22:
        return False
    size, at = int.from_bytes(head[14:18], "little"), int.from_bytes(head[18:22], "little")
    planes, depth = int.from_bytes(head[10:12], "little"), int.from_bytes(head[12:14], "little")
    return head[9] == 0 and planes <= 1 and depth in _ICON_DEPTHS and size > 0 and at >= 6 + 16 * count


def _program(head: bytes) -> bool:
    """A DOS header: bytes of the last page below 512, some pages, some paragraphs of header."""
    last, pages, header = (int.from_bytes(head[n : n + 2], "little") for n in (2, 4, 8))
    return head[:2] == b"MZ" and len(head) >= 64 and last < 512 and pages > 0 and 0 < header <= 4096


def _java(head: bytes) -> bool:
    return head[:4] == b"\xca\xfe\xba\xbe" and 45 <= int.from_bytes(head[6:8], "big") <= 255


def _universal(head: bytes) -> bool:
    return head[:4] == b"\xca\xfe\xba\xbe" and 0 < int.from_bytes(head[4:8], "big") < 45


def _bzip2(head: bytes) -> bool:
    return head[:3] == b"BZh" and head[3:4] in b"123456789" and head[4:10] in (b"1AY&SY", b"\x17rE8P\x90")


def _transport(head: bytes) -> bool:
    """Sync bytes of 188-byte packets, or of those with a time stamp of four bytes before each (M2TS, AVCHD)."""
    plain = head[:1] == b"\x47" and head[188:189] == b"\x47" and head[376:377] == b"\x47"
    return plain or (head[4:5] == b"\x47" and head[196:197] == b"\x47" and head[388:389] == b"\x47")


def _tagged_sound(head: bytes) -> bool:
    """An ID3v2 tag: version 2 to 4, a size of seven bits a byte."""
    return head[:3] == b"ID3" and len(head) >= 10 and 2 <= head[3] <= 4 and max(head[6:10]) < 0x80


_MP3_RATES = {
    1: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    2: (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_MP3_SAMPLING = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}


def _mp3_frame(header: bytes) -> int:
    """The length in bytes of the layer III frame that begins here, 0 where none does."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return 0
    version, rate, sampling = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version == 1 or rate in (0, 15) or sampling == 3:
        return 0
    first = version == 3
    return (144000 if first else 72000) * _MP3_RATES[1 if first else 2][rate] // _MP3_SAMPLING[version][
        sampling
    ] + (header[2] >> 1 & 1)


def _aac_frame(header: bytes) -> int:
    if len(header) < 7 or header[0] != 0xFF or header[1] & 0xF6 != 0xF0 or header[2] >> 2 & 15 > 12:
        return 0
    length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    return length if length >= 7 else 0


def _frames_follow(head: bytes, frame: Callable[[bytes], int], header: int) -> bool:
    """Whether a frame begins here and two more where each before it ends, as far as the bytes reach."""
    at = 0
    for _ in range(3):
        length = frame(head[at : at + header])
        if not length:
            return False
        at += length
        if at + header > len(head):
            break
    return True


def _mp3(head: bytes) -> bool:
    return _frames_follow(head, _mp3_frame, 4)


def _aac(head: bytes) -> bool:
    return _frames_follow(head, _aac_frame, 7)


_WITH_A_SECOND_SIGN: tuple[tuple[Callable[[bytes], bool], FileType], ...] = (
    (_quicktime, _QUICKTIME),
    (_bitmap, _picture("bmp", "bmp", "BMP")),
    (_icon, _picture("vnd.microsoft.icon", "ico", "icon")),
    (_program, FileType("application/vnd.microsoft.portable-executable", "program", "exe", "Windows program")),
    (_java, FileType("application/java-vm", "program", "class", "Java class")),
    (_universal, _MACH_O),
    (_bzip2, FileType("application/x-bzip2", "archive", "bz2", "bzip2 stream")),
    (_transport, _TRANSPORT),
    (_tagged_sound, MP3),
    (_mp3, MP3),
    (_aac, AAC),
)


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
