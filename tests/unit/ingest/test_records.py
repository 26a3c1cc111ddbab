"""Records, notebooks and delimited tables keep each value once, with its name and its place."""

from __future__ import annotations

import json
import time
from dataclasses import replace

import bombs
import pytest

from citewell.core.errors import FileBroken
from citewell.ingest.parsed import Parsed, Reading
from citewell.ingest.parsers import parse
from citewell.ingest.parsers.data import delimited, notebook, records

READING = Reading(name="file")


def read(text: str | bytes, name: str) -> Parsed:
    return parse(text if isinstance(text, bytes) else text.encode(), replace(READING, name=name))


def told(parsed: Parsed) -> list[tuple[str, str, str]]:
    return [(block.kind, block.text, block.place) for block in parsed.blocks]


# JSON


def test_an_object_is_one_record_whose_values_have_the_paths_of_their_keys() -> None:
    value = {"title": "Pump P200", "flow": {"max": 12.50, "unit/s": "l"}, "parts": ["seal", "rotor"], "old": None, "new": True}  # fmt: skip
    parsed = read(json.dumps(value), "pump.json")
    assert told(parsed) == [
        ("heading", "Pump P200", ""),
        ("paragraph", "flow.max: 12.5", "/flow/max"),
        ("paragraph", "flow.unit/s: l", "/flow/unit~1s"),
        ("paragraph", "parts: seal, rotor", "/parts"),
        ("paragraph", "new: true", "/new"),
    ]
    assert parsed.title == "Pump P200"


def test_each_item_of_a_list_is_a_run_of_its_own() -> None:
    value = [{"id": 7, "tags": ["a", "b"]}, {"name": "Second", "note": "Only here."}, "bare"]
    parsed = read(json.dumps(value), "items.json")
    assert told(parsed) == [
        ("heading", "id: 7", "record 1"),
        ("paragraph", "tags: a, b", "record 1"),
        ("heading", "Second", "record 2"),
        ("paragraph", "note: Only here.", "record 2"),
        ("paragraph", "bare", "record 3"),
    ]
    assert parsed.title == "items"


def test_records_of_the_same_few_values_are_a_table() -> None:
    value = [{"part": "Seal", "price": 1.10}, {"part": "Rotor", "price": 20}]
    assert told(read(json.dumps(value), "a.json")) == [
        ("table_header", "part | price", "record 1"),
        ("table_row", "Seal | 1.1", "record 1"),
        ("table_row", "Rotor | 20", "record 2"),
    ]


def test_records_within_a_record_have_pointers_and_come_last() -> None:
    value = {"items": [{"name": "Seal", "uses": ["a"]}, {"name": "Rotor", "uses": ["b"]}], "note": "All."}
    assert told(read(json.dumps(value), "a.json")) == [
        ("paragraph", "note: All.", "/note"),
        ("paragraph", "items:", "/items"),
        ("heading", "Seal", "/items/0"),
        ("paragraph", "uses: a", "/items/0/uses"),
        ("heading", "Rotor", "/items/1"),
        ("paragraph", "uses: b", "/items/1/uses"),
    ]


def test_the_paragraphs_of_a_long_text_stand_alone() -> None:
    long = "The pump moves water. " * 20
    parsed = read(json.dumps({"body": f"{long}\n\nSecond paragraph."}), "a.json")
    assert told(parsed) == [
        ("paragraph", f"body: {long}", "/body"),
        ("paragraph", "Second paragraph.", "/body"),
    ]


def test_numbers_stay_as_they_are_written_and_keys_that_come_twice_are_kept() -> None:
    parsed = read('{"price": 1.10, "big": 1' + "0" * 5000 + ', "price": NaN}', "a.json")
    texts = [block.text for block in parsed.blocks]
    assert texts[0] == "price: 1.10"
    assert texts[2] == "price (2): NaN"
    assert "1" + "0" * 5000 in texts[1]


def test_a_broken_file_is_named_with_line_and_column() -> None:
    with pytest.raises(FileBroken, match="line 2, column 10"):
        read('{"a": 1,\n "b": [1 2]}', "a.json")


def test_a_broken_line_is_a_warning_and_the_others_stay() -> None:
    parsed = read('{"id": 1, "x": [1]}\n{"id": 2,\n\n{"id": 3, "x": [3]}\n', "a.jsonl")
    assert told(parsed) == [
        ("heading", "id: 1", "line 1"),
        ("paragraph", "x: 1", "line 1"),
        ("heading", "id: 3", "line 4"),
        ("paragraph", "x: 3", "line 4"),
    ]
    assert len(parsed.warnings) == 1
    assert parsed.warnings[0].startswith("line 2 was passed over: it is no JSON")


def test_lines_are_told_by_their_content_too_and_one_object_over_many_lines_is_one_record() -> None:
    lines = '{"a": 1}\n{"a": 2}\n'
    for name in ("a.jsonl", "a.txt", "a.json"):
        assert [text for _, text, _ in told(read(lines, name))] == ["a", "1", "2"]
    whole = json.dumps({"a": [1, 2], "b": "x"}, indent=1)
    assert [text for _, text, _ in told(read(whole, "a.jsonl"))] == ["a: 1, 2", "b: x"]


def test_deep_json_is_a_named_cause() -> None:
    with pytest.raises(FileBroken, match="nested too deeply"):
        records.parse(bombs.deep_json(), READING)


def test_values_deeper_than_the_bound_are_one_text_and_long_paths_are_cut() -> None:
    value: object = "innermost"
    for level in range(300):
        value = {f"key-{level}" + "x" * 1000: value}
    parsed = read(json.dumps(value), "a.json")
    (block,) = parsed.blocks
    assert "innermost" in block.text
    wide = {"k" * 1_000_000: {str(n): n for n in range(2000)}}
    assert sum(len(block.text) for block in read(json.dumps(wide), "a.json").blocks) < 1_000_000


@pytest.mark.parametrize("text", ["[]", "{}", "null", "[[[]]]", '[{"a": {}}]', '""', "[[1, [2]], [3]]", '[{"title": {"a": 1}}]'])  # fmt: skip
def test_any_json_is_read(text: str) -> None:
    assert records.parse(text.encode(), READING).media_type == "application/json"


# Notebooks


def cells(*given: dict[str, object]) -> str:
    return json.dumps({"cells": list(given), "metadata": {"authors": [{"name": "Ann"}]}, "nbformat": 4})


def test_a_notebook_gives_text_code_and_output_with_their_cells() -> None:
    parsed = read(
        cells(
            {"cell_type": "markdown", "source": ["# Pumps\n", "\n", "- one\n"]},
            {
                "cell_type": "code",
                "source": "print(1)",
                "outputs": [
                    {"output_type": "stream", "text": ["1\n"]},
                    {"output_type": "execute_result", "data": {"text/plain": "2", "text/html": "<b>2</b>"}},
                    {"output_type": "display_data", "data": {"text/plain": "<Figure>", "image/png": "aGk="}},
                    {"output_type": "error", "traceback": ["\x1b[0;31mTypeError\x1b[0m", "no"]},
                ],
            },
            {"cell_type": "raw", "source": "Raw."},
        ),
        "a.ipynb",
    )
    assert [(block.kind, block.text.strip(), block.place) for block in parsed.blocks] == [
        ("heading", "Pumps", "cell 1"),
        ("list_item", "one", "cell 1"),
        ("code", "print(1)", "cell 2"),
        ("code", "1", "cell 2"),
        ("code", "2", "cell 2"),
        ("code", "TypeError\nno", "cell 2"),
        ("paragraph", "Raw.", "cell 3"),
    ]
    assert parsed.metadata == {"author": "Ann"}


def test_a_cell_that_begins_with_a_rule_keeps_its_text() -> None:
    parsed = read(cells({"cell_type": "markdown", "source": "---\ntitle: Kept\n---\nText."}), "a.ipynb")
    assert "title: Kept" in " ".join(block.whole for block in parsed.blocks)


def test_a_notebook_of_format_three_is_read() -> None:
    old = {"worksheets": [{"cells": [{"cell_type": "heading", "level": 2, "source": "Old"}, {"cell_type": "code", "input": "x", "outputs": [{"output_type": "pyout", "text": "7"}]}]}], "nbformat": 3}  # fmt: skip
    blocks = notebook.parse(json.dumps(old).encode(), READING).blocks
    assert [(block.kind, block.text, block.level) for block in blocks] == [
        ("heading", "Old", 2),
        ("code", "x", 0),
        ("code", "7", 0),
    ]


@pytest.mark.parametrize("text", ["[]", "{}", '{"cells": 3}', '{"cells": [', '{"worksheets": {}}'])
def test_what_is_no_notebook_is_a_named_cause(text: str) -> None:
    with pytest.raises(FileBroken):
        notebook.parse(text.encode(), READING)


@pytest.mark.parametrize("cell", [None, 7, {}, {"cell_type": "code", "outputs": 3}, {"cell_type": "code", "outputs": [3, {"data": 1}, {}]}, {"cell_type": "markdown", "source": {"a": 1}}])  # fmt: skip
def test_an_odd_cell_does_not_stop_the_others(cell: object) -> None:
    blocks = notebook.parse(json.dumps({"cells": [cell, {"cell_type": "raw", "source": "Text."}]}).encode(), READING)
    assert blocks.blocks[-1].text == "Text."


# Delimited


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
def test_what_separates_the_cells_is_told_by_the_content(delimiter: str, name: str) -> None:
    lines = ["Part,Price,Note", 'Seal,"1.10",small', "Rotor,20.00,large"]
    parsed = read("\r\n".join(line.replace(",", delimiter) for line in lines), name)
    assert told(parsed) == [
        ("table_header", "Part | Price | Note", "row 1"),
        ("table_row", "Seal | 1.10 | small", "row 2"),
        ("table_row", "Rotor | 20.00 | large", "row 3"),
    ]


def test_a_decimal_comma_does_not_separate() -> None:
    parsed = read("Teil;Preis;Alt\nDichtung;1,10;2,5\nRotor;20,00;3,5\n", "a.csv")
    assert parsed.blocks[1].text == "Dichtung | 1,10 | 2,5"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_encodings_are_told_by_the_content(encoding: str) -> None:
    text = "Größe;Länge\nprüfung für die Übergröße der Dichtung;zwölf\nschließen wäre möglich;fünf\n"
    parsed = delimited.parse(text.encode(encoding), READING)
    assert parsed.blocks[0].text == "Größe | Länge"


def test_cells_over_several_lines_and_ragged_rows_are_kept() -> None:
    parsed = read('a,b,c\n1,"two\nlines, here",3\n4,5\n\n6,7,8,9\n', "a.csv")
    assert told(parsed) == [
        ("table_header", "a | b | c", "row 1"),
        ("table_row", "1 | two lines, here | 3", "row 2"),
        ("table_row", "4 | 5", "row 3"),
        ("table_row", "6 | 7 | 8 | 9", "row 5"),
    ]


def test_a_title_above_the_header_is_a_paragraph() -> None:
    parsed = read("Prices of 2024\n\nPart,Price\nSeal,1\nRotor,2\n", "a.csv")
    assert told(parsed)[:2] == [("paragraph", "Prices of 2024", "row 1"), ("table_header", "Part | Price", "row 3")]


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("a,b\n1,2\n", True),
        (",a,b\n0,1,2\n", True),
        ("Name\nAnn\n", True),
        ("a,b\n", False),
        ("1,2\n3,4\n", False),
        ("2024-01-01,x\n2024-01-02,y\n", False),
        ("yes,no\nyes,yes\n", False),
        ("a,a\n1,2\n", False),
    ],
)
def test_the_first_row_names_the_columns_when_it_can_only_be_names(text: str, header: bool) -> None:
    assert (delimited.parse(text.encode(), READING).blocks[0].kind == "table_header") is header


def test_what_a_spreadsheet_declares_is_obeyed_and_not_told() -> None:
    assert [text for _, text, _ in told(read("sep=;\na,1;b,2\nc;d\n", "a.csv"))] == ["a,1 | b,2", "c | d"]


@pytest.mark.parametrize("size", [10, 200_000])
def test_a_quotation_mark_that_is_never_closed_swallows_nothing(size: int) -> None:
    parsed = read('a,b\n"open,1\n' + "x,2\n" * size, "a.csv")
    assert len(parsed.blocks) == size + 2
    assert "not closed" in parsed.warnings[0]


def test_a_large_table_and_an_endless_line_are_read_in_time() -> None:
    began = time.perf_counter()
    assert len(read("a,b\n" + "x,2\n" * 200_000, "a.csv").blocks) == 200_001
    assert read(b"a," * 2_000_000, "a.csv").blocks
    assert read(b'"' * 2_000_001, "a.csv").media_type == "text/csv"
    assert time.perf_counter() - began < 20
