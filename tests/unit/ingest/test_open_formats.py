"""OpenDocument and RTF keep headings, lists, tables and notes; hostile files end with a reason."""

from __future__ import annotations

import contextlib
import time

import pytest
from made_office import kinds, odf, odt, placed, read

from citewell.core.errors import FileRejected
from citewell.ingest.parsed import Parsed


def test_odt_keeps_headings_lists_tables_notes_and_frames_and_leaves_deletions_out() -> None:
    styles = '<text:list-style style:name="L1"><text:list-level-style-number text:level="1" style:num-format="1" style:num-suffix="."/></text:list-style>'
    body = (
        "<text:tracked-changes><text:changed-region><text:p>gone</text:p></text:changed-region></text:tracked-changes>"
        '<text:h text:outline-level="1">Scope</text:h><text:p>All<text:s text:c="999999999"/>sites<text:note text:note-class="footnote">'
        "<text:note-citation>1</text:note-citation><text:note-body><text:p>Proof.</text:p></text:note-body></text:note>.</text:p>"
        '<text:list text:style-name="L1"><text:list-item><text:p>one</text:p></text:list-item><text:list-item><text:p>two</text:p></text:list-item></text:list>'
        "<table:table><table:table-header-rows><table:table-row><table:table-cell><text:p>Part</text:p></table:table-cell><table:table-cell><text:p>Use</text:p></table:table-cell></table:table-row></table:table-header-rows>"
        '<table:table-row table:number-rows-repeated="999999999"><table:table-cell table:number-columns-repeated="999999999"/></table:table-row>'
        "<table:table-row><table:table-cell><text:p>Seal</text:p></table:table-cell><table:table-cell><text:p>tight</text:p></table:table-cell></table:table-row></table:table>"
        "<text:p><draw:frame><draw:text-box><text:p>Boxed</text:p></draw:text-box><svg:title>alt</svg:title></draw:frame></text:p>"
    )
    assert kinds(read(odt(body, styles), "x.odt")) == [
        ("heading", "Scope"), ("paragraph", "All sites."), ("paragraph", "Proof."), ("list_item", "1. one"), ("list_item", "2. two"),
        ("table_header", "Part | Use"), ("table_row", "Seal | tight"), ("paragraph", "Boxed"),
    ]  # fmt: skip


def test_odp_reads_slides_as_pages_from_top_to_bottom_with_notes() -> None:
    def frame(text: str, y: str, kind: str = "") -> str:
        shown = f'presentation:class="{kind}"' if kind else ""
        return f'<draw:frame svg:x="1cm" svg:y="{y}" {shown}><draw:text-box><text:p>{text}</text:p></draw:text-box></draw:frame>'

    body = f"<draw:page>{frame('low', '9cm')}{frame('high', '30mm')}{frame('7', '20cm', 'page-number')}{frame('Pumps', '1cm', 'title')}<presentation:notes>{frame('Slowly.', '1cm', 'notes')}</presentation:notes></draw:page><draw:page>{frame('Bare', '1cm')}</draw:page>"
    parsed = read(odf("presentation", body), "x.odp")
    assert [(block.page, block.kind, block.text, block.place) for block in parsed.blocks] == [
        (1, "heading", "Pumps", ""), (1, "paragraph", "high", ""), (1, "paragraph", "low", ""), (1, "paragraph", "Slowly.", "notes of slide 1"),
        (2, "heading", "Slide 2", ""), (2, "paragraph", "Bare", ""),
    ]  # fmt: skip


def test_ods_tells_texts_as_shown_and_bounds_repeated_cells() -> None:
    def cell(text: str, extra: str = "") -> str:
        return f"<table:table-cell {extra}><text:p>{text}</text:p></table:table-cell>"

    repeated = 'table:number-columns-repeated="900000000"'
    body = (
        f'<table:table table:name="Prices"><table:table-row>{cell("Part")}{cell("Price")}</table:table-row><table:table-row>{cell("Seal")}{cell("4,00 €")}</table:table-row>'
        '<table:table-row table:number-rows-repeated="1048000"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
        f'<table:table-row table:number-rows-repeated="1000000000">{cell("end", repeated)}</table:table-row></table:table>'
    )
    parsed = read(odf("spreadsheet", body), "x.ods")
    assert [(block.kind, block.text, block.place) for block in parsed.blocks[:3]] == [
        ("heading", "Prices", ""), ("table_header", "Part | Price", "Prices!A1:B1"), ("table_row", "Seal | 4,00 €", "Prices!A2:B2"),
    ]  # fmt: skip
    assert sum(len(block.text.split()) for block in parsed.blocks) < 30_000


# RTF


def rtf(body: str, head: str = r"\ansi\ansicpg1252") -> Parsed:
    return read(("{\\rtf1" + head + " " + body + "}").encode("latin-1"), "x.rtf")


def test_rtf_keeps_headings_paragraphs_lists_and_tables() -> None:
    head = r"\ansi{\stylesheet{\s0 Normal;}{\s1\b heading 1;}}{\info{\title Pump rules}{\author Ada}{\creatim\yr2024\mo3\dy1}}"
    body = (
        r"\pard\s1 Scope\par\pard All sites{\footnote\pard Proof.}.\par{\listtext\pard 1.\tab}\pard first\par{\listtext\'b7\tab}dot\par"
        r"\trowd\trhdr\cellx1\pard\intbl Part\cell Use\cell\row\trowd\cellx1\pard\intbl Seal\cell tight\cell\row\pard After{\v hidden}{\deleted gone}\par"
    )
    parsed = rtf(body, head)
    assert kinds(parsed) == [
        ("heading", "Scope"), ("paragraph", "All sites."), ("paragraph", "Proof."), ("list_item", "1. first"), ("list_item", "dot"),
        ("table_header", "Part | Use"), ("table_row", "Seal | tight"), ("paragraph", "After"),
    ]  # fmt: skip
    assert (parsed.title, parsed.metadata) == ("Pump rules", {"author": "Ada", "date": "2024-03-01"})
    assert placed(parsed, "Proof.").place == "footnote 1"


@pytest.mark.parametrize(
    ("body", "head", "text"),
    [
        (r"Pr\'fcfung", r"\ansi\ansicpg1252", "Prüfung"),
        (r"\'cf\'f0\'e8\'e2\'e5\'f2", r"\ansi\ansicpg1251", "Привет"),
        (r"{\f1 \'93\'fa\'96\'7b}", r"\ansi\ansicpg1252{\fonttbl{\f0 Arial;}{\f1\fcharset128 MS Mincho;}}", "日本"),
        (r"\u1055?\u1088?", r"\ansi", "Пр"),
        (r"\uc2\u8364 ab!", r"\ansi", "€!"),
        (r"\u-10179?\u-8704?", r"\ansi", "\U0001f600"),
        (r"a\~b\endash c\{d\}\line e", r"\ansi", "a b–c{d} e"),
        (r'{\field{\*\fldinst HYPERLINK "http://x"}{\fldrslt the link}}', r"\ansi", "the link"),
        (r"{\pict 89504e47}{\*\unknown gone}{\header Head\par}shown", r"\ansi", "shown"),
    ],
)
def test_rtf_characters_are_read_in_their_code_page(body: str, head: str, text: str) -> None:
    assert kinds(rtf(body + r"\par", head)) == [("paragraph", text)]


@pytest.mark.parametrize("body", ["{" * 200_000, "\\" * 200_001, r"\bin999999999 x", r"{\field{\*\fldinst HYPERLINK " * 20_000, r"\'" * 100_000, "}" * 100_000])  # fmt: skip
def test_rtf_hostile_files_take_no_longer_than_their_length(body: str) -> None:
    begun = time.monotonic()
    with contextlib.suppress(FileRejected):
        rtf(r"text\par " + body)
    assert time.monotonic() - begun < 5


def test_rtf_that_is_cut_off_is_read_with_a_warning() -> None:
    parsed = read(rb"{\rtf1\ansi whole\par {\b half", "x.rtf")
    assert kinds(parsed) == [("paragraph", "whole"), ("paragraph", "half")]
    assert parsed.warnings
