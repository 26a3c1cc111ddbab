"""Pictures: each frame is read by optical character recognition and becomes a page.

Boxes are in points of a page that shows the picture at the resolution it states, or a pixel a point when it states none.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator

from PIL import Image, ImageOps, ImageSequence, UnidentifiedImageError

from citewell.core.errors import FileBroken, FileNeedsOcr, FileTooLarge, FileUnsupported, FileWithoutText
from citewell.ingest.parsed import Parsed, Reading
from citewell.ingest.parsers import ocr
from citewell.ingest.parsers.pdf.blocks import Composer
from citewell.ingest.parsers.pdf.headings import Outline
from citewell.ingest.parsers.pdf.order import parts_of
from citewell.ingest.parsers.pdf.page import Page
from citewell.ingest.parsers.pdf.scan import read_scan

MAX_PIXELS = 100_000_000  # of a frame: a page of A2 at 600 dots per inch
MAX_SIDE = 6_000  # pixels; a larger frame is made smaller before it is read
MIN_SIDE = (
    1_000  # pixels of the longer side; letters of a smaller frame are made larger, since they hold too few pixels
)
POINTS_PER_INCH = 72.0
FORMATS = ("PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP", "MPO", "DIB")


def parse(data: bytes, reading: Reading) -> Parsed:
    """The text of a picture, a page a frame.

    Raises FileNeedsOcr (tesseract is not installed or not asked for), FileTooLarge (too many pixels), FileBroken, FileUnsupported or
    FileWithoutText.
    """
    image = _opened(data)
    with image:
        media_type = Image.MIME.get(image.format or "", "application/octet-stream")
        _check_size(image, reading)
        if reading.ocr == "off" or not ocr.is_installed():
            raise FileNeedsOcr("it is a picture, which only OCR can read")
        languages, missing = ocr.usable_languages(reading.ocr_languages)
        told = [f"tesseract has no data for: {', '.join(missing)}"] if missing else []
        pages: list[Page] = []
        for number, frame in _frames(image, reading, told):
            pages.append(_page(number, frame, languages, told))
    parts = [(sheet, parts_of(sheet)) for page in pages for sheet in page.sheets]
    blocks = Composer(parts, Outline()).blocks()
    if not blocks:
        raise FileWithoutText("no text was found in the picture")
    return Parsed(blocks, media_type, warnings=tuple(told))


def _opened(data: bytes) -> Image.Image:
    """The picture, its pixels not unpacked yet."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            return Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise FileUnsupported(
            "it is a picture of a format that cannot be read", hint="Save it as PNG, JPEG or TIFF."
        ) from None
    except Image.DecompressionBombError as error:
        raise FileTooLarge(f"the picture is too large: {error}") from None
    except (OSError, SyntaxError, ValueError) as error:
        raise FileBroken(f"the picture is damaged or cut off: {error}") from None


def _check_size(image: Image.Image, reading: Reading) -> None:
    """Refuses, before anything is unpacked, a frame that unpacks too far."""
    width, height = image.size
    if width * height > min(MAX_PIXELS, max(1, reading.max_unpacked_bytes)):
        raise FileTooLarge(f"the picture has {width} x {height} pixels, which is more than are read")


def _frames(image: Image.Image, reading: Reading, told: list[str]) -> Iterator[tuple[int, Image.Image]]:
    """The frames by number, upright as the camera noted; a damaged one ends them when others were read before it."""
    number = 0
    try:
        for number, frame in enumerate(ImageSequence.Iterator(image), 1):
            if number > reading.ocr_max_pages:
                told.append(f"only the first {reading.ocr_max_pages} frames were read (ingest.ocr_max_pages)")
                return
            _check_size(frame, reading)
            frame.load()
            yield number, _upright(frame)
            if image.format in {"GIF", "WEBP", "MPO"} and getattr(image, "is_animated", False):
                told.append("it moves; only its first picture was read")
                return
    except Image.DecompressionBombError as error:
        raise FileTooLarge(f"the picture is too large: {error}") from None
    except (OSError, SyntaxError, ValueError, EOFError) as error:
        if number <= 1:
            raise FileBroken(f"the picture is damaged or cut off: {error}") from None
        told.append(f"frame {number} is damaged and was left out, with those after it")


def _upright(frame: Image.Image) -> Image.Image:
    dpi = frame.info.get("dpi")
    turned = ImageOps.exif_transpose(frame)
    if dpi is not None:
        turned.info["dpi"] = dpi
    return turned


def _page(number: int, frame: Image.Image, languages: str, told: list[str]) -> Page:
    scale = POINTS_PER_INCH / _dots_per_inch(frame)
    width, height = frame.width * scale, frame.height * scale
    page = Page(number, width, height, 0, (0.0, 0.0, width, height))
    longer = max(frame.size)
    factor = min(1.0, MAX_SIDE / longer) if longer > MIN_SIDE else min(3.0, 2 * MIN_SIDE / longer)
    sized = frame.convert("RGBA" if "A" in frame.getbands() or "transparency" in frame.info else "L")
    if factor != 1.0 and min(frame.size) > 1:
        sized = sized.resize((max(1, round(frame.width * factor)), max(1, round(frame.height * factor))))
    try:
        read_scan(page, sized, languages)
    except ocr.OcrFailed as error:
        told.append(f"frame {number} could not be read by OCR: {error}")
    return page


def _dots_per_inch(frame: Image.Image) -> float:
    """The resolution that the picture states, when it can be true."""
    told = frame.info.get("dpi")
    try:
        dots = float(told[0]) if isinstance(told, tuple) else float("nan")
    except (TypeError, ValueError, ZeroDivisionError):
        return POINTS_PER_INCH
    return dots if 50 <= dots <= 2400 else POINTS_PER_INCH
