"""Disk images, volumes and encrypted containers: whole media in one file. No PLUGIN here.

They may hold anything, so they must never pass for 'no media'. Sources: the formats' own documents, among them the
UEFI specification (GPT), ECMA-119 (ISO 9660), the ext4 and APFS references, libewf's and libvhdi's documentation.
"""

from __future__ import annotations

from leadlight.content import Content, FileType


def _disk(name: str, extension: str, label: str) -> FileType:
    return FileType(f"application/x-{name}", "disk", extension, label)


_EWF = _disk("ewf", "e01", "EWF disk image")
_AT: tuple[tuple[int, bytes, FileType], ...] = (
    (0, b"EVF\x09\x0d\x0a\xff\0", _EWF),
    (0, b"LVF\x09\x0d\x0a\xff\0", _EWF),
    (0, b"EVF2\x0d\x0a\x81\0", _EWF),
    (0, b"ADSEGMENTEDFILE\0", _disk("ad1", "ad1", "AD1 logical image")),
    (0, b"AFF10\x0d\x0a\0", _disk("aff", "aff", "AFF disk image")),
    (0, b"QFI\xfb", _disk("qcow", "qcow2", "QCOW disk image")),
    (0, b"KDMV", _disk("vmdk", "vmdk", "VMDK disk image")),
    (0, b"# Disk DescriptorFile", _disk("vmdk", "vmdk", "VMDK descriptor")),
    (0, b"vhdxfile", _disk("vhdx", "vhdx", "VHDX disk image")),
    (0, b"conectix", _disk("vhd", "vhd", "VHD disk image")),
    (0x40, b"\x7f\x10\xda\xbe", _disk("vdi", "vdi", "VDI disk image")),
    (0, b"LUKS\xba\xbe", _disk("luks", "", "LUKS encrypted volume")),
    (3, b"-FVE-FS-", _disk("bitlocker", "", "BitLocker encrypted volume")),
    (3, b"NTFS    ", _disk("ntfs", "dd", "NTFS volume")),
    (3, b"EXFAT   ", _disk("exfat", "dd", "exFAT volume")),
    (512, b"EFI PART", _disk("raw-disk", "dd", "raw disk image (GPT)")),
    (32, b"NXSB", _disk("apfs", "dd", "APFS container")),
    (1024, b"H+\0\4", _disk("hfsplus", "dd", "HFS+ volume")),
    (1024, b"HX\0\5", _disk("hfsplus", "dd", "HFSX volume")),
    (0, b"XFSB", _disk("xfs", "dd", "XFS volume")),
    (0, b"hsqs", _disk("squashfs", "squashfs", "SquashFS volume")),
    (32769, b"CD001", _disk("iso9660", "iso", "ISO 9660 image")),
    (65600, b"_BHRfS_M", _disk("btrfs", "dd", "Btrfs volume")),
)
_HEAD = 65_608


def disk_type(content: Content) -> FileType | None:
    """The kind of disk image or volume, by the first 64 KiB and the last 512 bytes; None for anything else."""
    head = content.head(_HEAD)
    for at, magic, filetype in _AT:
        if head[at : at + len(magic)] == magic:
            return filetype
    if head[0x438:0x43A] == b"\x53\xef" and head[0x44C:0x450] in (b"\0\0\0\0", b"\1\0\0\0"):
        return _disk("ext", "dd", "ext2, ext3 or ext4 volume")
    if head[510:512] == b"\x55\xaa":
        if head[54:58] in (b"FAT1", b"FAT ") or head[82:87] == b"FAT32":
            return _disk("fat", "dd", "FAT volume")
        if content.size >= 1024 and _partitions(head[446:510]):
            return _disk("raw-disk", "dd", "raw disk image (MBR)")
    tail = content.tail(512)
    if tail[:8] == b"conectix":
        return _disk("vhd", "vhd", "VHD disk image")
    if tail[:4] == b"koly":
        return _disk("apple-diskimage", "dmg", "Apple disk image")
    return None


def _partitions(table: bytes) -> bool:
    """Whether a partition table names at least one partition, and only with flags and sizes that make sense."""
    entries = [table[n : n + 16] for n in range(0, 64, 16)]
    if any(e[0] not in (0x00, 0x80) for e in entries):
        return False
    return any(e[4] and int.from_bytes(e[12:16], "little") for e in entries)
