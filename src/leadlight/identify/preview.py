"""Pictures out of bytes: the one decoder, for all analysers. Samples as stored: nothing turned or profiled."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pi_heif
import rawpy
from PIL import Image, ImageCms, ImageFile, PngImagePlugin

from leadlight.chart import chart_png
from leadlight.config import MIB, Limits
from leadlight.content import Content, Picture, Pixels
from leadlight.errors import ContentError, LimitReached, Undecodable, Unsupported
from leadlight.records import Finding, Item, failure, finding
from leadlight.seams import Cost, Example, Known

pi_heif.register_heif_opener()
Image.MAX_IMAGE_PIXELS = None  # limits.pixels is checked before each decode, with a message of our own
PngImagePlugin.MAX_TEXT_CHUNK = 16 * MIB  # a generator's workflow in a chunk must not make the picture undecodable
PngImagePlugin.MAX_TEXT_MEMORY = 256 * MIB

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
_RAW_PREVIEWS = 64
"""Embedded JPEG starts looked at in a raw file that LibRaw can't open."""
_ORIENTATION = 0x0112


class Preview:
    """Decodes, and says what opened. Pillow for most, libheif for HEIC, LibRaw's preview for camera raw."""

    name = "identify.preview"
    version = "1"
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
        image = _opened(content.open(), formats, content)
        try:
            for n, index in enumerate(_chosen(image, content.limits)):
                yield _frame(image, index, content, first=n == 0)
        finally:
            image.close()

    def analyse(self, item: Item, content: Content, known: Known) -> Iterator[Finding]:
        picture = content.picture()
        frames = f", {picture.frames} frames" if picture.frames > 1 else ""
        how = "" if picture.method == "full" else f", read from its embedded {picture.method}"
        cut = "" if picture.complete else "; only a part could be decoded"
        payload = {
            "width": picture.width,
            "height": picture.height,
            "mode": picture.mode,
            "frames": picture.frames,
            "orientation": picture.orientation,
            "method": picture.method,
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

    def examples(self) -> tuple[Example, ...]:
        whole = {"width": 64, "height": 48, "truncated": False}
        return (
            Example("png", lambda: chart_png(64, 48, 1), (finding.PICTURE,), whole),
            Example("cut short", lambda: chart_png(64, 48, 1)[:-2000], (finding.PICTURE,), {"truncated": True}),
            Example("gif", _gif, (finding.PICTURE,), {"frames": 3}),
            Example("no picture", lambda: b"A plain line of text.\n", ()),
        )


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


def _opened(stream: Any, formats: tuple[str, ...], content: Content) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(stream, formats=formats)
    except MemoryError:
        raise
    except Exception as e:
        raise _broken(e, content) from e
    _check_pixels(image.size, content)
    return image


def _broken(error: Exception, content: Content) -> ContentError:
    if isinstance(error, ContentError):
        return error
    return Undecodable(
        f"{content.filetype.label} that can't be decoded ({type(error).__name__})",
        subject=content.subject,
        advice="It is broken, cut short or crafted. Look for a whole copy.",
    )


def _check_pixels(size: tuple[int, int], content: Content) -> None:
    if size[0] * size[1] > content.limits.pixels:
        raise LimitReached(
            f"the picture has {size[0]} by {size[1]} pixels",
            subject=content.subject,
            limit="limits.pixels",
            allowed=content.limits.pixels,
            met=size[0] * size[1],
        )


def _chosen(image: Image.Image, limits: Limits) -> list[int]:
    """Frame numbers: spread evenly over as many frames as the pixel limit lets us walk through."""
    count = _count(image)
    walked = max(1, min(count, limits.pixels // max(1, image.size[0] * image.size[1])))
    taken = min(walked, limits.frames)
    return sorted({n * (walked - 1) // max(1, taken - 1) for n in range(taken)})


def _count(image: Image.Image) -> int:
    if image.format in _ONE_PICTURE:
        return 1
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return max(1, int(getattr(image, "n_frames", 1)))
    except Exception:
        return 1


def _frame(image: Image.Image, index: int, content: Content, *, first: bool) -> Picture:
    complete = True
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            orientation = _orientation(image) if first else 1
            if index:
                image.seek(index)
                _check_pixels(image.size, content)
            try:
                image.load()
            except (OSError, SyntaxError, EOFError, ValueError):
                if not _partly_loaded(image):
                    raise
                complete = False
            pixels, alpha = _samples(image)
    except MemoryError:
        raise
    except Exception as e:
        raise _broken(e, content) from e
    return Picture(
        pixels=pixels,
        alpha=alpha,
        mode=image.mode,
        orientation=orientation,
        index=index,
        frames=_count(image),
        complete=complete,
    )


def _partly_loaded(image: Image.Image) -> bool:
    """Whether a decode that ended early left rows behind; then they are kept and the rest stays blank."""
    if not isinstance(image, ImageFile.ImageFile) or getattr(image, "_im", None) is None:
        return False
    image.tile = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        extrema = image.getextrema()
    spans = extrema if isinstance(extrema[0], tuple) else (extrema,)
    return any(low != high for low, high in spans)


def _orientation(image: Image.Image) -> int:
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:
        return 1
    return value if isinstance(value, int) and 1 <= value <= 8 else 1


def _samples(image: Image.Image) -> tuple[Pixels, Pixels | None]:
    """RGB of 8 bits, and alpha of 8 bits where it is stored."""
    mode = image.mode
    if mode.startswith("I;16"):
        grey = (np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2), None
    if mode in ("I", "F"):
        values = np.nan_to_num(np.asarray(image, dtype=np.float64), nan=0.0, posinf=0.0, neginf=0.0)
        top = float(values.max(initial=0.0))
        scale = 255.0 if top <= 1.0 else 1.0 if top <= 255.0 else 1 / 257.0 if top <= 65535.0 else 255.0 / top
        grey = np.clip(values * scale, 0, 255).astype(np.uint8)
        return np.repeat(grey[:, :, None], 3, axis=2), None
    if mode == "LAB":
        lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        turned = ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB")
        return np.array(turned, dtype=np.uint8), None
    if mode in ("RGBA", "LA", "PA", "La", "RGBa") or (mode == "P" and "transparency" in image.info):
        both = np.array(image if mode == "RGBA" else image.convert("RGBA"), dtype=np.uint8)
        return np.ascontiguousarray(both[:, :, :3]), np.ascontiguousarray(both[:, :, 3])
    return np.array(image if mode == "RGB" else image.convert("RGB"), dtype=np.uint8), None


def _raw_preview(content: Content) -> Picture:
    data = content.data()
    found = _by_libraw(data) or _largest_jpeg(data)
    if found is None:
        raise Undecodable(
            "camera raw without a preview that can be read",
            subject=content.subject,
            advice="Develop a copy with the maker's program and look at it by hand.",
        )
    if isinstance(found, np.ndarray):
        _check_pixels((found.shape[1], found.shape[0]), content)
        return Picture(pixels=found, alpha=None, mode="RGB", method="preview")
    image = _opened(io.BytesIO(found), ("JPEG", "MPO"), content)
    with image:
        frame = _frame(image, 0, content, first=True)
    return Picture(
        pixels=frame.pixels,
        alpha=None,
        mode=frame.mode,
        orientation=frame.orientation,
        method="preview",
        complete=frame.complete,
    )


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
                with Image.open(io.BytesIO(data[at:]), formats=("JPEG",)) as image:
                    size = image.size[0] * image.size[1]
        except Exception:  # noqa: S112
            continue
        if size > area:
            best, area = at, size
    return data[best:] if best is not None else None


PLUGIN = Preview()
