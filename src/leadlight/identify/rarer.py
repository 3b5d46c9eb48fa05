"""Formats that nothing here decodes or unpacks, told so that they never pass for 'no media'. No PLUGIN here.

Sources: the formats' own documents, among them DICOM PS3.10, SMPTE ST 377-1 (MXF), ITU-T H.264 and H.265 annex B,
RFC 9580 (OpenPGP), RFC 5322 (mail), the age and AxCrypt formats, 'ARJ technical information', 7-Zip's notes.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from leadlight.content import Content, FileType


def _archive(name: str, extension: str, label: str) -> FileType:
    return FileType(f"application/x-{name}", "archive", extension, label)


def _picture(name: str, extension: str, label: str) -> FileType:
    return FileType(f"image/x-{name}", "picture", extension, f"{label} picture")


def _video(name: str, extension: str, label: str) -> FileType:
    return FileType(name, "video", extension, label)


_LOCKED = "encrypted file"
_PGP = FileType("application/pgp-encrypted", "archive", "pgp", _LOCKED)
_AGE = FileType("application/x-age-encryption", "archive", "age", _LOCKED)
_CPIO = _archive("cpio", "cpio", "cpio archive")
_SWF = _video("application/vnd.adobe.flash.movie", "swf", "Flash film")
_H264 = _video("video/h264", "h264", "H.264 stream")
_H265 = _video("video/h265", "h265", "H.265 stream")
_MAIL = FileType("message/rfc822", "document", "eml", "mail message")
_MBOX = FileType("application/mbox", "document", "mbox", "mailbox")
_EPS = FileType("application/postscript", "picture", "eps", "EPS picture")

_PLAIN: tuple[tuple[int, bytes, FileType], ...] = (
    (0, b"MSCF\0\0\0\0", FileType("application/vnd.ms-cab-compressed", "archive", "cab", "CAB archive")),
    (0, b"!<arch>\n", _archive("archive", "a", "ar archive")),
    (0, b"\x04\x22\x4d\x18", _archive("lz4", "lz4", "lz4 stream")),
    (0, b"\x02\x21\x4c\x18", _archive("lz4", "lz4", "lz4 stream")),
    (0, b"LZIP\x01", _archive("lzip", "lz", "lzip stream")),
    (0, b"\x89LZO\0\r\n\x1a\n", _archive("lzop", "lzo", "lzop stream")),
    (0, b"\xff\x06\0\0sNaPpY", _archive("snappy-framed", "sz", "Snappy stream")),
    (7, b"**ACE**", _archive("ace-compressed", "ace", "ACE archive")),
    (0, b"xar!\0\x1c", _archive("xar", "xar", "xar archive")),
    (0, b"MSWIM\0\0\0", _archive("ms-wim", "wim", "WIM image")),
    (0, b"StuffIt (c)", _archive("stuffit", "sit", "StuffIt archive")),
    (20, b"\xdc\xa7\xc4\xfd", _archive("zoo", "zoo", "Zoo archive")),
    (0, b"\xed\xab\xee\xdb", _archive("rpm", "rpm", "RPM package")),
    (0, b"!BDN", FileType("application/vnd.ms-outlook-pst", "archive", "pst", "Outlook mail store")),
    (0, b"ITSF\3\0\0\0", _archive("chm", "chm", "CHM help file")),
    (0, b"Salted__", _archive("openssl-encrypted", "enc", _LOCKED)),
    (0, b"age-encryption.org/v", _AGE),
    (0, b"-----BEGIN AGE ENCRYPTED FILE-----", _AGE),
    (0, b"-----BEGIN PGP MESSAGE-----", _PGP),
    (0, bytes.fromhex("c0b9072e4f93f146a015792ca1d9e821"), _archive("axcrypt", "axx", _LOCKED)),
    (0, b"AES\x02\0", _archive("aescrypt", "aes", _LOCKED)),
    (0, b"\x03\xd9\xa2\x9a", _archive("keepass", "kdbx", _LOCKED)),
    (128, b"DICM", FileType("application/dicom", "picture", "dcm", "DICOM picture")),
    (0, b"DDS \x7c\0\0\0", _picture("dds", "dds", "DDS")),
    (0, b"\x76\x2f\x31\x01", _picture("exr", "exr", "OpenEXR")),
    (0, b"Paint Shop Pro Image File\n\x1a", _picture("paintshoppro", "psp", "Paint Shop Pro")),
    (0, b"gimp xcf ", _picture("xcf", "xcf", "GIMP")),
    (0, b"#?RADIANCE\n", _picture("hdr", "hdr", "Radiance")),
    (0, b"BPG\xfb", _picture("bpg", "bpg", "BPG")),
    (0, b"FLIF", _picture("flif", "flif", "FLIF")),
    (0, b"II\xbc\x01", FileType("image/jxr", "picture", "jxr", "JPEG XR picture")),
    (0, b"\xd7\xcd\xc6\x9a", _picture("wmf", "wmf", "WMF")),
    (40, b" EMF\0\0\1\0", _picture("emf", "emf", "EMF")),
    (0, b"\x8aMNG\r\n\x1a\n", _video("video/x-mng", "mng", "MNG animation")),
    (0, b"\x8bJNG\r\n\x1a\n", _picture("jng", "jng", "JNG")),
    (0, b"\xc5\xd0\xd3\xc6", _EPS),
    (0, bytes.fromhex("060e2b34020501010d010201"), _video("application/mxf", "mxf", "MXF film")),
    (0, b".RMF\0\0\0", _video("application/vnd.rn-realmedia", "rm", "RealMedia film")),
    (0, b"DKIF\0\0", _video("video/x-ivf", "ivf", "IVF film")),
    (0, b"YUV4MPEG2 ", _video("video/x-yuv4mpeg", "y4m", "YUV4MPEG film")),
    (0, b"AT&TFORM", FileType("image/vnd.djvu", "document", "djvu", "DjVu document")),
    (0, b"\x78\x9f\x3e\x22", FileType("application/vnd.ms-tnef", "document", "tnef", "TNEF mail attachment")),
)
_PNM = re.compile(
    rb"P[1-6]\s(?:\s*#[^\n]*\n)*\s*\d{1,9}\s+(?:#[^\n]*\n)*\d{1,9}\s|P7\nWIDTH \d|P[Ff]\n\d{1,9} \d{1,9}\n"
)
_HEADER = re.compile(rb"(?:[A-Za-z][A-Za-z0-9-]{0,60}:[^\n]*\n(?:[ \t][^\n]*\n)*){1,200}")
_OF_MAIL = re.compile(
    rb"^(?:received|mime-version|return-path|delivered-to|message-id):", re.IGNORECASE | re.MULTILINE
)
_FROM = re.compile(rb"From \S{1,320} [^\n]{0,60}\d\d:\d\d[^\n]{0,60}\n")


def _le(head: bytes, at: int, size: int = 2) -> int:
    return int.from_bytes(head[at : at + size], "little")


def _lzh(head: bytes) -> bool:
    return (
        head[2:4] in (b"-l", b"-p")
        and head[4:5] in (b"h", b"z", b"m")
        and head[6:7] == b"-"
        and head[20:21] <= b"\3"
    )


def _arj(head: bytes) -> bool:
    if head[:2] != b"\x60\xea" or len(head) < 40:
        return False
    return 30 <= head[4] <= _le(head, 2) <= 2600 and head[7] <= 11 and head[10] == 2


def _cpio(head: bytes) -> bool:
    if head[:6] in (b"070701", b"070702"):
        return re.fullmatch(rb"[0-9A-Fa-f]{104}", head[6:110]) is not None
    if head[:6] == b"070707":
        return re.fullmatch(rb"[0-7]{70}", head[6:76]) is not None
    order = {b"\xc7\x71": "little", b"\x71\xc7": "big"}.get(head[:2])
    if order is None or len(head) < 27:
        return False
    name = int.from_bytes(head[20:22], "little" if order == "little" else "big")
    return 2 <= name <= 1024 and head[26 + name - 1 : 26 + name] == b"\0" and 0 not in head[26 : 26 + name - 1]


def _compress(head: bytes) -> bool:
    return head[:2] == b"\x1f\x9d" and len(head) > 16 and head[2] & 0x60 == 0 and 9 <= head[2] & 0x1F <= 16


def _lzma(head: bytes) -> bool:
    size, dictionary = _le(head, 5, 8), _le(head, 1, 4)
    return (
        head[:1] == b"\x5d" and len(head) > 18 and dictionary >= 4096 and dictionary & (dictionary - 1) == 0
        and (size == (1 << 64) - 1 or 0 < size < 1 << 40) and head[13] == 0
    )  # fmt: skip


def _pgp(head: bytes) -> bool:
    """A session key packet of version 3 or 4: by public key, or by passphrase."""
    at = {0x84: 2, 0x85: 3, 0xC1: 2, 0x8C: 2, 0xC3: 2}.get(head[0] if head else 0)
    if at is None or len(head) < at + 12:
        return False
    if head[0] == 0xC1 and 192 <= head[1] < 224:
        at = 3
    if head[0] in (0x8C, 0xC3):
        return (
            head[1] in (4, 13)
            and head[2] == 4
            and 1 <= head[3] <= 13
            and head[4] in (0, 1, 3)
            and 1 <= head[5] <= 14
        )
    return head[at] == 3 and head[at + 9] in (1, 2, 16, 18, 22, 25) and head[at + 10] <= 32


def _pcx(head: bytes) -> bool:
    if head[:1] != b"\x0a" or len(head) < 128 or head[1] not in (0, 2, 3, 4, 5) or head[2] > 1:
        return False
    return head[3] in (1, 2, 4, 8) and head[64] == 0 and 1 <= head[65] <= 4 and not head[74:128].strip(b"\0")


def _sgi(head: bytes) -> bool:
    return (
        head[:2] == b"\x01\xda" and len(head) >= 12 and head[2] <= 1 and head[3] in (1, 2) and head[5] in (1, 2, 3)
    )


def _qoi(head: bytes) -> bool:
    return head[:4] == b"qoif" and len(head) >= 14 and head[12] in (3, 4) and head[13] <= 1


def _icns(head: bytes) -> bool:
    return head[:4] == b"icns" and len(head) >= 16 and head[8:12].isascii() and head[4] < 16


def _eps(head: bytes) -> bool:
    return head[:4] == b"%!PS" and b"EPSF" in head[:64]


def _flash(head: bytes) -> bool:
    return head[:3] in (b"FWS", b"CWS", b"ZWS") and len(head) > 9 and 1 <= head[3] <= 50 and _le(head, 4, 4) > 20


def _start_code(head: bytes) -> bytes:
    at = 4 if head[:4] == b"\0\0\0\1" else 3 if head[:3] == b"\0\0\1" else 0
    return head[at : at + 4] if at else b""


def _avc(head: bytes) -> bool:
    unit = _start_code(head)
    if len(unit) < 4:
        return False
    if unit[0] == 0x09:
        return unit[1] in (0x10, 0x30, 0x50, 0x70, 0xF0) and unit[2:4] == b"\0\0"
    return unit[0] in (0x27, 0x47, 0x67) and unit[1] in (44, 66, 77, 88, 100, 110, 122, 244) and 9 <= unit[3] <= 62


def _hevc(head: bytes) -> bool:
    return _start_code(head)[:3] in (b"\x40\x01\x0c", b"\x46\x01\x10", b"\x46\x01\x30", b"\x46\x01\x50")


def _mail(head: bytes) -> bool:
    start = head.replace(b"\r\n", b"\n")
    lines = _HEADER.match(start)
    return lines is not None and _OF_MAIL.search(lines[0]) is not None


_TOLD: tuple[tuple[Callable[[bytes], bool], FileType], ...] = (
    (_lzh, _archive("lzh-compressed", "lzh", "LZH archive")),
    (_arj, _archive("arj", "arj", "ARJ archive")),
    (_cpio, _CPIO),
    (_compress, _archive("compress", "Z", "compress stream")),
    (_lzma, _archive("lzma", "lzma", "LZMA stream")),
    (_pgp, _PGP),
    (_pcx, _picture("pcx", "pcx", "PCX")),
    (_sgi, _picture("sgi", "sgi", "SGI")),
    (_qoi, _picture("qoi", "qoi", "QOI")),
    (_icns, _picture("icns", "icns", "ICNS icon")),
    (_eps, _EPS),
    (
        lambda head: _PNM.match(head) is not None,
        FileType("image/x-portable-anymap", "picture", "pnm", "PNM picture"),
    ),
    (_flash, _SWF),
    (_avc, _H264),
    (_hevc, _H265),
    (lambda head: _FROM.match(head) is not None and _mail(head.partition(b"\n")[2]), _MBOX),
    (_mail, _MAIL),
)


def rarer_type(content: Content, head: bytes) -> FileType | None:
    """The type by the first bytes, or by the footer that TGA has; None for anything else."""
    for at, magic, filetype in _PLAIN:
        if head[at : at + len(magic)] == magic:
            return filetype
    for told, filetype in _TOLD:
        if told(head):
            return filetype
    if content.tail(26)[8:] == b"TRUEVISION-XFILE.\0":
        return _picture("tga", "tga", "TGA")
    return None
