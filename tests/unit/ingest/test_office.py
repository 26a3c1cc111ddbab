"""Office formats keep what a reader sees, once and in its place; hostile packages are refused by name."""

from __future__ import annotations

import io
import time
import zipfile
from collections.abc import Mapping

import docx
import pptx
import pytest
import xlsxwriter
from docx.oxml import parse_xml
from made_office import ODF, STRICT, W, kinds, odt, package, placed, read
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.util import Inches

from citewell.core.errors import FileBroken, FileEncrypted, FileRejected, FileTooLarge, FileUnsafe
from citewell.ingest.parsed import Reading


def word(body: str, *, space: str = W, **parts: str) -> bytes:
    """A Word file of one body and other parts of the folder `word`."""
    names = {"styles": "styles", "numbering": "numbering", "footnotes": "footnotes", "comments": "comments", "header": "header1"}  # fmt: skip
    links = "".join(f'<Relationship Id="r{n}" Type="http://x/{kind}" Target="{names[kind]}.xml"/>' for n, kind in enumerate(parts))  # fmt: skip
    root = f'<w:document xmlns:w="{space}" xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math" xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006" xmlns:v="urn:schemas-microsoft-com:vml" xmlns:wps="urn:wps"><w:body>{body}</w:body></w:document>'
    return package({
        "[Content_Types].xml": "<Types/>",
        "word/document.xml": root,
        "word/_rels/document.xml.rels": f"<Relationships>{links}</Relationships>",
        **{f"word/{names[kind]}.xml": f'<w:{kind} xmlns:w="{space}">{part}</w:{kind}>' for kind, part in parts.items()},
    })  # fmt: skip


def p(text: str, settings: str = "") -> str:
    return f"<w:p><w:pPr>{settings}</w:pPr><w:r><w:t>{text}</w:t></w:r></w:p>"


def styled(text: str, style: str) -> str:
    return p(text, f'<w:pStyle w:val="{style}"/>')


def style(key: str, name: str, inner: str = "") -> str:
    return f'<w:style w:type="paragraph" w:styleId="{key}"><w:name w:val="{name}"/>{inner}</w:style>'


# Word


def test_docx_keeps_headings_lists_and_tables_in_order() -> None:
    source = docx.Document()
    source.add_heading("Rules", 0)
    source.add_heading("Scope", 1)
    source.add_paragraph("All sites.")
    source.add_paragraph("one", style="List Bullet")
    source.add_paragraph("first", style="List Number")
    source.add_paragraph("second", style="List Number")
    table = source.add_table(rows=3, cols=2)
    for line, cells in zip(table.rows, [("Limit", "Value"), ("Speed", "40"), ("Load", "12")], strict=True):
        line.cells[0].text, line.cells[1].text = cells
    source.core_properties.author, source.core_properties.keywords = "A. Writer", "speed, load"
    stream = io.BytesIO()
    source.save(stream)
    parsed = read(stream.getvalue(), "x.docx")
    assert kinds(parsed) == [
        ("heading", "Rules"), ("heading", "Scope"), ("paragraph", "All sites."), ("list_item", "one"), ("list_item", "1. first"),
        ("list_item", "2. second"), ("table_header", "Limit | Value"), ("table_row", "Speed | 40"), ("table_row", "Load | 12"),
    ]  # fmt: skip
    assert [block.level for block in parsed.blocks[:2]] == [1, 2]
    assert (parsed.title, parsed.metadata["author"], parsed.metadata["keywords"]) == ("Rules", "A. Writer", "speed, load")  # fmt: skip
    assert parsed.metadata["date"] == "2013-12-23"


def test_docx_headings_are_told_by_localised_names_outline_levels_and_styles_based_on_them() -> None:
    styles = (
        style("a", "Überschrift 2") + style("b", "Own", '<w:basedOn w:val="a"/>') + style("t", "Titre")
        + style("o", "Deep", '<w:pPr><w:outlineLvl w:val="2"/></w:pPr>') + style("loop", "Loop", '<w:basedOn w:val="loop"/>')
        + style("n", "Calm", '<w:basedOn w:val="a"/><w:pPr><w:outlineLvl w:val="9"/></w:pPr>')
    )  # fmt: skip
    body = "".join(styled(f"text {key}", key) for key in ("a", "b", "t", "o", "loop", "n")) + p("own", '<w:outlineLvl w:val="0"/>')  # fmt: skip
    levels = {block.text: block.level for block in read(word(body, styles=styles), "x.docx").blocks}
    assert levels == {"text a": 3, "text b": 3, "text t": 1, "text o": 4, "text loop": 0, "text n": 0, "own": 2}


def test_docx_of_the_strict_variant_is_read_like_the_other() -> None:
    styles = style("h", "heading 1")
    body = styled("Scope", "h") + "<w:tbl><w:tr><w:tc>" + p("a") + "</w:tc><w:tc>" + p("b") + "</w:tc></w:tr></w:tbl>"
    expected = [("heading", "Scope"), ("table_row", "a | b")]
    assert kinds(read(word(body, space=STRICT, styles=styles), "x.docx")) == expected
    assert kinds(read(word(body, styles=styles), "x.docx")) == expected


def test_docx_numbers_count_over_levels_and_restart_beneath() -> None:
    numbering = (
        '<w:abstractNum w:abstractNumId="7"><w:lvl w:ilvl="0"><w:start w:val="1"/><w:numFmt w:val="decimal"/><w:lvlText w:val="%1."/></w:lvl>'
        '<w:lvl w:ilvl="1"><w:start w:val="1"/><w:numFmt w:val="lowerLetter"/><w:lvlText w:val="%1.%2)"/></w:lvl></w:abstractNum>'
        '<w:num w:numId="3"><w:abstractNumId w:val="7"/></w:num>'
    )
    at = "<w:numPr><w:ilvl w:val='{}'/><w:numId w:val='3'/></w:numPr>"
    body = "".join(p(text, at.format(level)) for text, level in [("A", 0), ("B", 1), ("C", 1), ("D", 0), ("E", 1)])
    texts = [text for kind, text in kinds(read(word(body, numbering=numbering), "x.docx")) if kind == "list_item"]
    assert texts == ["1. A", "1.a) B", "1.b) C", "2. D", "2.a) E"]


def test_docx_tracked_insertions_are_read_and_deletions_hidden_text_and_field_codes_are_not() -> None:
    body = (
        "<w:p><w:r><w:t>kept </w:t></w:r><w:ins><w:r><w:t>inserted </w:t></w:r></w:ins><w:del><w:r><w:delText>deleted</w:delText></w:r></w:del>"
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>hidden</w:t></w:r><w:r><w:instrText>HYPERLINK x</w:instrText></w:r>"
        "<w:hyperlink><w:r><w:t>link</w:t></w:r></w:hyperlink></w:p>"
    )
    assert kinds(read(word(body), "x.docx")) == [("paragraph", "kept inserted link")]


def test_docx_text_boxes_are_told_once_though_stored_twice() -> None:
    box = f"<w:txbxContent>{p('In the box')}</w:txbxContent>"
    body = f"<w:p><w:r><w:t>Beside</w:t></w:r><w:r><mc:AlternateContent><mc:Choice><wps:wsp><wps:txbx>{box}</wps:txbx></wps:wsp></mc:Choice><mc:Fallback><w:pict><v:textbox>{box}</v:textbox></w:pict></mc:Fallback></mc:AlternateContent></w:r></w:p>"
    assert kinds(read(word(body), "x.docx")) == [("paragraph", "Beside"), ("paragraph", "In the box")]


def test_docx_notes_and_comments_follow_their_paragraph_with_a_place() -> None:
    body = (
        '<w:p><w:r><w:t>Claim.</w:t></w:r><w:r><w:footnoteReference w:id="2"/></w:r><w:r><w:commentReference w:id="0"/></w:r></w:p>'
        + p("Next.")
    )
    notes = f'<w:footnote w:id="-1" w:type="separator">{p("rule")}</w:footnote><w:footnote w:id="2">{p("Proof.")}</w:footnote>'
    comments = f'<w:comment w:id="0" w:author="Ada">{p("Check this.")}</w:comment>'
    parsed = read(word(body, footnotes=notes, comments=comments), "x.docx")
    assert [(block.text, block.place) for block in parsed.blocks] == [
        ("Claim.", ""), ("Proof.", "footnote 1"), ("Check this.", "comment by Ada"), ("Next.", ""),
    ]  # fmt: skip


def test_docx_merged_cells_are_told_once_and_nested_tables_within_their_cell() -> None:
    def cell(inner: str, settings: str = "") -> str:
        return f"<w:tc><w:tcPr>{settings}</w:tcPr>{inner}</w:tc>"

    begins, spans = '<w:vMerge w:val="restart"/>', '<w:gridSpan w:val="50000000"/>'
    inner = f"<w:tbl><w:tr>{cell(p('x'))}{cell(p('y'))}</w:tr><w:tr>{cell(p('1'))}{cell(p('2'))}</w:tr></w:tbl>"
    body = (
        f"<w:tbl><w:tr><w:trPr><w:tblHeader/></w:trPr>{cell(p('Name'))}{cell(p('What'))}</w:tr>"
        f"<w:tr>{cell(p('Long'), begins)}{cell(p('a'))}</w:tr><w:tr>{cell(p('Long'), '<w:vMerge/>')}{cell(inner)}</w:tr>"
        f"<w:tr>{cell(p('Wide'), spans)}</w:tr></w:tbl>"
    )
    assert kinds(read(word(body), "x.docx")) == [
        ("table_header", "Name | What"), ("table_row", "Long | a"), ("table_row", "| x, y; 1, 2"), ("table_row", "Wide"),
    ]  # fmt: skip


def test_docx_equations_read_as_a_line() -> None:
    r = "<m:r><m:t>{}</m:t></m:r>".format
    body = f"<w:p><w:r><w:t>So </w:t></w:r><m:oMath>{r('x=')}<m:f><m:num>{r('a+b')}</m:num><m:den>{r('c')}</m:den></m:f><m:sSup><m:e>{r('y')}</m:e><m:sup>{r('2')}</m:sup></m:sSup></m:oMath></w:p>"
    assert kinds(read(word(body), "x.docx")) == [("paragraph", "So x=(a+b)/cy^2")]


def test_docx_content_controls_are_read_and_running_heads_only_without_other_text() -> None:
    header = p("Acme handbook")
    control = f"<w:sdt><w:sdtPr/><w:sdtContent>{p('Inside')}</w:sdtContent></w:sdt>"
    assert kinds(read(word(control, header=header), "x.docx")) == [("paragraph", "Inside")]
    assert kinds(read(word("<w:p/>", header=header), "x.docx")) == [("paragraph", "Acme handbook")]


def test_docx_tables_of_contents_are_left_out() -> None:
    styles = style("toc1", "toc 1") + style("h", "heading 1")
    parsed = read(word(styled("Scope 3", "toc1") + styled("Scope", "h"), styles=styles), "x.docx")
    assert kinds(parsed) == [("heading", "Scope")]


def test_a_second_table_right_after_another_does_not_borrow_its_header() -> None:
    def table(*rows: str) -> str:
        lines = "".join("<w:tr>" + "".join(f"<w:tc>{p(cell)}</w:tc>" for cell in line.split()) + "</w:tr>" for line in rows)  # fmt: skip
        return f"<w:tbl>{lines}</w:tbl>"

    found = kinds(read(word(table("Part No", "Seal 4") + table("Alpha Beta", "gamma delta") + table("one two")), "x.docx"))  # fmt: skip
    assert [kind for kind, _ in found] == ["table_header", "table_row", "table_header", "table_row", "paragraph"]


# Hostile packages


@pytest.mark.parametrize(
    "prolog",
    [
        '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/hostname">]>',
        '<?xml version="1.0"?>\n<!-- a > b --><!DOCTYPE x [<!ENTITY e "ha"><!ENTITY f "&e;&e;&e;">]>',
        '<!DOCTYPE x SYSTEM "http://192.0.2.1/x.dtd">',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_part_that_declares_entities_is_refused(prolog: str, encoding: str) -> None:
    root = f'{prolog}<w:document xmlns:w="{W}"><w:body><w:p><w:r><w:t>text</w:t></w:r></w:p></w:body></w:document>'
    data = package({"[Content_Types].xml": "<Types/>", "word/document.xml": root.encode(encoding)})
    with pytest.raises(FileUnsafe):
        read(data, "x.docx")


@pytest.mark.parametrize(("name", "part"), [("ods", "spreadsheet"), ("odt", "text"), ("odp", "presentation")])
def test_an_opendocument_file_that_declares_entities_is_refused(name: str, part: str) -> None:
    content = f'<!DOCTYPE x [<!ENTITY e "a">]><office:document-content {ODF}><office:body><office:{part}/></office:body></office:document-content>'
    with pytest.raises(FileUnsafe):
        read(package({"mimetype": f"application/vnd.oasis.opendocument.{part}", "content.xml": content}), f"x.{name}")


def test_a_workbook_that_declares_entities_in_a_sheet_is_refused() -> None:
    data = workbook({"S": [["a"]]})
    with pytest.raises(FileUnsafe):
        read(changed(data, "xl/worksheets/sheet1.xml", b'<!DOCTYPE worksheet [<!ENTITY e "a">]><worksheet/>'), "x.xlsx")


def test_a_text_that_speaks_of_doctypes_is_read() -> None:
    text = "Write &lt;!DOCTYPE html&gt; and &lt;!ENTITY x&gt; first"
    assert "<!DOCTYPE html>" in kinds(read(word(p(text)), "x.docx"))[0][1]


def test_a_package_that_unpacks_too_far_is_refused_also_when_it_declares_less() -> None:
    data = package({"[Content_Types].xml": "<Types/>", "word/document.xml": b"0" * 3_000_000})
    with pytest.raises(FileTooLarge):
        read(data, "x.docx", max_unpacked_bytes=1_000_000)
    with pytest.raises(FileTooLarge):
        read(data, "x.docx", max_ratio=100)
    with pytest.raises(FileRejected):
        read(data.replace((3_000_000).to_bytes(4, "little"), (30).to_bytes(4, "little")), "x.docx", max_unpacked_bytes=1_000_000)  # fmt: skip


def test_a_package_with_encrypted_entries_is_told_as_such() -> None:
    data = bytearray(word(p("text")))
    at = data.find(b"PK\x01\x02")
    while at >= 0:
        data[at + 8] |= 1
        at = data.find(b"PK\x01\x02", at + 4)
    with pytest.raises(FileEncrypted):
        read(bytes(data), "x.docx")
    entry = "<manifest:file-entry><manifest:encryption-data/></manifest:file-entry>"
    manifest = f"<manifest:manifest {ODF}>{entry}</manifest:manifest>"
    with pytest.raises(FileEncrypted):
        read(package({"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": b"\x00\x01", "META-INF/manifest.xml": manifest}), "x.odt")  # fmt: skip


@pytest.mark.parametrize("name", ["x.docx", "x.pptx", "x.xlsx", "x.odt"])
def test_cut_off_packages_are_broken(name: str) -> None:
    whole = {"x.docx": word(p("text")), "x.pptx": deck(), "x.xlsx": workbook({"S": [["a"]]}), "x.odt": odt("<text:p>a</text:p>")}[name]  # fmt: skip
    with pytest.raises(FileBroken):
        read(whole[: len(whole) // 2], name)


def test_deep_nesting_ends_with_a_reason() -> None:
    depth = 5000
    body = "<w:sdt><w:sdtContent>" * depth + p("deep") + "</w:sdtContent></w:sdt>" * depth
    with pytest.raises(FileBroken):
        read(word(body), "x.docx")


# PowerPoint


def deck() -> bytes:
    source = pptx.Presentation()
    first = source.slides.add_slide(source.slide_layouts[1])
    first.shapes.title.text = "Pumps"
    first.placeholders[1].text = "Check the seal\nCheck the valve"
    first.notes_slide.notes_text_frame.text = "Say it slowly."
    second = source.slides.add_slide(source.slide_layouts[5])
    second.shapes.title.text = "Figures"
    for text, left, top in (("below", 1, 5), ("right", 5, 2), ("left", 1, 2)):
        second.shapes.add_textbox(Inches(left), Inches(top), Inches(2), Inches(1)).text_frame.text = text
    group = second.shapes.add_group_shape()
    group.shapes.add_textbox(Inches(1), Inches(4), Inches(2), Inches(1)).text_frame.text = "grouped"
    grid = second.shapes.add_table(2, 2, Inches(1), Inches(6), Inches(4), Inches(1)).table
    for at, text in enumerate(("Part", "No", "Seal", "4")):
        grid.cell(at // 2, at % 2).text = text
    third = source.slides.add_slide(source.slide_layouts[6])
    third._element.set("show", "0")
    data = CategoryChartData()
    data.categories = ["Q1", "Q2"]
    data.add_series("Sales", (1.5, 2))
    chart = third.shapes.add_chart(
        XL_CHART_TYPE.COLUMN_CLUSTERED, Inches(1), Inches(1), Inches(4), Inches(3), data
    ).chart
    chart.has_title = True
    chart.chart_title.text_frame.text = "Growth"
    stream = io.BytesIO()
    source.save(stream)
    return stream.getvalue()


def test_pptx_reads_slides_as_pages_in_reading_order_with_tables_charts_and_notes() -> None:
    parsed = read(deck(), "x.pptx")
    assert [(block.page, block.kind, block.text) for block in parsed.blocks if block.text.strip()] == [
        (1, "heading", "Pumps"), (1, "list_item", "Check the seal"), (1, "list_item", "Check the valve"), (1, "paragraph", "Say it slowly."),
        (2, "heading", "Figures"), (2, "paragraph", "left"), (2, "paragraph", "right"), (2, "paragraph", "grouped"), (2, "paragraph", "below"),
        (2, "table_header", "Part | No"), (2, "table_row", "Seal | 4"),
        (3, "heading", "Slide 3"), (3, "paragraph", "Growth"), (3, "table_header", " | Sales"), (3, "table_row", "Q1 | 1.5"), (3, "table_row", "Q2 | 2"),
    ]  # fmt: skip
    assert placed(parsed, "Say it").place == "notes of slide 1"
    assert placed(parsed, "Figures").level == 2
    assert parsed.title == "Pumps"


def test_pptx_hidden_slides_are_read_and_marked() -> None:
    source = pptx.Presentation()
    slide = source.slides.add_slide(source.slide_layouts[5])
    slide.shapes.title.text = "Secret plan"
    slide._element.set("show", "0")
    stream = io.BytesIO()
    source.save(stream)
    assert placed(read(stream.getvalue(), "x.pptx"), "Secret plan").place == "hidden slide 1"


def test_pptx_slide_numbers_and_footers_are_left_out_and_a_missing_part_harms_nothing() -> None:
    source = pptx.Presentation()
    slide = source.slides.add_slide(source.slide_layouts[6])
    slide.shapes.add_textbox(0, 0, 9, 9).text_frame.text = "Shown"
    footer = '<p:sp {}><p:nvSpPr><p:cNvPr id="9" name="f"/><p:cNvSpPr/><p:nvPr><p:ph type="ftr"/></p:nvPr></p:nvSpPr><p:spPr/><p:txBody><a:bodyPr/><a:p><a:r><a:t>Confidential</a:t></a:r></a:p></p:txBody></p:sp>'
    spaces = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main" xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
    slide.shapes._spTree.append(parse_xml(footer.format(spaces)))
    stream = io.BytesIO()
    source.save(stream)
    data = changed(stream.getvalue(), "ppt/slideLayouts/slideLayout7.xml", b"<broken")
    parsed = read(data, "x.pptx")
    assert kinds(parsed) == [("paragraph", "Shown")]
    assert any("slideLayout7" in warning for warning in parsed.warnings)


# Spreadsheets


def workbook(sheets: Mapping[str, list[list[object]]]) -> bytes:
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream)
    for name, rows in sheets.items():
        sheet = book.add_worksheet(name)
        for at, cells in enumerate(rows):
            sheet.write_row(at, 0, cells)
    book.close()
    return stream.getvalue()


def changed(data: bytes, name: str, part: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return package({entry: part if entry == name else archive.read(entry) for entry in archive.namelist()})


def test_xlsx_rows_stand_under_their_sheet_with_their_place() -> None:
    parsed = read(workbook({"Prices": [["Our prices"], ["Part", "Price"], ["Seal", 4], ["Valve", 12.5], [], ["Hose", 3]]}), "x.xlsx")  # fmt: skip
    assert [(block.kind, block.text, block.place) for block in parsed.blocks] == [
        ("heading", "Prices", ""), ("paragraph", "Our prices", "Prices!A1"), ("table_header", "Part | Price", "Prices!A2:B2"),
        ("table_row", "Seal | 4", "Prices!A3:B3"), ("table_row", "Valve | 12.5", "Prices!A4:B4"), ("table_row", "Hose | 3", "Prices!A6:B6"),
    ]  # fmt: skip


def test_xlsx_values_are_told_as_shown() -> None:
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream)
    sheet = book.add_worksheet("S")
    formats = ["yyyy-mm-dd", 'dd"d"/mm/yyyy hh:mm', "[h]:mm", "hh:mm", "0.0%", "[Red]0.00", "0.00"]
    values = [45352, 45352.5, 1.25, 0.5, 0.125, 3, 0.1 + 0.2]
    for column, (code, value) in enumerate(zip(formats, values, strict=True)):
        sheet.write_number(0, column, value, book.add_format({"num_format": code}))
    sheet.write_boolean(0, 7, True)
    sheet.write_formula(0, 8, "=1+1", value=2)
    book.close()
    row = read(stream.getvalue(), "x.xlsx").blocks[1].text
    assert row == "2024-03-01 | 2024-03-01 12:00:00 | 30:00:00 | 12:00:00 | 12.5% | 3 | 0.3 | TRUE | 2"


def test_xlsx_hidden_sheets_comments_merged_cells_and_drawn_texts_are_kept() -> None:
    stream = io.BytesIO()
    book = xlsxwriter.Workbook(stream)
    sheet = book.add_worksheet("Plan")
    sheet.merge_range("A1:C1", "Whole year")
    sheet.write_comment("B2", "Ask again", {"author": "Ada"})
    sheet.insert_textbox("D4", "Drawn beside")
    other = book.add_worksheet("Old")
    other.write(0, 0, "kept")
    other.hide()
    book.close()
    parsed = read(stream.getvalue(), "x.xlsx")
    assert kinds(parsed) == [
        ("heading", "Plan"), ("paragraph", "Whole year"), ("paragraph", "Ask again"), ("paragraph", "Drawn beside"), ("heading", "Old"),
        ("paragraph", "kept"),
    ]  # fmt: skip
    assert placed(parsed, "Ask again").place == "comment on Plan!B2 by Ada"
    assert placed(parsed, "Old").place == "hidden sheet Old"


def test_xlsx_a_sheet_that_claims_its_whole_extent_is_read_at_once() -> None:
    blank = "".join(f'<row r="{at}"><c r="A{at}" s="1"/><c r="XFD{at}" s="1"/></row>' for at in range(2, 50_000))
    cell = '<row r="{1}"><c r="{0}{1}" t="inlineStr"><is><t>{2}</t></is></c></row>'.format
    rows = cell("A", 1, "first") + blank + cell("XFD", 1_048_576, "last")
    space = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    sheet = f'<worksheet xmlns="{space}"><dimension ref="A1:XFD1048576"/><sheetData>{rows}</sheetData></worksheet>'
    data = changed(workbook({"S": [["x"]]}), "xl/worksheets/sheet1.xml", sheet.encode())
    begun = time.monotonic()
    found = [(block.text, block.place) for block in read(data, "x.xlsx").blocks[1:]]
    assert found == [("first", "S!A1"), ("last", "S!XFD1048576")]
    assert time.monotonic() - begun < 5


def test_xlsx_cells_that_share_one_long_text_count_each_time() -> None:
    data = workbook({"S": [["x" * 30_000]] * 500})
    with pytest.raises(FileTooLarge):
        read(data, "x.xlsx", max_unpacked_bytes=5_000_000)


def test_xlsx_a_table_with_other_columns_after_a_blank_row_begins_with_its_own_header() -> None:
    parsed = read(workbook({"S": [["Part", "Price"], ["Seal", 4], [], [None, None, "Town", "Street"], [None, None, "Bonn", "Am Hof"]]}), "x.xlsx")  # fmt: skip
    assert [block.kind for block in parsed.blocks] == ["heading", "table_header", "table_row", "table_header", "table_row"]  # fmt: skip


def test_xls_that_is_no_workbook_is_broken() -> None:
    from citewell.ingest.parsers.office import spreadsheet

    with pytest.raises(FileBroken):
        spreadsheet.parse(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2000), Reading())


# OpenDocument
