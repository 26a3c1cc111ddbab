"""What a PDF holds besides pages of text, what is damaged, and what attacks: each ends with text or a reason."""

from __future__ import annotations

import io

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
import pytest
from made_pdf import HEIGHT, WIDTH, borderless, column, made, prose, read, texts
from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen import canvas

from citewell.core.errors import FileBroken, FileEncrypted, FileNeedsOcr, FileTooLarge, FileWithoutText
from citewell.ingest.normalise import compose_document
from citewell.ingest.parsed import RawBlock, Reading
from citewell.ingest.parsers import ocr, parse


def attached(*files: tuple[str, bytes]) -> bytes:
    with pdfium.PdfDocument(made(lambda sheet: column(sheet, 50, 700, ["Text."]))) as document:
        for name, data in files:
            document.new_attachment(name).set_data(data)
        stream = io.BytesIO()
        document.save(stream)
    return stream.getvalue()


def test_attached_files_are_members() -> None:
    parsed = read(attached(("prices.csv", b"a,b\n1,2\n"), ("note.txt", b"Hello.")))
    assert [(member.name, member.data) for member in parsed.members] == [
        ("note.txt", b"Hello."),
        ("prices.csv", b"a,b\n1,2\n"),
    ]


def test_attached_files_that_unpack_too_far_are_refused() -> None:
    data = attached(("zeros.bin", bytes(5_000_000)))
    with pytest.raises(FileTooLarge):
        parse(data, Reading(name="x.pdf", max_unpacked_bytes=1_000_000))


def test_a_password_is_named_as_the_cause_and_an_empty_one_opens() -> None:
    locked = made(lambda sheet: column(sheet, 50, 700, ["Secret."]), encrypt=StandardEncryption("open", "own"))
    with pytest.raises(FileEncrypted):
        read(locked)
    unlocked = made(lambda sheet: column(sheet, 50, 700, ["Not secret."]), encrypt=StandardEncryption("", "own"))
    assert texts(read(unlocked)) == ["Not secret."]


@pytest.mark.parametrize("data", [b"%PDF-1.7\n", b"%PDF-1.4\ntrailer<</Root 1 0 R>>", b"%PDF-1.7\n" + bytes(5000)])
def test_what_is_cut_off_says_so(data: bytes) -> None:
    with pytest.raises(FileBroken, match="damaged or cut off"):
        read(data)


def objects(*bodies: bytes) -> bytes:
    """A PDF of these objects, numbered from 1; the first is the catalog."""
    out, places = b"%PDF-1.7\n", []
    for number, body in enumerate(bodies, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    return out + b"xref\n0 %d\n0000000000 65535 f \n%strailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (
        len(bodies) + 1, table, len(bodies) + 1, len(out)
    )  # fmt: skip


@pytest.mark.parametrize(
    "pages",
    [
        b"<</Type/Pages/Kids[2 0 R 2 0 R]/Count 2>>",
        b"<</Type/Pages/Kids[2 0 R]/Count 2000000000>>",
        b"<</Type/Pages/Kids[9 0 R]/Count 900000>>",
        b"<</Type/Pages/Kids[]/Count -1>>",
    ],
)
def test_page_trees_that_lead_nowhere_come_to_an_end(pages: bytes) -> None:
    with pytest.raises((FileBroken, FileWithoutText)):
        read(objects(b"<</Type/Catalog/Pages 2 0 R>>", pages))


def test_a_form_that_draws_itself_comes_to_an_end() -> None:
    form = b"<</Type/XObject/Subtype/Form/BBox[0 0 600 800]/Resources<</XObject<</F 5 0 R>>>>/Length 5>>stream\n/F Do\nendstream"
    content = b"<</Length 5>>stream\n/F Do\nendstream"
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 4 0 R/Resources<</XObject<</F 5 0 R>>>>>>"
    data = objects(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>", page, content, form)
    with pytest.raises(FileWithoutText):
        read(data)


def test_a_page_of_very_many_words_and_rules_is_read_in_time_that_grows_with_it() -> None:
    """The suite's own time limit is the limit: quadratic work would take minutes here."""

    def draw(sheet: canvas.Canvas) -> None:
        sheet.setFont("Helvetica", 1)
        for y in range(100, 800, 2):
            for x in range(20, 580, 6):
                sheet.drawString(x, y, "w")
        for at in range(3000):
            sheet.line(at % 590, 0, at % 590, 800)
            sheet.line(0, at % 800, 590, at % 800)

    assert sum(text.count("w") for text in texts(read(made(draw)))) == 350 * 94


def test_pages_without_text_are_named_and_a_file_without_any_needs_ocr(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = Image.new("L", (300, 300), 255)

    def draw(sheet: canvas.Canvas) -> None:
        column(sheet, 50, 700, ["Page with text."])
        sheet.showPage()
        for _ in range(2):
            sheet.drawInlineImage(picture, 0, 0, WIDTH, HEIGHT)
            sheet.showPage()

    monkeypatch.setattr(ocr, "is_installed", lambda: False)
    for wanted in ("off", "auto"):
        parsed = read(made(draw), ocr=wanted)
        assert texts(parsed) == ["Page with text."]
        assert parsed.warnings == ("a picture without text, which needs OCR: pages 2, 3",)
        with pytest.raises(FileNeedsOcr):
            read(made(lambda sheet: sheet.drawInlineImage(picture, 0, 0, WIDTH, HEIGHT)), ocr=wanted)


def test_a_page_number_over_a_scan_is_no_text() -> None:
    def draw(sheet: canvas.Canvas) -> None:
        for number in (1, 2):
            sheet.drawInlineImage(Image.new("L", (30, 30), 255), 0, 0, WIDTH, HEIGHT)
            column(sheet, 290, 20, [str(number)])
            sheet.showPage()

    with pytest.raises(FileNeedsOcr):
        read(made(draw))


def test_every_line_lies_on_its_page_and_the_whole_is_composed() -> None:
    """The regions of the composed document give each line's own words."""

    def draw(sheet: canvas.Canvas) -> None:
        column(sheet, 50, 740, prose("a", 6))
        borderless(sheet, [["Code", "Place", "Count", "State"], ["A-1", "North", "12", "good"]], top=500)

    data = made(draw)
    document = compose_document(read(data), source="s", path="x.pdf")
    with pdfium.PdfDocument(data) as opened:
        text_page = opened[0].get_textpage()
        for block in document.blocks:
            ends = [region.start_char for region in block.regions[1:]] + [block.end_char]
            for region, end in zip(block.regions, ends, strict=True):
                left, top, right, bottom = region.box
                there = text_page.get_text_bounded(left - 1, HEIGHT - bottom + 3, right + 1, HEIGHT - top - 3)
                told = document.text[region.start_char : end].replace("|", " ").split()
                assert there.split() == told


def test_the_library_still_reports_a_password_as_such() -> None:
    assert pdfium_c.FPDF_ERR_PASSWORD == 4


def test_blocks_of_a_pdf_have_pages_and_lines() -> None:
    blocks: list[RawBlock] = read(made(lambda sheet: column(sheet, 50, 700, ["Text."]))).blocks
    assert all(block.page == 1 and block.lines and not block.text for block in blocks)
