"""Pictures of text, in PDF and as images: words and their places, whichever side is up; what cannot be read says why."""

from __future__ import annotations

import io
import subprocess
import zlib
from pathlib import Path

import pytest
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen import canvas

from citewell.core.errors import FileBroken, FileNeedsOcr, FileRejected, FileTooLarge, FileWithoutText
from citewell.ingest.parsed import Parsed, Reading
from citewell.ingest.parsers import ocr, parse

SENTENCES = (
    "The safety valve opens when the pressure rises.",
    "It closes again after a short time.",
    "Test it every second year.",
)
needs_tesseract = pytest.mark.skipif(not ocr.is_installed(), reason="the system package tesseract-ocr is not installed")


def picture(*lines: str, turn: int = 0, size: tuple[int, int] = (1500, 900)) -> Image.Image:
    """Black lines on white, the whole turned clockwise by quarter turns."""
    image = Image.new("L", size, 255)
    pen = ImageDraw.Draw(image)
    for at, line in enumerate(lines):
        pen.text((100, 100 + 90 * at), line, fill=0, font=ImageFont.load_default(48))
    turns = {1: Image.Transpose.ROTATE_270, 2: Image.Transpose.ROTATE_180, 3: Image.Transpose.ROTATE_90}
    return image.transpose(turns[turn]) if turn else image


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, form, **options)
    return stream.getvalue()


def scanned(*pages: Image.Image | str) -> bytes:
    """A PDF whose pages are pictures, or hold a line of text."""
    stream = io.BytesIO()
    sheet = canvas.Canvas(stream, pagesize=(600, 360), invariant=1)
    for page in pages:
        if isinstance(page, str):
            sheet.drawString(50, 250, page)
        else:
            width, height = (600, 360) if page.width > page.height else (360, 600)
            sheet.setPageSize((width, height))
            sheet.drawImage(ImageReader(page), 0, 0, width, height)
        sheet.showPage()
    sheet.save()
    return stream.getvalue()


def read(data: bytes, name: str = "x", **options: object) -> Parsed:
    return parse(data, Reading(name=name, **options))  # type: ignore[arg-type]


def whole(parsed: Parsed) -> str:
    return " ".join(block.whole for block in parsed.blocks)


@pytest.mark.ocr
@needs_tesseract
@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP"])
def test_a_picture_is_read_in_every_format(form: str) -> None:
    parsed = read(saved(picture(*SENTENCES), form))
    assert whole(parsed) == " ".join(SENTENCES)
    assert parsed.media_type.startswith("image/")
    assert {line.page for block in parsed.blocks for line in block.lines} == {1}


@pytest.mark.ocr
@needs_tesseract
@pytest.mark.parametrize("turn", [0, 1, 2, 3])
def test_a_scan_is_read_whichever_side_is_up_and_its_boxes_lie_on_its_lines(turn: int) -> None:
    parsed = read(scanned(picture(*SENTENCES, turn=turn)))
    assert whole(parsed) == " ".join(SENTENCES)
    lines = [line for block in parsed.blocks for line in block.lines]
    assert [line.text for line in lines] == list(SENTENCES)
    shown = picture(*SENTENCES, turn=turn)
    for line in lines:
        box = tuple(round(edge * 2.5) for edge in line.box)
        assert shown.crop(box).getextrema()[0] < 60
        shown.paste(255, (box[0] - 6, box[1] - 6, box[2] + 6, box[3] + 6))
    assert shown.getextrema() == (255, 255)


@pytest.mark.ocr
@needs_tesseract
def test_each_frame_of_a_tiff_is_a_page() -> None:
    frames = [picture(*SENTENCES[:2]), picture(SENTENCES[2], "And write down what was found.")]
    parsed = read(saved(frames[0], "TIFF", save_all=True, append_images=frames[1:]))
    pages = [line.page for block in parsed.blocks for line in block.lines]
    assert sorted(set(pages)) == [1, 2]
    assert "Test it every second year." in whole(parsed)


@pytest.mark.ocr
@needs_tesseract
def test_text_pages_of_a_partly_scanned_file_are_not_read_twice() -> None:
    parsed = read(scanned("Typed on the first page.", picture(*SENTENCES)))
    assert whole(parsed).startswith("Typed on the first page.")
    assert whole(parsed).count("safety valve") == 1
    assert parsed.warnings == ()


@pytest.mark.ocr
@needs_tesseract
def test_a_language_without_data_is_left_out_and_named() -> None:
    parsed = read(saved(picture(*SENTENCES), "PNG"), ocr_languages="eng+xyz")
    assert parsed.warnings == ("tesseract has no data for: xyz",)
    assert "safety valve" in whole(parsed)


@pytest.mark.ocr
@needs_tesseract
def test_scans_over_the_limit_are_named() -> None:
    parsed = read(scanned(picture(*SENTENCES), picture(*SENTENCES)), ocr_max_pages=1)
    assert parsed.warnings == ("not read, since ingest.ocr_max_pages is 1: page 2",)
    assert {block.page for block in parsed.blocks} == {1}


@pytest.mark.ocr
@needs_tesseract
def test_an_empty_picture_holds_no_text() -> None:
    with pytest.raises(FileWithoutText) as caught:
        read(saved(Image.new("L", (600, 400), 255), "PNG"))
    assert not isinstance(caught.value, FileNeedsOcr)


def test_pictures_need_ocr_when_it_is_off_or_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    for data in (saved(picture(*SENTENCES), "PNG"), scanned(picture(*SENTENCES))):
        with pytest.raises(FileNeedsOcr):
            read(data, ocr="off")
    monkeypatch.setattr(ocr, "PROGRAM", "no-such-program")
    for data in (saved(picture(*SENTENCES), "PNG"), scanned(picture(*SENTENCES))):
        with pytest.raises(FileNeedsOcr, match="picture"):
            read(data)


def png_of(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds nothing of it."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    header = width.to_bytes(4, "big") + height.to_bytes(4, "big") + bytes([8, 0, 0, 0, 0])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("size", [(60_000, 60_000), (20_000, 9_000), (2_000_000_000, 1)])
def test_a_picture_of_too_many_pixels_is_refused_before_it_is_unpacked(size: tuple[int, int]) -> None:
    with pytest.raises(FileTooLarge):
        read(png_of(*size))


def test_the_limit_of_unpacked_bytes_holds_for_pictures() -> None:
    with pytest.raises(FileTooLarge):
        read(saved(picture(*SENTENCES), "PNG"), max_unpacked_bytes=100_000)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "GIF"])
def test_a_picture_that_is_cut_off_says_so(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr, "is_installed", lambda: True)
    data = saved(picture(*SENTENCES), form)
    with pytest.raises(FileRejected) as caught:
        read(data[: len(data) // 3])
    assert isinstance(caught.value, FileBroken)
    assert "damaged or cut off" in caught.value.message


def test_a_program_that_hangs_or_fails_becomes_a_warning(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The text of the other pages is kept."""
    program = tmp_path / "tesseract"
    monkeypatch.setattr(ocr, "PROGRAM", str(program))
    monkeypatch.setattr(ocr, "TIMEOUT_S", 0.5)
    for script, told in (("sleep 20", "took longer"), ("echo no >&2; exit 3", "no")):
        program.write_text(f'#!/bin/sh\n[ "$1" = "--list-langs" ] && exit 0\n{script}\n')
        program.chmod(0o700)
        parsed = read(scanned("Typed on the first page.", picture(*SENTENCES)))
        assert whole(parsed) == "Typed on the first page."
        assert told in parsed.warnings[-1]


def test_the_program_gets_a_list_of_arguments_and_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """No shell reads the name of a language."""
    calls: list[tuple[list[str], dict[str, object]]] = []

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[bytes]:
        calls.append((command, options))
        return subprocess.CompletedProcess(command, 0, b"List of languages\neng\nosd\n", b"")

    ocr._installed_languages.cache_clear()
    monkeypatch.setattr(subprocess, "run", run)
    monkeypatch.setattr(ocr.shutil, "which", lambda name: f"/usr/bin/{name}")
    assert ocr.usable_languages("eng+$(reboot)+../x") == ("eng", [])
    with pytest.raises(FileWithoutText):
        read(saved(picture("x"), "PNG"), ocr_languages="eng; reboot")
    ocr._installed_languages.cache_clear()
    assert all(command[0] == "/usr/bin/tesseract" and "shell" not in options for command, options in calls)
    assert all(isinstance(options["env"], dict) and options["env"]["OMP_THREAD_LIMIT"] == "1" for _, options in calls)
    assert not any("reboot" in part for command, _ in calls for part in command)
