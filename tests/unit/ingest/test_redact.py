"""Personal data is taken out of what a parser read, and ordinary figures stay."""

from __future__ import annotations

import sys
import time
from collections import Counter
from importlib.machinery import ModuleSpec
from types import ModuleType, SimpleNamespace

import pytest

from citewell.core.errors import SettingsError
from citewell.core.types import Box
from citewell.ingest.normalise import compose_document
from citewell.ingest.parsed import Line, Member, Parsed, RawBlock, row
from citewell.ingest.redact import KINDS, Redactor, Span, redact_parsed

ALL = Redactor(KINDS)
BOX: Box = (0.0, 0.0, 10.0, 10.0)


def redacted(text: str, language: str = "en") -> str:
    told, counts = ALL.redact(text, language)
    assert ALL.redact(told, language) == (told, Counter()), "a second redaction finds nothing"
    assert sum(counts.values()) == len(ALL.spans(text, language))
    return told


def parsed(*blocks: RawBlock, **facts: object) -> Parsed:
    return Parsed(list(blocks), "text/plain", **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "address",
    [
        "jane.doe@example.com",
        "jane.o'neil+tag@sub.example.co.uk",
        "max@müller.de",
        "joe (at) example (dot) org",
        "joe [at] uni-x.de",
        "jane@ example.com",
        "jane@\nexample.com",
        "jane@example. com",
        "ｊ1＠example.com",
    ],
)
def test_an_e_mail_address_is_found_as_a_whole(address: str) -> None:
    told = redacted(f"Mail to {address}, please.")
    assert told in {"Mail to [e-mail], please.", "Mail to ｊ[e-mail], please."}


def test_an_address_in_words_needs_a_word_before_it_and_handles_and_files_are_no_address() -> None:
    assert redacted("e-mail joe at example dot org now") == "e-mail [e-mail] now"
    ordinary = "look at me dot com, @decorator.name, root@localhost, icon@2x.png, git@github.com:a/b, 3 @ 4.5"
    assert redacted(ordinary) == ordinary
    assert redacted("请发邮件至zhang@example.com谢谢") == "请发邮件至[e-mail]谢谢"


@pytest.mark.parametrize(
    ("language", "number"),
    [
        ("en", "+44 20 7946 0958"),
        ("en", "(+44) 20 7946 0958"),
        ("en", "020 7946 0958"),
        ("en", "(212) 555-0123"),
        ("en", "1-800-555-0199 ext. 23"),
        ("en", "0044 20 7946 0958"),
        ("de", "0171 1234567"),
        ("de", "089/32168-22"),
        ("fr", "01.42.68.53.00"),
        ("fr", "+33 (0)6 12 34 56 78"),
        ("hi", "०99999 99999".replace("०", "0")),
    ],
)
def test_a_phone_number_is_found_with_its_country_code_or_by_the_language(language: str, number: str) -> None:
    assert redacted(f"x {number}, y", language) == "x [phone], y"


@pytest.mark.parametrize("before", ["Tel.: ", "Phone:\n", "Fax ", "Mobile: ", "电话：", "WhatsApp "])
def test_after_a_word_that_says_so_any_number_is_a_phone_number(before: str) -> None:
    assert redacted(f"{before}467 3395") == f"{before}[phone]"


def test_the_settings_countries_replace_those_of_the_language() -> None:
    assert redacted("x 021 467 33 95", "en") == "x 021 467 33 95"
    assert Redactor(["phone"], phone_regions=["CH"]).redact("x 021 467 33 95", "en")[0] == "x [phone]"


@pytest.mark.parametrize(
    "text",
    [
        "from 2010 to 2015-2016, 1999-2003 and 2001 2002 2003",
        "on 12.03.2024, 2024-03-12 10:11:12 and 03/12/2024 08:00",
        "ISBN 978-0-306-40615-7, 0-306-40615-2, PMID: 20371493, doi 10.1016/j.cell.2010.05.016",
        "order no. 212-555-0123; part 020 7946 0958; serial 4155552671",
        "1 234 567 890 euros, 10 000 000, 123.456.789, 1,234,567.89 and 3.14159265358",
        "pp. 1234-1245, 95% CI 1.23-4.56, p < 0.0001, NCT01234567, 20240101-123456",
        "212 555 0123 455 233 1234 901 222 3344 100",
        "https://example.org/4155552671/415-555-2671",
        "port 192.168.1.300:8080 is none, version 10.11.12.13",
        "barcode 4006381333931",
    ],
)
def test_figures_dates_and_article_numbers_stay(text: str) -> None:
    assert redacted(text) == text


@pytest.mark.parametrize(
    "number",
    [
        "4111 1111 1111 1111",
        "4111-1111-1111-1111",
        "5555555555554444",
        "3782 822463 10005",
        "6011000990139424",
        "3530111333300000",
    ],
)
def test_a_card_is_found_by_issuer_and_check_digit(number: str) -> None:
    assert redacted(f"paid by {number}.") == "paid by [card]."
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert redacted(f"paid by {wrong}.") == f"paid by {wrong}."


@pytest.mark.parametrize(
    "number",
    [
        "GB82 WEST 1234 5698 7654 32",
        "gb82west12345698765432",
        "DE89370400440532013000",
        "NO9386011117947",
        "FR14 2004 1010 0505 0001 3M02 606",
    ],
)
def test_an_iban_is_found_by_length_and_check_digits(number: str) -> None:
    assert redacted(f"to {number} today") == "to [IBAN] today"
    wrong = f"{number[:2]}00{number[4:]}"
    assert redacted(f"to {wrong} today") == f"to {wrong} today"


@pytest.mark.parametrize(
    ("number", "wrong"),
    [
        ("SSN 078-05-1120", "SSN 000-05-1120"),
        ("AB 12 34 56 C", "GB 12 34 56 C"),
        ("NHS number: 943 476 5919", "NHS number: 943 476 5918"),
        ("86095742719", "86095742718"),
        ("Personalausweis T220001293", "Personalausweis T220001294"),
        ("2 55 08 14 168 025 38", "2 55 08 14 168 025 39"),
        ("12345678Z", "12345678A"),
        ("X1234567L", "X1234567M"),
        ("RSSMRA85T10A562S", "RSSMRA85T10A562T"),
        ("BSN: 111222333", "BSN: 111222334"),
        ("85.07.30-033.28", "85.07.30-033.29"),
        ("756.9217.0769.85", "756.9217.0769.84"),
        ("111.444.777-35", "111.444.777-36"),
        ("2341 2341 2346", "2341 2341 2347"),
        ("11010519491231002X", "110105194912310021"),
    ],
)
def test_a_national_id_is_found_by_its_check_digits(number: str, wrong: str) -> None:
    only = Redactor(["national_id"])
    told, counts = only.redact(f"a {number} b")
    assert told.endswith("[national id] b")
    assert counts == {"national_id": 1}
    assert only.spans(f"a {wrong} b") == []


def test_weak_numbers_need_their_word_and_years_are_no_identity() -> None:
    only = Redactor(["national_id"])
    assert only.spans("111222333 pieces, 943 476 5919 of them, T220001293") == []
    assert only.spans("in 2012 2013 2014 and 1923 1924 1925, 2341 2341 2346 2341") == []


def test_ip_addresses_are_found_but_those_of_no_one() -> None:
    assert redacted("81.2.69.142 and 2001:db8::8a2e:370:7334") == "[IP address] and [IP address]"
    ordinary = "127.0.0.1, 1.2.3.4, 10:11:12, std::vector, decade, AF391541, version 11.2.3.4, section 1.2.3.4, 11.2.3.4.5, ::1"
    assert redacted(ordinary) == ordinary


def test_only_the_kinds_asked_for_are_found_and_none_overlap() -> None:
    text = "4155552671@sms.example.com or 4111 1111 1111 1111"
    assert Redactor(["email"]).spans(text) == [Span(0, 26, "email")]
    assert [span.kind for span in ALL.spans(text)] == ["email", "card"]
    assert Redactor([]).redact(text) == (text, Counter())


def test_unknown_kinds_and_countries_are_refused() -> None:
    with pytest.raises(SettingsError, match="shoe"):
        Redactor(["email", "shoe"])
    with pytest.raises(SettingsError, match="XQ"):
        Redactor(["phone"], phone_regions=["XQ"])


def test_a_datum_over_two_lines_is_marked_in_the_first_and_the_boxes_stay() -> None:
    lines = (
        Line("Pay to GB82 WEST 1234", 3, BOX),
        Line("5698 7654 32 or ask jane@exam", 3, BOX),
        Line("ple.com, today.", 4, BOX, glued=True),
    )
    told, counts = redact_parsed(parsed(RawBlock("paragraph", lines=lines)), ALL)
    assert [line.text for line in told.blocks[0].lines] == ["Pay to [IBAN]", " or ask [e-mail]", ", today."]
    assert [(line.page, line.box) for line in told.blocks[0].lines] == [(3, BOX), (3, BOX), (4, BOX)]
    assert counts == {"iban": 1, "email": 1}
    assert compose_document(told, source="s", path="p").text == "Pay to [IBAN] or ask [e-mail], today."


def test_a_line_that_is_all_datum_leaves_nothing_and_the_next_is_not_glued_to_the_mark() -> None:
    lines = (Line("Call +44 20", 1, BOX), Line("7946 0958", 1, BOX), Line("0 is free", 1, BOX))
    told, _ = redact_parsed(parsed(RawBlock("paragraph", lines=lines[:2])), ALL)
    assert compose_document(told, source="s", path="p").text == "Call [phone]"
    glued = (Line("jane@exam", 1, BOX), Line("ple.com is mine", 1, BOX, glued=True))
    told, _ = redact_parsed(parsed(RawBlock("paragraph", lines=glued)), ALL)
    assert compose_document(told, source="s", path="p").text == "[e-mail] is mine"


def test_characters_that_are_not_seen_hide_nothing() -> None:
    hidden = RawBlock("paragraph", "jane\u200b.doe@exam\u00adple.com and +44\u00a020\u202f7946\u20110958")
    told, _ = redact_parsed(parsed(hidden), ALL)
    assert told.blocks[0].text == "[e-mail] and [phone]"


def test_structure_title_metadata_warnings_and_members_are_kept_without_the_data() -> None:
    before = parsed(
        RawBlock("heading", "Letter of jane@example.com", level=2, page=4),
        RawBlock("code", "a = 1\n  mail('jane@example.com')\n", place="lines 1-2"),
        RawBlock("paragraph", "Nothing  here."),
        title="To jane@example.com",
        language="en",
        metadata={"reply": "jane@example.com", "date": "2024-03-12T10:11:12"},
        members=(
            Member("jane@example.com.txt", b"1"),
            Member("of joe@example.com/joe@example.com.txt", b"2"),
            Member("joe@example.com.txt", b"3"),
            Member("a/b.pdf", b"4"),
        ),
        warnings=("jane@example.com was not read",),
    )
    told, counts = redact_parsed(before, ALL)
    assert told.blocks[0] == RawBlock("heading", "Letter of [e-mail]", level=2, page=4)
    assert told.blocks[1] == RawBlock("code", "a = 1\n  mail('[e-mail]')", place="lines 1-2")
    assert told.blocks[2] is before.blocks[2]
    assert (told.title, told.language, told.warnings) == ("To [e-mail]", "en", ("[e-mail] was not read",))
    assert told.metadata == {"reply": "[e-mail]", "date": "2024-03-12T10:11:12"}
    assert counts == {"email": 5}
    names = [member.name for member in told.members]
    assert names == ["[e-mail].txt", "of [e-mail]/[e-mail].txt", "[e-mail]-2.txt", "a/b.pdf"]
    assert [member.data for member in told.members] == [b"1", b"2", b"3", b"4"]


def test_a_column_name_says_what_its_cells_are() -> None:
    header = RawBlock("table_header", row(["Name", "Phone", "BSN", "Article"]))
    cells = RawBlock("table_row", row(["", "467 3395", "111222333", "111222333"]), place="Staff!A2:D2")
    told, counts = redact_parsed(parsed(header, cells, RawBlock("paragraph", "467 3395")), ALL)
    assert told.blocks[0] is header
    assert told.blocks[1].text == "| [phone] | [national id] | 111222333"
    assert told.blocks[1].place == "Staff!A2:D2"
    assert told.blocks[2].text == "467 3395"
    assert counts == {"phone": 1, "national_id": 1}


def test_the_language_of_the_text_names_the_countries() -> None:
    german = "Sie erreichen das Sekretariat während der Woche unter 089 3216822, wie in den letzten Jahren auch."
    told, _ = redact_parsed(parsed(RawBlock("paragraph", german)), ALL)
    assert "unter [phone], wie" in told.blocks[0].text


def test_names_without_presidio_are_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("citewell.ingest.redact.names.find_spec", lambda name: None)
    with pytest.raises(SettingsError, match="presidio-analyzer") as refused:
        Redactor([], names=True)
    assert "citewell[names]" in refused.value.hint


def stand_in(monkeypatch: pytest.MonkeyPatch, *models: str) -> list[tuple[str, str]]:
    """Presidio and models that name every "Jane Doe"; the texts and languages they were asked about."""
    asked: list[tuple[str, str]] = []

    class AnalyzerEngine:
        def __init__(self, nlp_engine: object, supported_languages: list[str]) -> None:
            assert nlp_engine == ("engine", tuple(models))

        def analyze(self, text: str, language: str, entities: list[str]) -> list[SimpleNamespace]:
            assert entities == ["PERSON"]
            asked.append((text, language))
            starts = [at for at in range(len(text)) if text.startswith("Jane Doe", at)]
            return [SimpleNamespace(start=at, end=at + 8, score=0.85) for at in starts]

    class NlpEngineProvider:
        def __init__(self, nlp_configuration: dict[str, list[dict[str, str]]]) -> None:
            self.models = tuple(model["model_name"] for model in nlp_configuration["models"])

        def create_engine(self) -> tuple[str, tuple[str, ...]]:
            return "engine", self.models

    presidio, engines = ModuleType("presidio_analyzer"), ModuleType("presidio_analyzer.nlp_engine")
    monkeypatch.setattr(presidio, "AnalyzerEngine", AnalyzerEngine, raising=False)
    monkeypatch.setattr(engines, "NlpEngineProvider", NlpEngineProvider, raising=False)
    for module in (presidio, engines, *map(ModuleType, models)):
        module.__spec__ = ModuleSpec(module.__name__, None)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return asked


def test_names_are_found_by_the_model_of_the_language_or_one_that_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = stand_in(monkeypatch, "en_core_web_sm")
    redactor = Redactor(["email"], names=True)
    assert redactor.redact("Jane Doe <jane@example.com>", "de")[0] == "[name] <[e-mail]>"
    assert asked == [("Jane Doe <jane@example.com>", "en")]
    told, counts = redact_parsed(
        parsed(RawBlock("paragraph", "It is Jane Doe."), metadata={"author": "J. D."}), redactor
    )
    assert told.blocks[0].text == "It is [name]."
    assert told.metadata == {"author": "[name]"}
    assert counts == {"name": 2}


def test_names_without_a_model_are_refused_and_long_texts_come_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(monkeypatch)
    with pytest.raises(SettingsError, match="no spaCy model"):
        Redactor([], names=True)
    asked = stand_in(monkeypatch, "xx_ent_wiki_sm")
    text = "Jane Doe was here. " * 10_000
    told, counts = Redactor([], names=True).redact(text, "sw")
    assert counts == {"name": 10_000}
    assert told == "[name] was here. " * 10_000
    assert "".join(piece for piece, _ in asked) == text
    assert {language for _, language in asked} == {"xx"}


@pytest.mark.parametrize(
    "unit",
    [
        "7",
        "@",
        "+",
        "a@",
        "@a.",
        "a@a.",
        "1 ",
        "1-",
        "1.",
        "(",
        "AA00",
        "4111 ",
        "1 (",
        "https://",
        "10.1234/",
        "a:",
        "[phone] ",
        " at ",
        "tel ",
    ],
)
def test_time_is_linear_in_hostile_text(unit: str) -> None:
    def seconds(n_chars: int) -> float:
        text = unit * (n_chars // len(unit))
        times = []
        for _ in range(3):  # the shortest: a collection of the whole suite's garbage may fall into one
            began = time.process_time()
            ALL.spans(text)
            times.append(time.process_time() - began)
        return min(times)

    seconds(1000)  # loads what is loaded once
    assert seconds(80_000) < 8 * seconds(20_000) + 0.2


@pytest.mark.parametrize("unit", ["7", "@", "+"])
def test_a_megabyte_of_one_sign_takes_seconds(unit: str) -> None:
    began = time.process_time()
    assert ALL.spans(unit * 1_000_000) == []
    assert time.process_time() - began < 10
