"""What holds for every input."""

from __future__ import annotations

import itertools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twins import Plain, make_chunk, stored

from citewell.core.sentences import sentence_spans
from citewell.core.settings import ChunkingSettings, ContextSettings
from citewell.core.tokens import ModelTokenizer
from citewell.core.types import Chunk, Document, Query, rank_by_score
from citewell.generate.assembly.assemble import assemble
from citewell.index.fusion import reciprocal_rank_fusion, weighted_sum
from citewell.ingest.chunking import Chunker
from citewell.ingest.normalise import compose_document, normalise_text
from citewell.ingest.parsed import Parsed, RawBlock, row

RELAXED = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60
)
WORDS = st.sampled_from(
    [
        "Leave",
        "is.",
        "The",
        "pump,",
        "P200!",
        "Dr.",
        "Bell",
        "3.5",
        "z.B.",
        "–",
        "???",
        "Ende\n",
        "\n\n",
        "“Quote.”",
        "café",
        "日本語。",
        "x",
    ]
)
TEXTS = st.one_of(st.text(max_size=300), st.lists(WORDS, max_size=120).map(" ".join))
BLOCKS = st.lists(
    st.builds(RawBlock, st.sampled_from(["heading", "paragraph", "list_item", "table_header", "table_row", "code"]), TEXTS, st.integers(1, 4), st.integers(1, 9)),
    min_size=1, max_size=12,
)  # fmt: skip


def solid(text: str) -> str:
    return "".join(c for c in text if not c.isspace())


@given(TEXTS)
@RELAXED
def test_sentences_hold_every_solid_character_once(text: str) -> None:
    spans = sentence_spans(text)
    assert solid(text) == "".join(solid(text[a:b]) for a, b in spans)
    assert all(a < b and text[a:b] == text[a:b].strip() for a, b in spans)
    assert all(before[1] <= after[0] for before, after in itertools.pairwise(spans))


def passages(tokenizer: ModelTokenizer, blocks: list[RawBlock], **chunking: object) -> tuple[Document, list[Chunk]]:
    """A document of the blocks and its passages."""
    blocks = [*blocks, RawBlock("paragraph", "One sure sentence.")]
    document = compose_document(Parsed(blocks, "text/plain", title="A title"), source="s", path="p")
    settings = ChunkingSettings.model_validate(chunking)
    return document, Chunker(settings, tokenizer, "t").split(document)


METHODS = st.sampled_from(["structure", "sentences", "paragraphs", "fixed"])


@given(BLOCKS, METHODS, st.integers(32, 90), st.integers(0, 40))
@RELAXED
def test_passages_rebuild_the_document_within_the_limit(
    tokenizer: ModelTokenizer, blocks: list[RawBlock], method: str, limit: int, least: int
) -> None:
    document, chunks = passages(tokenizer, blocks, method=method, max_tokens=limit, min_tokens=least)
    assert all(document.text[c.start_char : c.end_char] == c.text for c in chunks)
    assert solid("".join(c.text for c in chunks)) == solid(document.text)
    assert all(before.end_char <= after.start_char for before, after in itertools.pairwise(chunks))
    assert all(tokenizer.count(c.text) <= limit and c.token_count <= limit for c in chunks)
    assert len({c.chunk_id for c in chunks}) == len(chunks)


@given(BLOCKS, st.sampled_from(["sentences", "paragraphs", "fixed"]), st.integers(32, 90), st.integers(1, 16))
@RELAXED
def test_passages_that_overlap_hold_every_character_and_go_on(
    tokenizer: ModelTokenizer, blocks: list[RawBlock], method: str, limit: int, overlap: int
) -> None:
    document, chunks = passages(tokenizer, blocks, method=method, max_tokens=limit, overlap_tokens=overlap)
    assert all(document.text[c.start_char : c.end_char] == c.text and c.token_count <= limit for c in chunks)
    assert all(a.start_char < b.start_char and a.end_char < b.end_char for a, b in itertools.pairwise(chunks))
    held = {at for c in chunks for at in range(c.start_char, c.end_char)}
    assert all(at in held for at, char in enumerate(document.text) if not char.isspace())


CELLS = st.sampled_from(["Pump", "Flow", "12", "3.5", "It is old. Very.", "Größe", "流量", "Price in euros"])
TABLES = st.tuples(
    st.lists(st.lists(CELLS, min_size=1, max_size=3), min_size=1, max_size=2),
    st.lists(st.lists(CELLS, min_size=1, max_size=6), min_size=1, max_size=40),
)


@given(st.lists(st.one_of(TABLES, TEXTS), min_size=1, max_size=4), METHODS, st.integers(192, 256))
@RELAXED
def test_each_row_of_a_table_stays_whole_and_its_passage_names_its_columns(
    tokenizer: ModelTokenizer, parts: list[tuple[list[list[str]], list[list[str]]] | str], method: str, limit: int
) -> None:
    blocks: list[RawBlock] = []
    for part in parts:
        if isinstance(part, str):
            blocks.append(RawBlock("paragraph", part))
        else:
            header, body = part
            blocks += [RawBlock("table_header", row(cells)) for cells in header]
            blocks += [RawBlock("table_row", row(cells)) for cells in body]
    document, chunks = passages(tokenizer, blocks, method=method, max_tokens=limit, min_tokens=0)
    names: list[str] = []
    previous = ""
    for block in document.blocks:
        text = document.text[block.start_char : block.end_char]
        if block.kind == "table_header":
            names = [*names, text] if previous == "table_header" else [text]
        elif block.kind == "table_row":
            (holding,) = [c for c in chunks if c.start_char <= block.start_char and block.end_char <= c.end_char]
            above = "\n".join([" ".join(holding.header.split()), holding.text[: block.start_char - holding.start_char]])
            assert all(name in above or " ".join(names) in above for name in names)
        previous = block.kind


@given(BLOCKS)
@RELAXED
def test_blocks_lie_in_the_text_and_hold_what_was_parsed(blocks: list[RawBlock]) -> None:
    blocks = [*blocks, RawBlock("paragraph", "One sure sentence.")]
    document = compose_document(Parsed(blocks, "text/plain"), source="s", path="p")
    expected = [normalise_text(b.text, keep_lines=b.kind == "code") for b in blocks]
    assert [document.text[b.start_char : b.end_char] for b in document.blocks] == [
        text for text in expected if text.strip()
    ]


@given(st.text(max_size=400))
@RELAXED
def test_normalised_text_stays_as_it_is(text: str) -> None:
    once = normalise_text(text)
    assert normalise_text(once) == once


SCRIPTS = st.sampled_from(
    [
        "The pump must be checked every day. ", "Насос следует проверять ежедневно. ", "يجب فحص المضخة كل يوم. ", "ポンプは毎日点検してください。",
        "ต้องตรวจสอบปั๊มทุกวัน ", "水泵必须每天检查。", "P-200 3.5 bar | 12 kg\n",
    ]
)  # fmt: skip
SHOWN = st.lists(
    st.tuples(st.sampled_from("abcd"), st.lists(st.one_of(SCRIPTS, WORDS), min_size=1, max_size=60).map(" ".join)),
    max_size=14,
)


@given(SHOWN, st.sampled_from([64, 200, 512]), st.integers(64, 2000), st.integers(1, 5), st.booleans())
@settings(RELAXED, max_examples=1000)
def test_no_prompt_exceeds_its_budget_and_the_ledger_accounts_for_every_candidate(
    tokenizer: ModelTokenizer, texts: list[tuple[str, str]], most: int, soft: int, cap: int, fetch_all: bool
) -> None:
    chunks = [make_chunk(d, t, start=10_000 * i, title="T") for i, (d, t) in enumerate(texts) if t.strip()]
    ranking = rank_by_score(
        "s", {c.chunk_id: float(-i) for i, c in enumerate(chunks)}, {c.chunk_id: c.doc_id for c in chunks}
    )
    fetched = {c.chunk_id: stored(c) for i, c in enumerate(chunks) if fetch_all or i % 3}
    generator, query = Plain(tokenizer), Query("How often must the pump be checked?")
    context = assemble(
        query, ranking, fetched, generator, ContextSettings(max_tokens=most, tokens=soft, per_document=cap)
    )
    if context.passages:
        assert context.token_count == tokenizer.count(generator.render(query, context.passages)) <= most
    assert sorted(entry.chunk_id for entry in context.ledger) == sorted(c.chunk_id for c in chunks)
    kept = {entry.chunk_id for entry in context.ledger if entry.outcome != "dropped"}
    assert kept == {p.chunk.chunk_id for p in context.passages}
    assert all(entry.reason for entry in context.dropped)


SCORES = st.dictionaries(st.sampled_from("abcdefghij"), st.tuples(st.floats(-50, 50), st.floats(-1, 1)), min_size=1)


@given(SCORES, st.floats(0, 1), st.randoms(use_true_random=False))
@RELAXED
def test_fusion_ignores_the_order_of_its_input(
    scores: dict[str, tuple[float, float]], weight: float, random: object
) -> None:
    keys = list(scores)
    shuffled = list(keys)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = ([{k: scores[k][i] for k in order} for i in (0, 1)] for order in (keys, shuffled))
    assert weighted_sum(*one, weight) == weighted_sum(*other, weight)
    documents = dict.fromkeys(keys, "d")
    a, b = (rank_by_score("s", side, documents) for side in one)
    assert reciprocal_rank_fusion([a, b], 60) == reciprocal_rank_fusion([b, a], 60)


@given(SCORES, st.floats(0, 1))
@RELAXED
def test_fused_scores_lie_in_the_unit_interval(scores: dict[str, tuple[float, float]], weight: float) -> None:
    fused = weighted_sum({k: s[0] for k, s in scores.items()}, {k: s[1] for k, s in scores.items()}, weight)
    assert all(-1e-9 <= score <= 1 + 1e-9 for score in fused.values())
