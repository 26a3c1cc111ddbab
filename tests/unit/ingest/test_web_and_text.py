"""Web pages, feeds, books and texts: everything a reader sees is kept once, and hostile files are refused or read at once."""

from __future__ import annotations

import io
import time
import zipfile

import pytest

from citewell.core.errors import FileBroken, FileEncrypted, FileRejected, FileTooLarge, FileUnsafe
from citewell.core.sentences import sentence_spans
from citewell.ingest.normalise import compose_document
from citewell.ingest.parsed import Parsed, Reading
from citewell.ingest.parsers import parse

CONTAINER = '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles><rootfile full-path="OPS/b.opf"/></rootfiles></container>'


def read(data: bytes | str, name: str, **settings: int) -> Parsed:
    return parse(data.encode() if isinstance(data, str) else data, Reading(name, **settings))


def told(data: bytes | str, name: str) -> list[tuple[str, str]]:
    """Kind and text of each block that holds text."""
    document = compose_document(read(data, name), source="s", path=name)
    return [(b.kind, document.text[b.start_char : b.end_char]) for b in document.blocks]


def places(data: str, name: str) -> list[str]:
    return [block.place for block in read(data, name).blocks]


def epub(
    chapters: dict[str, str], *, spine: list[str] | None = None, more: dict[str, str] | None = None, whole: bool = False
) -> bytes:
    items = "".join(
        f'<item id="{name}" href="{name}.xhtml" media-type="application/xhtml+xml" properties="{name if name == "nav" else ""}"/>'
        for name in chapters
    )
    refs = "".join(f'<itemref idref="{name}"/>' for name in spine or list(chapters))
    opf = (
        '<package xmlns="http://www.idpf.org/2007/opf"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title>The Book</dc:title>'
        "<dc:creator>Ann Author</dc:creator><dc:language>de-AT</dc:language><dc:date>2020-05-06T00:00:00Z</dc:date></metadata>"
        f"<manifest>{items}</manifest><spine>{refs}</spine></package>"
    )
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/epub+zip", zipfile.ZIP_STORED)
        archive.writestr("META-INF/container.xml", CONTAINER)
        archive.writestr("OPS/b.opf", opf)
        for name, body in chapters.items():
            archive.writestr(
                f"OPS/{name}.xhtml",
                body
                if whole
                else f'<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops"><head><title/></head><body>{body}</body></html>',
            )
        for name, text in (more or {}).items():
            archive.writestr(name, text)
    return stream.getvalue()


def test_a_small_page_comes_out_whole() -> None:
    page = "<h1>Notes</h1>Loose text.<div>First<br>line</div><p>H<sub>2</sub>O</p><a href='x'><div>A link.</div></a><blockquote>Said <p>twice.</p></blockquote>After."
    assert told(page, "x.html") == [
        ("heading", "Notes"), ("paragraph", "Loose text."), ("paragraph", "First line"), ("paragraph", "H2O"), ("paragraph", "A link."),
        ("paragraph", "Said"), ("paragraph", "twice."), ("paragraph", "After."),
    ]  # fmt: skip


def test_the_furniture_of_a_page_is_left_out_and_its_text_is_not() -> None:
    links = "".join(f"<li><a href='/{n}'>Topic number {n} of the site</a></li>" for n in range(30))
    text = "".join(
        f"<p>Paragraph {n} says that valve {n} is opened by hand and closed by the spring.</p>" for n in range(12)
    )
    table = "<table><tr><th>Valve</th><th>Bar</th></tr><tr><td><a href='/v'>V-1</a></td><td>16</td></tr></table>"
    page = (
        f"<html><body><header><a href='/'>Acme home</a></header><div class='sidebar'><ul>{links}</ul></div><div id='content'><h1>Valves</h1>{text}{table}"
        f"</div><aside>Read our newsletter</aside><footer>Imprint</footer></body></html>"
    )
    blocks = told(page, "x.html")
    assert blocks[0] == ("heading", "Valves")
    assert blocks[-2:] == [("table_header", "Valve | Bar"), ("table_row", "V-1 | 16")]
    assert len(blocks) == 1 + 12 + 2


def test_a_page_of_nothing_but_navigation_is_still_read() -> None:
    assert told("<html><body><nav><ul><li>Only this</li></ul></nav></body></html>", "x.html") == [
        ("list_item", "Only this")
    ]


def test_a_header_within_the_main_content_belongs_to_it() -> None:
    page = "<body><header><h1>Title</h1><nav>Menu</nav></header><article><header><p>By Ann</p></header><p>Text.</p><footer>Note.</footer></article></body>"
    assert [text for _, text in told(page, "x.html")] == ["Title", "By Ann", "Text.", "Note."]


def test_hidden_parts_of_a_page_are_left_out() -> None:
    page = (
        "<p>Seen</p><p hidden>no</p><p style='color:red; display: none'>no</p><template>no</template><script>no()</script><style>no{}</style>"
        "<p style='display:nonesuch'>Seen too</p><noscript>no</noscript><dialog>no</dialog><!-- no --><input type='hidden' value='no'><input value='typed'>"
    )
    assert [text for _, text in told(page, "x.html")] == ["Seen", "Seen too", "typed"]


def test_nested_and_defining_lists_say_everything_once() -> None:
    page = (
        "<ul><li>a<ul><li>b<pre>\n    x\n      y\n</pre></li></ul>c</li></ul><dl><dt>Term<dd>one<dd>two<dt>Alone</dl>"
    )
    assert told(page, "x.html") == [
        ("list_item", "a"), ("list_item", "b"), ("code", "x\n  y"), ("list_item", "c"), ("list_item", "Term: one"), ("list_item", "two"),
        ("list_item", "Alone"),
    ]  # fmt: skip


def test_tables_keep_captions_headers_and_the_text_of_merged_cells_once() -> None:
    page = (
        "<table><caption>Prices</caption><thead><tr><th>Part<th>Price</thead><tr><td rowspan=65000 colspan=99999999>Seal<td>4<tr><td>5</table>"
        "<table><tr><th>Year<th>Month<tr><th rowspan=2>2025<tr><td>May</table><table><tr><td>a<td>b<tr><td>c<td>d</table>"
    )
    assert told(page, "x.html") == [
        ("paragraph", "Prices"), ("table_header", "Part | Price"), ("table_row", "Seal | 4"), ("table_row", "5"),
        ("table_header", "Year | Month"), ("table_row", "2025"), ("table_row", "May"), ("table_header", "a | b"), ("table_row", "c | d"),
    ]  # fmt: skip


def test_a_table_in_a_cell_is_part_of_the_cell() -> None:
    page = "<table><tr><th>A<th>B<tr><td>x<td><table><tr><td>1<td>2<tr><td>3<td><ul><li>4<li>5</ul></table><tr><td>y<td>z</table>"
    assert told(page, "x.html") == [("table_header", "A | B"), ("table_row", "x | 1, 2; 3, 4; 5"), ("table_row", "y | z")]  # fmt: skip


def test_a_table_that_lays_out_a_page_is_no_table() -> None:
    long = "A sentence of the page that is long enough. " * 20
    page = f"<table><tr><td>Menu</td><td><h1>Title</h1><p>{long}</p><table><tr><td>n<td>1</table></td></tr></table><table><tr><td>One column</table>"
    assert [kind for kind, _ in told(page, "x.html")] == ["paragraph", "heading", "paragraph", "table_row", "paragraph"]


def test_a_page_says_its_title_language_author_date_and_encoding() -> None:
    page = (
        "<html lang='de-CH'><head><meta charset='iso-8859-1'><title>Über  uns</title><meta name=author content='Ann B.'>"
        "<meta property='article:published_time' content='2023-04-05T10:00:00Z'><meta name=date content=soon></head><body><p>Größe “x”</p></body></html>"
    )
    parsed = read(page.encode("cp1252"), "x.html")
    assert (parsed.title, parsed.language) == ("Über uns", "de")
    assert parsed.metadata == {"author": "Ann B.", "date": "2023-04-05"}
    assert parsed.blocks[0].text == "Größe “x”"


@pytest.mark.parametrize("encoding", ["utf-16", "unknown-9", "utf-8"])
def test_an_encoding_that_cannot_be_is_not_believed(encoding: str) -> None:
    page = f"<html><head><meta charset='{encoding}'></head><body>Zürich</body></html>"
    assert read(page.encode(), "x.html").blocks[0].text == "Zürich"


def test_formulas_of_a_page_are_kept_as_their_source() -> None:
    page = "<p>Energy <math><semantics><mrow>E</mrow><annotation encoding='application/x-tex'>E=mc^2</annotation></semantics></math> holds.</p>"
    assert told(page, "x.html") == [("paragraph", "Energy E=mc^2 holds.")]


def test_deep_pages_are_read_and_bottomless_ones_refused() -> None:
    assert told("<div>" * 1500 + "deep" + "</div>" * 1500 + "after", "x.html") == [
        ("paragraph", "deep"),
        ("paragraph", "after"),
    ]
    with pytest.raises(FileBroken, match="deeply"):
        read("<div>" * 100_000 + "deep", "x.html")


def test_a_feed_gives_each_item_a_heading_and_its_html_as_text() -> None:
    feed = (
        "<rss version='2.0' xmlns:c='http://purl.org/rss/1.0/modules/content/'><channel><title>News</title><language>en-us</language>"
        "<item><title>One &amp;amp; only</title><description>&lt;p&gt;Short text&lt;/p&gt;</description>"
        "<c:encoded><![CDATA[<p>Short text and more.</p><ul><li>point</li></ul>]]></c:encoded><pubDate>Mon, 09 Dec 2024 20:26:59 +0000</pubDate></item>"
        "<item><title>Two</title><description>Plain words</description></item></channel></rss>"
    )
    parsed = read(feed, "x.rss")
    assert (parsed.title, parsed.language) == ("News", "en")
    assert told(feed, "x.rss") == [
        ("heading", "News"), ("heading", "One & only"), ("paragraph", "Mon, 09 Dec 2024 20:26:59 +0000"), ("paragraph", "Short text and more."),
        ("list_item", "point"), ("heading", "Two"), ("paragraph", "Plain words"),
    ]  # fmt: skip
    assert [b.place for b in parsed.blocks if b.text == "Two"] == ["item 2"]


def test_an_atom_feed_is_read_with_its_people() -> None:
    feed = (
        '<feed xmlns="http://www.w3.org/2005/Atom"><title>Log</title><updated>2024-02-03T00:00:00Z</updated><entry><title>First</title>'
        '<author><name>Ann</name><uri>http://x</uri></author><content type="xhtml"><div xmlns="http://www.w3.org/1999/xhtml"><p>Body <b>text</b>.</p></div></content></entry></feed>'
    )
    assert read(feed, "x.atom").metadata == {"date": "2024-02-03"}
    assert [text for _, text in told(feed, "x.atom")] == ["Log", "First", "Ann", "Body text."]


def test_other_xml_gives_records_as_rows_and_texts_by_element() -> None:
    xml = (
        "<?xml version='1.0'?><!DOCTYPE doc [<!ENTITY co 'Acme Ltd'>]><doc><section><title>Parts</title><para>Made by &co; in <b>one</b> place.</para></section>"
        "<list><part id='1'><name>Seal</name><price>4</price></part><part id='2'><name>Nut</name><price>1</price></part></list><note a='1' b='2'/></doc>"
    )
    assert told(xml, "x.xml") == [
        ("heading", "Parts"), ("paragraph", "Made by Acme Ltd in one place."), ("table_header", "id | name | price"),
        ("table_row", "1 | Seal | 4"), ("table_row", "2 | Nut | 1"), ("paragraph", "a: 1; b: 2"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "declared",
    [
        '<!ENTITY x SYSTEM "file:///etc/passwd">',
        '<!ENTITY a "lol"><!ENTITY x "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">',
        '<!ENTITY x "' + "y" * 1000 + '">',
        '<!ENTITY % p SYSTEM "http://127.0.0.1/x.dtd"> %p; <!ENTITY x "y">',
    ],
)
def test_entities_that_reach_out_or_unpack_are_unsafe(declared: str) -> None:
    with pytest.raises(FileUnsafe):
        read(f"<?xml version='1.0'?><!DOCTYPE d [{declared}]><d>&x;</d>", "x.xml")


def test_a_short_entity_used_too_often_is_unsafe() -> None:
    long, uses = "y" * 400, "&x;" * 1000
    with pytest.raises(FileUnsafe):
        read(f"<?xml version='1.0'?><!DOCTYPE d [<!ENTITY x '{long}'>]><d>{uses}</d>", "x.xml", max_unpacked_bytes=100_000)  # fmt: skip


@pytest.mark.parametrize("xml", ["<?xml version='1.0'?><a><b>cut", "<?xml version='1.0'?>" + "<a>" * 100_000])
def test_damaged_xml_says_so(xml: str) -> None:
    with pytest.raises(FileBroken):
        read(xml, "x.xml")


def test_a_book_is_read_in_the_order_of_its_spine_without_its_contents() -> None:
    data = epub(
        {"two": "<h1>Two</h1><p>b&nbsp;c<a id='n'/> &eacute;</p><aside epub:type='footnote'>Note.</aside>", "one": "<p>a</p>", "nav": "<nav epub:type='toc'>Contents</nav>"},
        spine=["nav", "one", "two", "missing"],
    )  # fmt: skip
    parsed = read(data, "x.epub")
    assert (parsed.title, parsed.language) == ("The Book", "de")
    assert parsed.metadata == {"author": "Ann Author", "date": "2020-05-06"}
    assert [(b.text, b.place, b.page) for b in parsed.blocks] == [
        ("a", "chapter 1", None), ("Two", "chapter 2", None), ("b c é", "chapter 2", None), ("Note.", "chapter 2", None),
    ]  # fmt: skip


def encryption(path: str) -> dict[str, str]:
    return {
        "META-INF/encryption.xml": f'<encryption><EncryptedData><CipherReference URI="{path}"/></EncryptedData></encryption>'
    }


def test_a_book_whose_text_is_encrypted_is_refused_and_one_with_encrypted_fonts_is_read() -> None:
    assert read(epub({"one": "<p>a</p>"}, more=encryption("OPS/f.otf")), "x.epub").blocks[0].text == "a"
    with pytest.raises(FileEncrypted):
        read(epub({"one": "<p>a</p>"}, more=encryption("OPS/one.xhtml")), "x.epub")


def test_a_book_that_unpacks_too_far_or_declares_entities_is_refused() -> None:
    with pytest.raises(FileTooLarge):
        read(epub({"one": "<p>" + "a" * 2_000_000 + "</p>"}), "x.epub", max_unpacked_bytes=1_000_000)
    harmful = '<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd">]><html><body>&x;</body></html>'
    with pytest.raises(FileUnsafe, match="entities"):
        read(epub({"one": harmful}, whole=True), "x.epub")


def test_markdown_says_header_rows_places_and_html() -> None:
    text = "---\ntitle: T\n---\n# H\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nText[^n]\nmore ![alt words](x.png)\n\n[^n]: Note\n\n- [x] done \\*\n\n<table><tr><th>k</th><th>v</th></tr><tr><td>1</td><td>2</td></tr></table>\n"
    assert told(text, "x.md") == [
        ("heading", "H"), ("table_header", "a | b"), ("table_row", "1 | 2"), ("paragraph", "Text[^n] more alt words"), ("paragraph", "[^n]: Note"),
        ("list_item", "[x] done *"), ("table_header", "k | v"), ("table_row", "1 | 2"),
    ]  # fmt: skip
    assert places(text, "x.md")[:4] == ["line 4", "line 6", "line 8", "lines 10-11"]


def test_deeply_nested_markdown_lists_lose_nothing() -> None:
    text = "".join("  " * depth + f"- item{depth}\n" for depth in range(25))
    assert [text for _, text in told(text, "x.md")] == [f"item{depth}" for depth in range(25)]


def test_plain_text_joins_divided_words_unless_the_hyphen_is_theirs() -> None:
    text = "An exam-\nple of a well-\nknown thing, well-known, pre-\nand postwar, Anglo-\nSaxon.\n"
    assert told(text, "x.txt") == [("paragraph", "An example of a well-known thing, well-known, pre- and postwar, Anglo- Saxon.")]  # fmt: skip


def test_plain_text_marks_header_rows_and_lines() -> None:
    text = "Part     Price    Stock\nSeal     4.00     12\nNut      1.00     7\n\nA paragraph\nof two lines.\n\n+-----+-----+\n| k   | v   |\n+-----+-----+\n| one | two |\n+-----+-----+\n\fLast page.\n"
    assert told(text, "x.txt") == [
        ("table_header", "Part | Price | Stock"), ("table_row", "Seal | 4.00 | 12"), ("table_row", "Nut | 1.00 | 7"),
        ("paragraph", "A paragraph of two lines."), ("table_header", "k | v"), ("table_row", "one | two"), ("paragraph", "Last page."),
    ]  # fmt: skip
    assert places(text, "x.txt") == ["line 1", "line 2", "line 3", "lines 5-6", "line 9", "line 11", "line 13"]


def test_restructured_text_keeps_what_directives_say_and_reads_no_file() -> None:
    text = (
        "T\n=\n\n:Author: Ann\n\nSee :ref:`the part <x>`.\n\n.. include:: /etc/passwd\n\n.. versionadded:: 1.2\n   New *thing*.\n\n.. note:: Careful.\n\n"
        ".. raw:: html\n\n   <b>bold</b>\n\nS\n-\n\n.. code:: python\n\n   x = 1\n\n=== ===\nk   v\n=== ===\n1   2\n=== ===\n\nTerm\n   Meaning.\n"
    )
    assert told(text, "x.rst") == [
        ("heading", "T"), ("paragraph", "Author: Ann"), ("paragraph", "See the part."), ("paragraph", "1.2"), ("paragraph", "New thing."),
        ("paragraph", "Careful."), ("paragraph", "bold"), ("heading", "S"), ("code", "x = 1"), ("table_header", "k | v"), ("table_row", "1 | 2"),
        ("list_item", "Term: Meaning."),
    ]  # fmt: skip
    assert read(text, "x.rst").metadata == {"author": "Ann"}


def test_asciidoc_keeps_lists_tables_and_captions_without_marks() -> None:
    text = (
        ":author: Ann\n= Title\n\nA *bold* https://x.org[link] and `code`.\n// no\n\n.Caption\n[%header,cols=2]\n|===\n|k|v\n\n|1\n|2\n|===\n\n* one\n** two\n\nterm:: meaning\n\n"
        "[source]\n----\nx = *1*\n----\n\n|===\n^h| Code ^h| Name\n| s | Strong\n|===\n\ninclude::other.adoc[]\n"
    )
    assert told(text, "x.adoc") == [
        ("heading", "Title"), ("paragraph", "A bold link and code."), ("paragraph", "Caption"), ("table_header", "k | v"), ("table_row", "1 | 2"),
        ("list_item", "one"), ("list_item", "two"), ("list_item", "term: meaning"), ("code", "x = *1*"), ("table_header", "Code | Name"),
        ("table_row", "s | Strong"),
    ]  # fmt: skip


def test_latex_keeps_the_text_of_commands_and_the_source_of_formulas() -> None:
    text = (
        "\\documentclass{article}\\usepackage{x}\n\\newcommand{\\a}{no}\\title{A \\emph{Title}}\\author{Ann}\n\\begin{document}\\maketitle\n"
        "\\section{First\\label{s}} Caf\\'e costs 5\\% of $a_1$. % no\n\\begin{table}\\begin{tabular}{lr}\\hline k & v \\\\ \\hline 1 & \\textbf{2} \\\\ 3 & 4\\end{tabular}\\caption{Values}\\end{table}\n"
        "\\begin{itemize}\\item one \\item two\\footnote{a note}\\end{itemize}\n\\begin{verbatim}\nx % y\n\\end{verbatim}\n\\[ a+b \\]\n\\end{document} no"
    )
    assert told(text, "x.tex") == [
        ("heading", "A Title"), ("paragraph", "Ann"), ("heading", "First"), ("paragraph", "Café costs 5% of $a_1$."), ("paragraph", "Values"),
        ("table_header", "k | v"), ("table_row", "1 | 2"), ("table_row", "3 | 4"), ("list_item", "one"), ("list_item", "two (a note)"),
        ("code", "x % y"), ("paragraph", "a+b"),
    ]  # fmt: skip


def test_code_is_split_at_definitions_with_the_comments_above_them() -> None:
    text = '"""What it does."""\n\nimport re\n\n\n# Adds.\n@cache\ndef add(a, b):\n    """Sums."""\n\n    return a + b\n\n\nclass C:\n    x = """\ndef no\n"""\n'
    parsed = read(text, "pkg/sums.py")
    assert parsed.title == "sums.py"
    assert [(b.kind, b.place) for b in parsed.blocks] == [
        ("code", "lines 1-3"),
        ("code", "lines 6-11"),
        ("code", "lines 14-17"),
    ]
    assert parsed.blocks[1].text.startswith("# Adds.\n@cache\ndef add")


def test_no_line_of_code_is_lost_or_said_twice() -> None:
    text = "".join(f"line{n} = {n}\n" + ("\n" if n % 7 == 0 else "") for n in range(1000)) + "int main(void)\n{\n}\n"
    lines = [line for b in read(text, "x.c").blocks for line in b.text.split("\n") if line]
    assert lines == [line for line in text.split("\n") if line]


@pytest.mark.parametrize(
    ("data", "name"),
    [
        ("<div>" + "<!--" * 100_000, "x.html"),
        ("<p>x" + "<table><tr><td>" * 500 + "y", "x.html"),
        ("<br>" * 200_000, "x.html"),
        ("<dl>" + "<dt>a" * 50_000, "x.html"),
        ("<li>" * 100_000, "x.md"),
        (">" * 20_000 + " deep", "x.md"),
        ("*a" * 100_000, "x.adoc"),
        ("image:" * 50_000, "x.adoc"),
        ("|===\n" + "|" * 100_000, "x.adoc"),
        ("\\footnote{" * 50_000, "x.tex"),
        ("~" * 200_000 + "x", "x.tex"),
        ("\\begin{tabular}" * 20_000, "x.tex"),
        ("$a\n" * 50_000, "x.tex"),
        ("ab-\n" * 50_000, "x.txt"),
        ("a" + "-" * 100_000 + "   " * 50_000 + "\n" + "|" * 100_000, "x.txt"),
        ("# comment\n" * 50_000, "x.py"),
        ("a b " * 50_000, "x.c"),
        ("{" * 100_000, "x.tex"),
    ],
)
def test_hostile_files_take_no_longer_than_their_length(data: str, name: str) -> None:
    start = time.perf_counter()
    try:
        text = compose_document(read(data, name), source="s", path=name).text
        sentence_spans(text)
    except FileRejected:
        pass
    assert time.perf_counter() - start < 10
