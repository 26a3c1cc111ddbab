"""What is sent and answered over HTTP."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Offset = Annotated[int, Field(ge=0, description="Index of a character (code point) in the document's stored text.")]
DocId = Annotated[str, Field(description="Stable id of the document.", examples=["3f2a9c1de07b4455"])]
Version = Annotated[str, Field(description="Hash of the document's normalised text.", examples=["9b1c77d02e4f6a13"])]


FILTER = Field(
    "",
    description="Which documents to look in, such as `language:de AND (tag:manual OR path:reports/*) AND NOT type:pdf`; blank: all.",
    examples=["tag:manual AND date>=2024-01-01"],
)


CHUNK_ID = Field(description="Id of a passage, as a search lists it.", pattern="^[0-9a-f]{16}$")


class Question(BaseModel):
    """A question."""

    model_config = ConfigDict(extra="forbid")

    question: str = Field(description="The question in words.", examples=["How many days of annual leave do I have?"])
    filter: str = FILTER
    explain: bool = Field(False, description="Also return the context's ledger and the trace of each stage.")


class SearchRequest(BaseModel):
    """A search."""

    model_config = ConfigDict(extra="forbid")

    query: str = Field(description="Words or a question.", examples=["annual leave carry over"])
    filter: str = FILTER
    limit: int = Field(10, ge=1, le=20, description="Most passages to return.")
    per_document: int | None = Field(None, ge=1, description="Most passages of one document.")
    facets: bool = Field(
        False, description="Also count sources, languages, types and tags of the documents that were found."
    )


class SimilarRequest(BaseModel):
    """A passage, and how many like it are wanted."""

    model_config = ConfigDict(extra="forbid")

    chunk_id: str = CHUNK_ID
    filter: str = FILTER
    limit: int = Field(10, ge=1, le=20, description="Most passages to return.")


class RegionModel(BaseModel):
    """A line of a page, from a character on."""

    start_char: Offset
    page: int
    box: tuple[float, float, float, float] = Field(
        description="Left, top, right, bottom in points from the upper left corner of the page as it is shown."
    )


class CitationModel(BaseModel):
    """The exact characters that support a sentence."""

    marker: int = Field(description="Number of the passage in the context, as in `[1]`.", examples=[1])
    doc_id: DocId
    version: Version
    uri: str = Field(description="Where the document came from.", examples=["handbook/leave.pdf"])
    page: int | None = Field(description="Page from 1, where the format has pages.", examples=[3])
    start_char: Offset
    end_char: Offset
    quote: str = Field(
        description="The stored text from start_char to end_char.", examples=["You have 28 days of leave a year."]
    )
    support: float = Field(description="How far the quote supports the sentence, from 0 to 1.", examples=[1.0])
    place: str = Field("", description="Where it stands when that is no page.", examples=["Prices!A5:D5"])
    also_in: list[str] = Field(
        [], description="Uris of documents that say nearly the same and hold the very same quote."
    )
    regions: list[RegionModel] = Field([], description="The lines on which it stands, where the format has pages.")


class LeanModel(BaseModel):
    """A sentence that another leans on."""

    kind: Literal["antecedent", "condition", "list", "question"] = Field(
        description="What a pronoun stands for, the condition it is under, what introduces the list it is an item of, or the question it answers."
    )
    citation: CitationModel


class SentenceModel(BaseModel):
    """A sentence with its citations, and with what it leans on where it would mislead alone."""

    text: str = Field(examples=["You have 28 days of leave a year."])
    citations: list[CitationModel]
    highlight: tuple[int, int] | None = Field(
        None,
        description="The characters of the text that answer in short, where a reader found them.",
        examples=[[9, 16]],
    )
    share: float = Field(
        0.0, description="Probability that this sentence holds the answer, given that one of the context does."
    )
    heading: str = Field("", description="Title and headings above a quoted sentence.", examples=["Handbook › Leave"])
    columns: str = Field(
        "", description="What the columns of a quoted row are called.", examples=["Meal | Staff | Guests"]
    )
    leans_on: list[LeanModel] = Field([], description="Sentences without which it could be misread.")


class NearestModel(BaseModel):
    """A document near the question, told with an abstention."""

    doc_id: DocId
    uri: str
    page: int | None
    title: str


class ConflictModel(BaseModel):
    """What another document says against a sentence of the answer."""

    sentence: int = Field(description="Number of the sentence, from 0.")
    citation: CitationModel
    reason: str = Field(description="What differs.", examples=["number_differs"])


class SupersededModel(BaseModel):
    """An older edition that was left aside, and the newer one that speaks of the same."""

    older: DocId
    older_uri: str
    newer: DocId
    newer_uri: str


class AnswerModel(BaseModel):
    """The answer: checked sentences, or an abstention."""

    answer_id: str = Field(
        description="The same whenever the same question meets the same index, settings and rights.",
        examples=["5f3a9c0e7d21b846"],
    )
    question: str
    status: Literal["grounded", "partial", "abstained"] = Field(
        description="`grounded`: every sentence has a verified citation."
    )
    text: str = Field(description="The answer with its markers, or the refusal.")
    short_answer: str = Field(description="The highlighted words; empty where there are none.", examples=["28 days"])
    sentences: list[SentenceModel]
    route: str = Field(description="How the answer was made.", examples=["extractive"])
    sufficiency: float = Field(description="Probability that the context holds the answer.", examples=[0.83])
    threshold: float = Field(description="Below it the service abstains.", examples=[0.5])
    uncalibrated: str = Field(description="Why sufficiency is an estimate and no probability; empty where it is one.")
    reasons: list[str] = Field(
        description="Codes of what was decided, such as `part_missing`; docs/ARCHITECTURE.md lists them.",
        examples=[["superseded"]],
    )
    missing: list[str] = Field(description="Parts of the question that the documents do not answer.")
    conflicts: list[ConflictModel] = Field(description="What other documents say against it.")
    superseded: list[SupersededModel] = Field(description="Older editions that were left aside.")
    looked_for: list[str] = Field(description="With an abstention: the words that were searched for.")
    nearest: list[NearestModel] = Field(description="With an abstention: where to look on.")
    warnings: list[str] = Field(description="What was left undone, such as reranking when its model fails.")
    timings_ms: dict[str, float] = Field(description="Milliseconds by stage.")
    usage: dict[str, int] = Field(description="Token counts.")
    cost: float = Field(description="What language models took for it, in the currency of generate.prices.")
    config_hash: str = Field(description="Names the settings in force.")
    generation: str = Field(description="Names the index generation that answered.", examples=["000007"])
    context: dict[str, Any] | None = Field(
        None, description="With `explain`: what entered the context, and the ledger of every candidate."
    )
    trace: list[dict[str, Any]] | None = Field(None, description="With `explain`: each stage.")
    checks: list[dict[str, Any]] | None = Field(
        None, description="With `explain`: what verification made of each drafted sentence, and why."
    )
    evidence: dict[str, Any] | None = Field(None, description="With `explain`: the numbers behind sufficiency.")


class ExplainRequest(BaseModel):
    """A question and the passage that is to be explained for it."""

    model_config = ConfigDict(extra="forbid")

    query: str = Field(description="Words or a question.", examples=["annual leave carry over"])
    chunk_id: str = CHUNK_ID
    filter: str = FILTER


class TermModel(BaseModel):
    """What one term of a question adds to a passage's BM25 score by one field."""

    term: str
    field: str = Field(
        description="`body` (the passage under its title and headings), `title`, `headings` or `bridges`."
    )
    weight: float = Field(description="Of the field.")
    occurrences: int = Field(description="In the field.")
    passages_with: int = Field(description="With the term in this field.")
    passages: int
    idf: float
    length: int = Field(description="Of the field, in terms.")
    mean_length: float
    score: float
    formula: str


class ExplanationModel(BaseModel):
    """Why a passage stands where it stands."""

    query: str
    languages: list[str] = Field(description="In which the question's words were read.")
    chunk_id: str
    uri: str
    text: str
    terms: list[TermModel]
    bm25: float
    cosine: float
    fusion: dict[str, Any] = Field(
        description="Method, normalised parts, their ranges, the fused score and its formula."
    )
    ranks: dict[str, int | None] = Field(description="Rank at each stage; null where it is no candidate.")
    generation: str


class PassageModel(BaseModel):
    """A passage that fits a search."""

    rank: int
    chunk_id: str
    doc_id: DocId
    version: Version
    uri: str
    title: str
    heading_path: list[str]
    page: int | None
    place: str = Field(description="Where it stands when that is no page.", examples=["Prices!A5:D9"])
    start_char: Offset
    end_char: Offset
    text: str
    highlights: list[tuple[int, int]] = Field(
        description="Where words of the search stand in `text`: first character, and the one after the last."
    )
    score: float
    scores: dict[str, float] = Field(description="Score by stage.")


class NeighbourModel(BaseModel):
    """A passage beside another one."""

    chunk_id: str
    start_char: Offset
    end_char: Offset
    text: str


class NeighboursModel(BaseModel):
    """The passages around one, in reading order."""

    before: list[NeighbourModel]
    after: list[NeighbourModel]


class SearchModel(BaseModel):
    """The passages that fit a search, best first."""

    query: str
    passages: list[PassageModel]
    corrections: dict[str, str] = Field(description="For words that stand in no passage: a like word that does.")
    facets: dict[str, dict[str, int]] | None = Field(
        None, description="With `facets`: how many documents have each value."
    )
    warnings: list[str] = Field(description="What was left undone, such as reranking when its model fails.")
    timings_ms: dict[str, float]
    config_hash: str
    generation: str


class DocumentModel(BaseModel):
    """A document's facts."""

    doc_id: DocId
    version: Version
    uri: str
    title: str
    media_type: str = Field(examples=["application/pdf"])
    language: str
    metadata: dict[str, str]
    chars: int
    pages: int | None


class SummaryModel(BaseModel):
    """A line of the list of documents."""

    doc_id: DocId
    version: Version
    uri: str
    title: str
    media_type: str
    language: str
    chars: int
    passages: int


class TextModel(BaseModel):
    """A part of a document's stored text."""

    doc_id: DocId
    version: Version
    start_char: Offset
    end_char: Offset
    text: str


class UploadModel(BaseModel):
    """What an upload did; unless it is `queued`, it is stored and searchable when this arrives."""

    doc_id: DocId
    outcome: Literal["added", "changed", "unchanged", "container", "queued"] = Field(
        description="`container`: it holds documents; `queued`: it is stored for good, and the job will make it searchable."
    )
    job: int = Field(description="Number of the job, as in `/v1/jobs/{job}`.", examples=[12])
    documents: list[str] = Field(description="Uris that were added or changed: of the upload and of what lies in it.")
    passages: int
    chunks_embedded: int
    generation: str


class FailureModel(BaseModel):
    """A file that became no document."""

    uri: str
    code: str = Field(examples=["file.encrypted"])
    reason: str
    hint: str


class JobModel(BaseModel):
    """An ingestion."""

    job: int
    kind: str = Field(description="`paths`, `feed`, `upload`, `retry` or `documents`.")
    label: str
    state: Literal["planning", "running", "paused", "publishing", "done", "cancelled", "superseded"]
    waiting: int = Field(description="Files that are still to be read.")
    leased: int = Field(description="Files that a worker has.")
    settled: int = Field(description="Files that are dealt with.")
    outcomes: dict[str, int] = Field(description="Files by what they came to.", examples=[{"added": 12, "dead": 1}])
    created_at: str
    ended_at: str | None
    generation: str = Field(description="That made it searchable; empty before.")


class JobReportModel(JobModel):
    """An ingestion, with what became of its files."""

    added: list[str]
    changed: list[str]
    removed: list[str]
    failed: list[FailureModel]
    needs_ocr: list[FailureModel]
    warnings: list[str]
    pages: int
    passages: int
    tokens: int
    timings_ms: dict[str, float]


class LetterModel(FailureModel):
    """A dead letter: a file that became no document, and which bytes those were."""

    content_key: str = Field(
        description="Version of the parsers and SHA-256 of the bytes; empty where they could not be read."
    )
    attempts: int
    died_at: str


class DeletedModel(BaseModel):
    """A deletion; from now on the document is in no answer."""

    doc_id: DocId
    uri: str


class CacheModel(BaseModel):
    """How full a cache is and how often it helped."""

    name: str
    held: int
    capacity: int
    hits: int
    misses: int
    hit_rate: float


class StatusModel(BaseModel):
    """What the index holds and what runs the models, as `citewell status --json` tells it, and the caches of this service."""

    index: dict[str, Any]
    caches: list[CacheModel]


class StateModel(BaseModel):
    """Whether the service lives and can answer."""

    status: str
    generation: str | None = None


class ErrorDetail(BaseModel):
    """What went wrong and what to do next."""

    code: str = Field(examples=["index.missing"])
    message: str
    hint: str
    retryable: bool


class ErrorModel(BaseModel):
    """The one shape of every error."""

    error: ErrorDetail
