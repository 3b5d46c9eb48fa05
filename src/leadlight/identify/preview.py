"""Pictures out of bytes: the one decoder, for all analysers. Samples as stored: nothing turned or profiled."""

from __future__ import annotations

import io
import logging
import warnings
from collections.abc import Iterator
from dataclasses import replace
from typing import BinaryIO

import numpy as np
import pi_heif
import rawpy
from PIL import Image, ImageFile, TiffImagePlugin

from leadlight.chart import chart_png
from leadlight.config import MIB, Limits
from leadlight.content import Content, Picture, Pixels, Reduced
from leadlight.errors import ContentError, Undecodable, Unsupported
from leadlight.identify import extent
from leadlight.identify.bare import bare, excessive
from leadlight.identify.largest import largest
from leadlight.identify.opening import TEXTS, broken, check_pixels, check_tile, guarded, opened
from leadlight.identify.samples import Own, samples
from leadlight.raster import reduce
from leadlight.records import Finding, Item, failure, finding
from leadlight.scaled import LEAST, jpeg_luma, means
from leadlight.seams import Cost, Example, Known

pi_heif.register_heif_opener()
logging.getLogger("PIL").addHandler(
    logging.NullHandler()
)  # what is broken is said in a Failure, not on a terminal

_FORMATS: dict[str, tuple[str, ...]] = {
    "image/jpeg": ("JPEG", "MPO"),
    "image/png": ("PNG",),
    "image/webp": ("WEBP",),
    "image/gif": ("GIF",),
    "image/bmp": ("BMP", "DIB"),
    "image/tiff": ("TIFF",),
    "image/avif": ("AVIF",),
    "image/heic": ("HEIF",),
    "image/heif": ("HEIF", "AVIF"),
    "image/jxl": ("JXL",),
    "image/jp2": ("JPEG2000",),
    "image/j2c": ("JPEG2000",),
    "image/vnd.microsoft.icon": ("ICO",),
    "image/vnd.adobe.photoshop": ("PSD",),
}
_ONE_PICTURE = frozenset({"MPO", "PSD", "ICO"})
"""Formats whose further frames are previews, layers or sizes of the same picture."""
_ANY_ORDER = frozenset({"TIFF", "HEIF", "AVIF"})
"""Formats whose frames can be had without those before them."""
_RAW_PREVIEWS = 64
"""Embedded JPEG starts looked at in a raw file that LibRaw can't open."""
_JPEG_HEAD = 4 * MIB
"""Bytes from there on that are read for its size."""
_ORIENTATION = 0x0112


class Preview:
    """Decodes, and says what opened. Pillow for most, libheif for HEIC, LibRaw's preview for camera raw."""

    name = "identify.preview"
    version = "3"
    extra = None
    requires = ("PIL", "pi_heif", "rawpy")
    needs: frozenset[str] = frozenset()
    gives = frozenset({finding.PICTURE})
    families = frozenset({"picture"})
    per_place = False
    cost = Cost.DECODE

    def decode(self, content: Content) -> Iterator[Picture]:
        """The first frame, then others spread evenly. Raises Undecodable, Unsupported or LimitReached."""
        media_type = content.filetype.media_type
        if media_type.startswith("image/x-") and media_type not in _FORMATS:
            yield _raw_preview(content)
            return
        formats = _FORMATS.get(media_type)
        if formats is None:
            raise Unsupported(
                f"{content.filetype.label}s can't be decoded here",
                subject=content.subject,
                advice="Convert a copy to PNG or JPEG and look at it by hand.",
            )
        if media_type == "image/jxl":
            _load_jxl(content)
        yield from _pictures(content, formats)

    def scaled(self, content: Content) -> Reduced | None:
        """The luma of a large and sound JPEG. None for all else: then `decode` says what it is, or what is wrong.

        Of a file of several pictures (MPO, as phones write) it is the first, as in `decode`: the others are views,
        gain maps or previews of the same. Size, kind and orientation are read by the same reader as there.
        """
        if content.filetype.media_type != "image/jpeg" or content.size > content.limits.memory_bytes:
            return None
        try:
            with content.open() as stream, opened(stream, _FORMATS["image/jpeg"], content) as image:
                if min(image.size) < 2 * LEAST or image.mode not in ("L", "RGB"):
                    return None
                with guarded(content):
                    orientation = _orientation(image)
        except ContentError:
            return None
        found = jpeg_luma(content.data(), least=LEAST, pixels=content.limits.pixels)
        if found is None or (found.width, found.height, found.mode) != (*image.size, image.mode):
            return None
        return replace(found, orientation=orientation)

    def averaged(self, picture: Picture) -> Reduced:
        """The luma of a picture that was decoded in full, on a small grid."""
        return reduce(picture, means=means)

    def analyse(self, item: Item, content: Content, known: Known) -> Iterator[Finding]:
        picture: Picture | Reduced = content.scaled() or content.picture()
        frames = f", {picture.frames} frames" if picture.frames > 1 else ""
        method = "full" if isinstance(picture, Reduced) else picture.method
        how = "" if method == "full" else f", read from its embedded {method}"
        cut = "" if picture.complete else "; only a part could be decoded"
        payload = {
            "width": picture.width,
            "height": picture.height,
            "largest": list(largest(content, (picture.width, picture.height))),
            "mode": picture.mode,
            "frames": picture.frames,
            "orientation": picture.orientation,
            "method": method,
            "decode": f"scaled 1/{picture.step}" if isinstance(picture, Reduced) else "full",
            "truncated": not picture.complete,
        }
        yield Finding(
            self.name,
            self.version,
            finding.PICTURE,
            f"The picture opens: {picture.width} by {picture.height} pixels{frames}{how}{cut}.",
            payload,
        )
        if not picture.complete:
            yield failure(
                self.name,
                self.version,
                reason="undecodable",
                what="the picture is cut short or broken: only a part could be decoded",
                advice="Look for a whole copy; what could be decoded was examined.",
            )
        left_out = content.memo(_LEFT_OUT, _nothing)
        if left_out:
            yield self._passed_over(left_out, content)

    def _passed_over(self, names: tuple[str, ...], content: Content) -> Finding:
        """The Failure for metadata that kept the picture from being decoded together with it."""
        some = ", ".join(names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
        limits = content.limits
        if content.filetype.media_type == "image/png" and excessive(
            content.data(), limits.metadata_bytes, TEXTS * limits.metadata_bytes
        ):
            return failure(
                self.name,
                self.version,
                reason="limit",
                what=f"text or a colour profile inflates beyond the limit; the picture was decoded without {some}",
                advice="Look into it by hand, or raise limits.metadata_bytes and scan again.",
                limit="limits.metadata_bytes",
                allowed=limits.metadata_bytes,
                met=limits.metadata_bytes + 1,
                left_out=list(names),
            )
        return failure(
            self.name,
            self.version,
            reason="undecodable",
            what=f"the picture's metadata is broken: the picture was decoded without {some}",
            advice="Its pixels were examined. Look into the metadata by hand: it is damaged or crafted.",
            left_out=list(names),
        )

    def examples(self) -> tuple[Example, ...]:
        whole = {"width": 64, "height": 48, "truncated": False}
        return (
            Example("png", lambda: chart_png(64, 48, 1), (finding.PICTURE,), whole),
            Example("cut short", lambda: chart_png(64, 48, 1)[:-2000], (finding.PICTURE,), {"truncated": True}),
            Example("gif", _gif, (finding.PICTURE,), {"frames": 3}),
            Example("no picture", lambda: b"A plain line of text.\n", ()),
        )


_LEFT_OUT = "identify.preview.left_out"
"""What the picture had to be decoded without; kept with the content by whoever asks for the picture first."""


def _nothing() -> tuple[str, ...]:
    return ()


def _pictures(content: Content, formats: tuple[str, ...]) -> Iterator[Picture]:
    """All frames taken: of the file as it is, or where that fails without its metadata."""
    found = _of_stream(content.open(), formats, content)
    error: Undecodable | None = None
    first: Picture | None = None
    try:
        first = next(found)
    except Undecodable as e:
        error = e
    ended_early = first is not None and not first.complete and content.filetype.media_type == "image/png"
    if (first is None or ended_early) and content.size <= content.limits.memory_bytes:
        for less in bare(content.data(), content.filetype.media_type):
            again = _of_stream(io.BytesIO(less.data), formats, content)
            try:
                other = next(again)
            except ContentError:
                continue
            if first is None or other.complete:
                first, found = other, again
                names = less.left_out
                content.memo(_LEFT_OUT, lambda names=names: names)  # type: ignore[misc]
                break
    if first is None:
        raise error or Undecodable("holds no picture", subject=content.subject, advice="Look for a whole copy.")
    yield first
    yield from found


def _of_stream(stream: BinaryIO, formats: tuple[str, ...], content: Content) -> Iterator[Picture]:
    with stream, opened(stream, formats, content) as image:
        count = _count(image, content)
        for index in _chosen(image, count, content.limits):
            yield _frame(image, index, count, content)


def _gif() -> bytes:
    images = [Image.new("RGB", (8, 8), (80 * n, 255 - 80 * n, 60)) for n in range(3)]
    out = io.BytesIO()
    images[0].save(out, "GIF", save_all=True, append_images=images[1:], duration=100)
    return out.getvalue()


def _load_jxl(content: Content) -> None:
    try:
        import pillow_jxl  # noqa: F401
    except ImportError:
        raise Unsupported(
            "JPEG XL needs a decoder that is not installed",
            subject=content.subject,
            advice="pip install 'leadlight[jxl]', and scan again.",
        ) from None
    size = extent.jxl_size(content.data())
    if size is None:
        raise broken(ValueError("no size"), content)
    check_pixels(size, content)


def _chosen(image: Image.Image, count: int, limits: Limits) -> list[int]:
    """Frame numbers: spread evenly over all, or over as many as the pixel limit lets us walk through."""
    walked = count
    if image.format not in _ANY_ORDER:
        walked = max(1, min(count, limits.pixels // max(1, image.size[0] * image.size[1])))
    taken = min(walked, limits.frames)
    return sorted({n * (walked - 1) // max(1, taken - 1) for n in range(max(1, taken))})


def _count(image: Image.Image, content: Content) -> int:
    if image.format in _ONE_PICTURE:
        return 1
    walked = image.format in ("GIF", "TIFF")
    with guarded(content), content.open() as stream:
        return extent.frames(image.format, stream, 0 if walked else int(getattr(image, "n_frames", 1)))


def _frame(image: Image.Image, index: int, count: int, content: Content) -> Picture:
    complete = True
    with guarded(content):
        if index:
            image.seek(index)
            check_pixels(image.size, content)
            check_tile(image, content)
        behind = image.format == "PNG"  # whose EXIF may follow its pixels: Pillow would decode them to look
        orientation = 1 if behind else _orientation(image)
        _leave_as_stored(image)
        own = Own(image)
        try:
            image.load()
        except (OSError, SyntaxError, EOFError, ValueError):
            if not _partly_loaded(image):
                raise
            complete = False
        if behind:
            orientation = _orientation(image)
        pixels, alpha = own.pixels(image) or samples(image)
    return Picture(
        pixels=pixels,
        alpha=alpha,
        mode=image.mode,
        orientation=orientation,
        index=index,
        frames=count,
        complete=complete,
    )


def _partly_loaded(image: Image.Image) -> bool:
    """Whether a decode that ended early left rows behind; then they are kept and the rest stays blank."""
    if not isinstance(image, ImageFile.ImageFile) or getattr(image, "_im", None) is None:
        return False
    image.tile = []
    extrema = image.getextrema()
    spans = extrema if isinstance(extrema[0], tuple) else (extrema,)
    return any(low != high for low, high in spans)


def _leave_as_stored(image: Image.Image) -> None:
    """Pillow turns a TIFF upright while it loads, unless its orientation says that it is."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        exif = image.getexif()
        if exif.get(_ORIENTATION, 1) != 1:
            exif[_ORIENTATION] = 1
            image._size = image._tile_size


def _orientation(image: Image.Image) -> int:
    if image.format == "JXL" and not getattr(image, "jpeg", False):
        return 1  # libjxl has turned it; the standard says that EXIF is not asked
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _raw_preview(content: Content) -> Picture:
    data = content.data()
    found = _by_libraw(data)
    if found is None:
        found = _largest_jpeg(data)
    if isinstance(found, np.ndarray):
        check_pixels((found.shape[1], found.shape[0]), content)
        return Picture(pixels=found, alpha=None, mode="RGB", method="preview")
    if found is None and data[:4] not in _TIFF_HEADS:
        raise Undecodable(
            "camera raw without a preview that can be read",
            subject=content.subject,
            advice="Develop a copy with the maker's program and look at it by hand.",
        )
    formats = ("TIFF",) if found is None else ("JPEG", "MPO")
    with io.BytesIO(data if found is None else found) as stream:
        image = opened(stream, formats, content)
        with image:
            frame = _frame(image, 0, 1, content)
    return replace(frame, alpha=None, method="preview")


_TIFF_HEADS = (b"II*\0", b"MM\0*")


def _by_libraw(data: bytes) -> bytes | Pixels | None:
    try:
        with rawpy.imread(io.BytesIO(data)) as raw:
            preview = raw.extract_thumb()
    except (rawpy.LibRawError, OSError, ValueError, RuntimeError, TypeError):
        return None
    shown: object = preview.data
    if isinstance(shown, bytes):
        return shown
    if isinstance(shown, np.ndarray) and shown.ndim == 3 and shown.shape[2] == 3:
        return np.array(shown, dtype=np.uint8)
    return None


def _largest_jpeg(data: bytes) -> bytes | None:
    best, area, at = None, 0, -1
    for _ in range(_RAW_PREVIEWS):
        at = data.find(b"\xff\xd8\xff", at + 1)
        if at < 0:
            break
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                with Image.open(io.BytesIO(data[at : at + _JPEG_HEAD]), formats=("JPEG",)) as image:
                    size = image.size[0] * image.size[1]
        except Exception:  # noqa: S112
            continue
        if size > area:
            best, area = at, size
    return data[best:] if best is not None else None


PLUGIN = Preview()
