"""Each parser keeps text, headings, lists, tables and pages; broken files say why."""

from __future__ import annotations

import io
import zipfile
from importlib import import_module

import docx
import pytest
from reportlab.pdfgen import canvas

from citewell.core.errors import FileBroken, FileRejected, FileTooLarge, FileUnsupported, FileWithoutText
from citewell.core.sentences import sentence_spans
from citewell.core.types import Document
from citewell.ingest.normalise import compose_document, normalise_text
from citewell.ingest.parsed import Reading
from citewell.ingest.parsers import FORMATS, parse

LIMIT = 10_000_000


def read(data: bytes, name: str) -> Document:
    return compose_document(parse(data, Reading(name, max_unpacked_bytes=LIMIT, ocr="off")), source="s", path=name)


def kinds(document: Document) -> list[tuple[str, str]]:
    return [(b.kind, document.text[b.start_char : b.end_char]) for b in document.blocks]


def pdf(*pages: list[tuple[int, int, int, str]], bold_over: int = 14) -> bytes:
    """A PDF; each line is (x, y, size, text)."""
    stream = io.BytesIO()
    sheet = canvas.Canvas(stream, invariant=1)
    for page in pages:
        for x, y, size, text in page:
            sheet.setFont("Helvetica-Bold" if size > bold_over else "Helvetica", size)
            sheet.drawString(x, y, text)
        sheet.showPage()
    sheet.save()
    return stream.getvalue()


def test_markdown_keeps_structure_and_loses_marks() -> None:
    text = "---\ntitle: Leave rules\nlang: en\n---\n# Leave\n\nSome **bold** [link](http://x).\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    document = read(text.encode(), "x.md")
    assert (document.title, document.language) == ("Leave rules", "en")
    assert kinds(document) == [
        ("heading", "Leave"), ("paragraph", "Some bold link."), ("list_item", "one"), ("list_item", "two"),
        ("table_header", "a | b"), ("table_row", "1 | 2"),
    ]  # fmt: skip


def test_html_keeps_the_main_content_and_leaves_navigation_out() -> None:
    body = "".join(
        f"<p>Paragraph {i} says something about the valve and its seal, at some length.</p>" for i in range(6)
    )
    page = (
        "<html lang='en'><head><title>T</title></head><body><nav><a href='/'>Home page</a></nav><main><h1>Valves</h1><h2>Seals</h2>"
        f"{body}<table><tr><th>Part</th><th>No</th></tr><tr><td>Seal</td><td>S-9</td></tr></table></main>"
        "<footer>Copyright somebody</footer></body></html>"
    )
    document = read(page.encode(), "x.html")
    assert document.title == "Valves"
    assert ("table_row", "Seal | S-9") in kinds(document)
    assert "Home page" not in document.text
    assert "Copyright" not in document.text
    assert document.blocks[-1].heading_path == ("Valves", "Seals")


def test_plain_text_finds_headings_lists_and_columns() -> None:
    text = "MINUTES\n=======\n\n1. OPENING\n\nThe meeting began\nat nine.\n\n- first\n- second\n\nPart     Price    Stock\nSeal     4.00     12\n"
    assert kinds(read(text.encode(), "x.txt")) == [
        ("heading", "MINUTES"), ("heading", "1. OPENING"), ("paragraph", "The meeting began at nine."), ("list_item", "- first"),
        ("list_item", "- second"), ("table_header", "Part | Price | Stock"), ("table_row", "Seal | 4.00 | 12"),
    ]  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_plain_text_is_read_in_its_encoding(encoding: str) -> None:
    text = "Die Prüfgeräte müssen jährlich überprüft werden, sagt der Größenausschuss für Maße."
    assert read(text.encode(encoding), "x.txt").text == text


def test_docx_keeps_headings_lists_and_tables_in_order() -> None:
    source = docx.Document()
    source.add_heading("Rules", 0)
    source.add_heading("Scope", 1)
    source.add_paragraph("All sites.")
    source.add_paragraph("one", style="List Bullet")
    table = source.add_table(rows=1, cols=2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "Limit", "40"
    source.add_paragraph("After.")
    stream = io.BytesIO()
    source.save(stream)
    assert kinds(read(stream.getvalue(), "x.docx")) == [
        ("heading", "Rules"), ("heading", "Scope"), ("paragraph", "All sites."), ("list_item", "one"), ("table_row", "Limit | 40"),
        ("paragraph", "After."),
    ]  # fmt: skip


def test_pdf_keeps_pages_headings_and_rows_and_joins_divided_words() -> None:
    first = [(72, 780, 18, "Pump manual"), (72, 740, 11, "The pump must be cali-"), (72, 726, 11, "brated each year."),
             (72, 690, 11, "Part"), (300, 690, 11, "Number")]  # fmt: skip
    document = read(pdf(first, [(72, 740, 11, "Second page text.")]), "x.pdf")
    assert kinds(document) == [
        ("heading", "Pump manual"), ("paragraph", "The pump must be calibrated each year."), ("table_row", "Part | Number"),
        ("paragraph", "Second page text."),
    ]  # fmt: skip
    assert [b.page for b in document.blocks] == [1, 1, 1, 2]


def test_pdf_leaves_running_heads_and_page_numbers_out() -> None:
    pages = [
        [(72, 820, 9, "Acme handbook"), (72, 700, 11, f"Text of page {n}."), (290, 20, 9, f"Page {n} of 3")]
        for n in (1, 2, 3)
    ]
    text = read(pdf(*pages), "x.pdf").text
    assert "Acme" not in text
    assert "of 3" not in text
    assert "Text of page 3." in text


def test_broken_files_say_why() -> None:
    whole = pdf([(72, 700, 11, "Text.")])
    cases: list[tuple[bytes, str, type[FileRejected]]] = [
        (whole[: len(whole) // 3], "cut.pdf", FileBroken),
        (b"plain text", "no.pdf", FileBroken),
        (b"PK\x03\x04 not an archive", "no.docx", FileBroken),
        (b"", "empty.txt", FileWithoutText),
        (b" \n ", "blank.md", FileWithoutText),
        (b"<html><body></body></html>", "empty.html", FileWithoutText),
        (pdf([]), "scan.pdf", FileWithoutText),
        (b"x", "sheet.xlsx", FileBroken),
        (b"7z\xbc\xaf\x27\x1c\x00\x04", "a.7z", FileUnsupported),
        (bytes(range(32)) * 40, "binary.txt", FileRejected),
    ]
    for data, name, error in cases:
        with pytest.raises(error) as caught:
            read(data, name)
        assert caught.value.message, name
        assert caught.value.hint, name


def test_an_archive_that_unpacks_too_far_is_refused() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"0" * (LIMIT + 1))
    with pytest.raises(FileTooLarge):
        parse(stream.getvalue(), Reading("bomb.docx", max_unpacked_bytes=LIMIT))


def test_control_characters_and_lone_surrogates_never_reach_a_document() -> None:
    assert normalise_text("A\x00B\u200bC  soft\u00adhyphen\ncafe\u0301 \ud800") == "ABC softhyphen café \ufffd"


def test_every_format_has_a_module_with_a_parser() -> None:
    for module in set(FORMATS.values()):
        assert callable(import_module(f"citewell.ingest.parsers.{module}").parse)


def test_what_a_file_holds_counts_and_not_its_name() -> None:
    whole = pdf([(72, 700, 11, "Text of the page.")])
    assert read(whole, "really.txt").media_type == "application/pdf"
    assert (
        read(b"<!DOCTYPE html><html><body><p>A page of words.</p></body></html>", "page.txt").media_type == "text/html"
    )


def test_the_documents_id_is_that_of_source_and_path_alone() -> None:
    a = read(b"one", "a.txt")
    b = read(b"two", "a.txt")
    assert a.doc_id == b.doc_id
    assert a.version != b.version


def test_a_nested_list_says_everything_once() -> None:
    filler = "".join(
        f"<p>Paragraph {i} is long enough for the main content to be found as such here.</p>" for i in range(5)
    )
    page = f"<html><body><main><h1>L</h1>{filler}<ul><li>outer one<ul><li>inner alpha</li><li>inner beta</li></ul></li><li>outer two</li></ul></main></body></html>"
    items = [text for kind, text in kinds(read(page.encode(), "x.html")) if kind == "list_item"]
    assert sorted(items) == ["inner alpha", "inner beta", "outer one", "outer two"]


def test_front_matter_that_is_no_text_does_not_reach_the_store() -> None:
    document = read(b'---\nlang: "\\ud800"\ntitle: "a\\u0000b"\n---\nText of it.\n', "x.md")
    "".join([document.language, document.title, *document.metadata.values()]).encode()


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"<div>" + b"<!--" * 100_000, "x.md"),
        (b"A." + b"." * 200_000 + b"x", "x.txt"),
        (("\u00a0" * 100_000 + "x").encode() * 2, "x.txt"),
        (b"<a" * 100_000, "x.md"),
    ],
)
def test_hostile_texts_take_no_longer_than_their_length(data: bytes, name: str) -> None:
    """Each took minutes when its time grew with the square of its length; the test's own time limit is that of the suite."""
    try:
        text = read(data, name).text
    except FileRejected:
        return
    sentence_spans(text)


def test_a_word_document_of_many_empty_paragraphs_and_wide_merges_is_read_at_once() -> None:
    source = docx.Document()
    table = source.add_table(rows=1, cols=2)
    table.rows[0].cells[0].text = "Limit"
    span = table.rows[0].cells[1]._tc.get_or_add_tcPr()._add_gridSpan()
    span.val = 50_000_000
    for _ in range(3000):
        source.element.body.append(source.element.body._new_p())
    source.add_paragraph("The end.")
    stream = io.BytesIO()
    source.save(stream)
    assert kinds(read(stream.getvalue(), "x.docx"))[-1] == ("paragraph", "The end.")
