"""Settings: `citewell.toml`, overridden by `CITEWELL_SECTION__FIELD`, overridden by arguments; frozen, unknown keys refused."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from citewell.core.budgets import BudgetSettings, Price
from citewell.core.errors import SettingsError
from citewell.core.languages import LANGUAGES
from citewell.core.section import Section

ENV_PREFIX = "CITEWELL_"
BM25_K1, BM25_B = 1.2, 0.75  # Lucene's defaults; Robertson and Zaragoza, 2009, find 1.2 to 2 and 0.5 to 0.8 good
RRF_K = 60  # Cormack, Clarke, Buettcher, SIGIR 2009
# Variables with our prefix that are no settings: the data directory and the settings file of the command line.
ENV_OF_THE_COMMAND_LINE = {"CITEWELL_DIR", "CITEWELL_CONFIG"}


RuntimeName = Literal[
    "torch-float32",
    "torch-bfloat16",
    "openvino-float32",
    "openvino-bfloat16",
    "openvino-int8",
    "onnx-float32",
    "onnx-int8",
]


class EncoderSettings(Section):
    """What runs the models that read text."""

    runtime: Literal["auto"] | RuntimeName = Field(
        "auto",
        description="`auto`: what was measured to be fastest here and agrees with torch-float32, which is the reference and always works.",
    )
    threads: int = Field(
        0,
        ge=0,
        le=256,
        description="Threads of the models, and of dense searches together; 0 takes the cores that this process may use and that are free.",
    )
    cache: str = Field(
        "", description="Folder for converted models and measurements of this machine; by default in the user's cache."
    )


def _require_known(languages: Iterable[str]) -> None:
    unknown = sorted(set(languages) - set(LANGUAGES))
    if unknown:
        raise ValueError(f"{', '.join(unknown)} is no language that can be told; known are {', '.join(LANGUAGES)}")


class EmbedderSettings(Section):
    """The bi-encoder that turns passages and questions into vectors."""

    model: str = Field(
        "all-MiniLM-L6-v2", description="Bundled name, local path, or hub name (org/name) of a sentence-transformer."
    )
    dimensions: int = Field(
        0,
        ge=0,
        le=8192,
        description="Leading numbers of a vector that are kept, for models trained so (Matryoshka); 0: all.",
    )
    question_prompt: str | None = Field(
        None, description="Put before each question; by default what the model itself declares, else nothing."
    )
    passage_prompt: str | None = Field(None, description="Put before each passage; as question_prompt.")
    by_language: dict[str, str] = Field(
        {},
        description='Other models for passages in some languages, such as {de = "path/to/model"}; each lengthens the vectors.',
    )

    @field_validator("by_language")
    @classmethod
    def _known(cls, models: dict[str, str]) -> dict[str, str]:
        _require_known(models)
        return models


class ChunkingSettings(Section):
    """How documents are split into passages."""

    method: Literal["structure", "sentences", "paragraphs", "fixed", "none"] = Field(
        "structure",
        description="`structure` respects headings, paragraphs, sentences, and an edit moves only the cuts around it; `sentences`, "
        "`paragraphs` and `fixed` (words) fill passages one after another; `none` keeps whole documents.",
    )
    max_tokens: int = Field(
        256, ge=32, le=8192, description="Most tokens of a passage with its header, in the embedder's own tokenizer."
    )
    min_tokens: int = Field(48, ge=0, le=1024, description="Smaller sections join their neighbours, where they fit.")
    overlap_tokens: int = Field(
        0,
        ge=0,
        le=4096,
        description="Tokens that a passage repeats of the one before, whole sentences, blocks or words; with `sentences`, "
        "`paragraphs` and `fixed` only, at most half of max_tokens.",
    )

    @model_validator(mode="after")
    def _overlaps(self) -> ChunkingSettings:
        if self.overlap_tokens and self.method in {"structure", "none"}:
            raise ValueError(f"overlap_tokens must be 0 with the method {self.method}: its passages do not overlap")
        if self.overlap_tokens > self.max_tokens // 2:
            raise ValueError("overlap_tokens must be at most half of max_tokens")
        return self


class PathRule(Section):
    """What is said of every document whose path within its source fits a pattern."""

    path: str = Field(description="Pattern with `*` and `?`, such as `hr/*`; `*` also crosses folders.")
    groups: tuple[str, ...] | None = Field(None, description="Groups that may read them.")
    language: str | None = Field(None, description="Their language, such as `de`.")
    tags: tuple[str, ...] | None = Field(None, description="Their tags.")
    metadata: dict[str, str] | None = Field(None, description="Other metadata.")


class IngestSettings(Section):
    """Which files become documents."""

    rules: tuple[PathRule, ...] = Field(
        (), description="What is said of documents by their path; a later rule counts more."
    )

    exclude: tuple[str, ...] = Field(
        (),
        description="Files and folders that are passed over, such as `*.tmp` or `drafts`; a folder may list more in .citewellignore.",
    )
    max_file_bytes: int = Field(100_000_000, ge=1, description="Larger files are rejected, in bytes.")
    max_unpacked_bytes: int = Field(200_000_000, ge=1, description="Most bytes that a packed file may unpack to.")
    max_members: int = Field(10_000, ge=1, description="Most files in an archive.")
    max_depth: int = Field(5, ge=0, description="How deep archives and attachments may lie in one another.")
    max_seconds: int = Field(
        120,
        ge=1,
        description="Seconds after which the reading of a file is given up; of a page, where pictures are read.",
    )
    max_memory_mb: int = Field(1024, ge=64, description="Most memory of a process that reads files, in megabytes.")
    parsers: int = Field(
        0, ge=0, le=256, description="Processes that read files; 0 takes the cores that this process may use."
    )
    files_per_process: int = Field(
        200,
        ge=1,
        description="Files after which a process that reads files is replaced, so that nothing a library keeps adds up.",
    )
    ocr: Literal["auto", "off"] = Field(
        "auto", description="`auto` reads pictures of text with tesseract where it is installed."
    )
    ocr_languages: str = Field(
        "eng", description="Languages of pictures of text as tesseract names them, such as `eng+deu`."
    )
    ocr_max_pages: int = Field(500, ge=0, description="Most pages of a file that are read as pictures.")
    redact: tuple[Literal["email", "phone", "card", "iban", "national_id", "ip", "name"], ...] = Field(
        (),
        description="Personal data replaced by marks before anything is stored; empty: none. `name` needs citewell[names].",
    )
    phone_regions: tuple[str, ...] = Field(
        (),
        description="Countries whose phone numbers are known without a country code, such as GB; empty: by the document's language.",
    )
    window_documents: int = Field(64, ge=1, le=10_000, description="Most documents read, embedded and stored together.")
    window_bytes: int = Field(
        32_000_000,
        ge=1,
        description="Most bytes of files read, embedded and stored together, unless one file alone has more.",
    )


class LexicalSettings(Section):
    """BM25."""

    engine: Literal["tantivy", "rank_bm25"] = Field(
        "tantivy", description="`tantivy`: inverted index; `rank_bm25`: scans every passage, for small corpora."
    )
    k1: float = Field(BM25_K1, ge=0, le=10, description="Saturation of term frequency; tantivy has 1.2 compiled in.")
    b: float = Field(BM25_B, ge=0, le=1, description="Share of length normalisation; tantivy has 0.75 compiled in.")
    # Fitted on training sets only: docs/decisions/0015.
    title_weight: float = Field(
        0.2,
        ge=0,
        le=10,
        description="Weight of words in the document's title, on top of what they count in the passage.",
    )
    headings_weight: float = Field(
        0.2, ge=0, le=10, description="Weight of words in the headings above the passage, as title_weight."
    )

    @model_validator(mode="after")
    def _compiled_in(self) -> LexicalSettings:
        if self.engine == "tantivy" and (self.k1, self.b) != (BM25_K1, BM25_B):
            raise ValueError(
                "tantivy has k1 = 1.2 and b = 0.75 compiled in; other values need lexical.engine = rank_bm25"
            )
        return self


class RetrieveSettings(Section):
    """First-stage retrieval."""

    depth: int = Field(100, ge=1, le=10_000, description="Distinct documents that each first-stage retriever returns.")


class FusionSettings(Section):
    """How the first-stage rankings become one."""

    method: Literal["min_max", "z_score", "rrf"] = Field(
        "min_max", description="Weighted sum of min-max or z scores, or reciprocal rank fusion."
    )
    dense_weight: float = Field(0.5, ge=0, le=1, description="Share of the dense score in a sum; BM25 has the rest.")
    rrf_k: int = Field(RRF_K, ge=1, le=1000, description="The constant k of reciprocal rank fusion.")


class RerankSettings(Section):
    """Learning to rank, and the cross-encoder."""

    ltr: bool = Field(True, description="Order the fused candidates by a learned model over first-stage features.")
    ltr_depth: int = Field(100, ge=1, le=1000, description="Candidates that the learned model orders.")
    model: str = Field(
        "citewell-reader",
        description="Bundled name (citewell-reader), local path, hub name (org/name) or URL of a cross-encoder; empty: none.",
    )
    languages: tuple[str, ...] | Literal["auto"] = Field(
        "auto",
        description='Languages that the cross-encoder reads, such as ["en"]; passages in others are ordered and weighed without it. `auto`: those that its folder declares; empty: all.',
    )
    max_forwards: int = Field(20, ge=1, le=1000, description="Most candidates that the cross-encoder reads a question.")
    budget_ms: int = Field(
        0, ge=0, le=60_000, description="Milliseconds for reading; measured once, it lowers max_forwards. 0: no budget."
    )
    early_exit: bool = Field(
        True, description="Stop reading when the first passages, as many as the context holds, can no longer change."
    )
    weight: Annotated[float, Field(ge=0, le=1)] | Literal["auto"] = Field(
        "auto",
        description="Share of the cross-encoder's score in the blended order; `auto`: what its folder declares, or a cautious 0.3.",
    )
    max_tokens: int = Field(256, ge=16, le=8192, description="Most tokens of question and passage together.")
    on_failure: Literal["fail", "skip"] = Field(
        "fail",
        description="When the cross-encoder cannot be loaded or used: refuse, or answer in the order before it and say so.",
    )
    endpoint_api: Literal["tei", "jina"] = Field(
        "tei", description="What an endpoint speaks: Text Embeddings Inference's /rerank, or Jina's and Cohere's."
    )
    endpoint_key: SecretStr = Field(SecretStr(""), description="Sent to the endpoint as `Authorization: Bearer KEY`.")
    endpoint_model: str = Field(
        "", description="Name of the model that the endpoint is asked for, where it has several."
    )
    endpoint_timeout_s: float = Field(10.0, gt=0, le=600, description="Seconds after which an endpoint has failed.")

    @model_validator(mode="after")
    def _fits(self) -> RerankSettings:
        if self.ltr and self.max_forwards > self.ltr_depth:
            raise ValueError("max_forwards must not be above ltr_depth: what is read must have been ordered")
        _require_known(() if self.languages == "auto" else self.languages)
        return self


class ContextSettings(Section):
    """What the generator sees."""

    max_tokens: int = Field(
        3072,
        ge=64,
        le=131_072,
        description="Tokens that a prompt never exceeds, with question, instructions and what is written.",
    )
    tokens: int = Field(
        1536,
        ge=64,
        le=131_072,
        description="Tokens of passages as English needs them; a script that takes more for the same gets more, up to max_tokens.",
    )
    max_passages: int = Field(8, ge=1, le=100, description="Most passages in the context.")
    per_document: int = Field(4, ge=1, le=100, description="Most passages of one document in the context.")


class GenerateSettings(Section):
    """The answer."""

    model: str = Field(
        "",
        description="What writes answers: empty, the documents' own sentences; else a GGUF file, `smollm2`, a folder or name that transformers loads, the address of an OpenAI-compatible endpoint such as http://127.0.0.1:8080/v1, or one of its presets and a model such as groq:openai/gpt-oss-20b.",
    )
    fallback: tuple[str, ...] = Field(
        (),
        description="Models that are asked in turn where generate.model fails or nothing that it writes can be verified; at last the documents are quoted.",
    )
    endpoint_model: str = Field(
        "",
        description="The model that is asked of the endpoint generate.model; empty: the only one it serves. Any address may name its own: http://host/v1#NAME.",
    )
    endpoint_key: SecretStr = Field(
        SecretStr(""),
        description="The key of generate.model and its replicas; empty: that of the preset's environment variable, such as GROQ_API_KEY.",
    )
    keys: dict[str, SecretStr] = Field(
        {},
        description="Keys of models in generate.fallback, by their names there; a preset's has its environment variable.",
    )
    replicas: tuple[str, ...] = Field(
        (),
        description="Further endpoints that serve the same model as generate.model; each question goes to the one with the least to do.",
    )
    prices: dict[str, Price] = Field(
        {},
        description="Price of a million tokens by model, as generate.model names it: {read, written, cached}; models of this machine are free.",
    )
    draft: str = Field(
        "",
        description="What guesses tokens ahead for a GGUF model: `prompt` (they are looked up in the prompt) or the GGUF file of a smaller model with the same vocabulary; it is left off again where too few guesses are right. Empty: nothing.",
    )
    structured: bool = Field(
        True,
        description="Hold a model to a JSON schema. Off, it writes lines: for an endpoint that does not know json_schema, and for very small models, which write better so.",
    )
    window: int = Field(
        4096, ge=512, le=1_000_000, description="Tokens that a language model reads and writes at most."
    )
    answer_tokens: int = Field(256, ge=16, le=8192, description="Most tokens of a written answer.")
    timeout_s: float = Field(
        60.0, gt=0, le=3600, description="Seconds for a written answer, retries included; then it is quoted instead."
    )
    verify: Literal["before", "after"] = Field(
        "before",
        description="When a streamed sentence is shown: after it was checked, or as soon as it is written; then the last event corrects it.",
    )
    verifier: str = Field(
        "citewell-verifier",
        description="Bundled name or local path of what checks sentences by meaning; `alignment`: by words and figures alone.",
    )
    max_sentences: int = Field(3, ge=1, le=5, description="Most sentences of an answer.")
    risk: float = Field(
        0.0,
        ge=0,
        le=0.5,
        description="Share of answers that may be wrong; the calibration tells the threshold for it. 0: generate.threshold.",
    )
    # On held-out questions 0.40 answers 0.90 of the answerable and refuses 0.72 of the others, near misses among them: the
    # best mean of both.
    threshold: float = Field(
        0.4, ge=0, le=1, description="Abstain when the probability that the context holds the answer is lower."
    )

    def of(self, name: str) -> GenerateSettings:
        """These settings for one of the models that they name; a key goes only to whom it was set for."""
        address, _, asked = name.partition("#") if "://" in name else (name, "", "")
        changed: dict[str, object] = {"model": address}
        if name not in (self.model, *self.replicas):
            changed |= {"endpoint_key": self.keys.get(name, SecretStr("")), "endpoint_model": ""}
        return self.model_copy(update=changed | ({"endpoint_model": asked} if asked else {}))


class StorageSettings(Section):
    """What is kept."""

    keep_generations: int = Field(2, ge=1, le=100, description="Index generations kept on disk, the live one included.")
    verify_on_open: bool = Field(
        True, description="Compare index files with their checksums when they are opened, once a process."
    )
    merge_mb_per_s: float = Field(
        50.0, ge=0, description="Megabytes a second at which small blocks are merged in the background; 0: no limit."
    )
    keep_questions: int = Field(
        200,
        ge=0,
        le=1_000_000,
        description="Questions kept beside the index, so that `citewell explain ID` can replay their answers; 0: none.",
    )
    keep_versions_days: int = Field(
        30, ge=0, description="Days for which an earlier version of a living document can be opened."
    )


class ApiSettings(Section):
    """The HTTP service."""

    host: str = Field("127.0.0.1", description="Address to serve on; another than loopback needs api.key.")
    port: int = Field(8765, ge=0, le=65_535, description="Port to serve on; 0 takes a free one.")
    key: SecretStr = Field(
        SecretStr(""), description="Callers send it as `Authorization: Bearer KEY`; empty: loopback only."
    )
    max_upload_bytes: int = Field(50_000_000, ge=1, description="Larger uploads are refused, in bytes.")
    max_question_chars: int = Field(2000, ge=1, description="Longer questions are refused, in characters.")


class Settings(BaseSettings):
    """All settings; build them with `load_settings`."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        frozen=True,
        extra="forbid",
        nested_model_default_partial_update=True,
    )
    config_file: ClassVar[Path | None] = None

    encoders: EncoderSettings = EncoderSettings()
    embedder: EmbedderSettings = EmbedderSettings()
    chunking: ChunkingSettings = ChunkingSettings()
    ingest: IngestSettings = IngestSettings()
    lexical: LexicalSettings = LexicalSettings()
    retrieve: RetrieveSettings = RetrieveSettings()
    fusion: FusionSettings = FusionSettings()
    rerank: RerankSettings = RerankSettings()
    context: ContextSettings = ContextSettings()
    generate: GenerateSettings = GenerateSettings()
    budget: BudgetSettings = BudgetSettings()
    storage: StorageSettings = StorageSettings()
    api: ApiSettings = ApiSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments over environment over file."""
        del dotenv_settings, file_secret_settings
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=cls.config_file)

    def config_hash(self) -> str:
        """Twelve hexadecimal digits over every setting that can change an answer; where it is served from does not."""
        left_out: Any = {
            "api": True,
            "storage": True,
            "encoders": {"threads", "cache"},
            "budget": True,
            "generate": {"endpoint_key", "prices", "replicas", "verify"},
            "rerank": {"endpoint_key", "endpoint_timeout_s", "budget_ms"},
        }
        answering = self.model_dump(mode="json", exclude=left_out)
        return hashlib.sha256(json.dumps(answering, sort_keys=True).encode()).hexdigest()[:12]


def load_settings(config_file: Path | None = None, **overrides: Any) -> Settings:
    """The settings in force; `overrides` are sections as mappings, such as `fusion={"method": "rrf"}`.

    Without `config_file`, `citewell.toml` of the working directory is read where it exists. Raises SettingsError.
    """
    if config_file is not None and not config_file.is_file():
        raise SettingsError(f"the settings file {config_file} does not exist", hint="Check the path given by --config.")
    found = config_file or (Path("citewell.toml") if Path("citewell.toml").is_file() else None)
    _refuse_unknown_variables()
    source = type("Settings", (Settings,), {"config_file": found, "__doc__": Settings.__doc__})
    try:
        return source(**overrides)  # type: ignore[no-any-return]
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors())
        raise SettingsError(f"settings are not valid: {problems}") from None
    except ValueError as error:  # a file that is no TOML, or a variable that is no section
        hint = f"Mend the TOML of {found}, or the variable CITEWELL_SECTION__FIELD that is named."
        raise SettingsError(f"settings cannot be read: {error}", hint=hint) from None


def _refuse_unknown_variables() -> None:
    for name in os.environ:
        section = name.removeprefix(ENV_PREFIX).split("__")[0].lower()
        if name.startswith(ENV_PREFIX) and name not in ENV_OF_THE_COMMAND_LINE and section not in Settings.model_fields:
            raise SettingsError(f"the environment variable {name} names no setting: there is no section {section!r}")


def describe_settings(settings: Settings) -> list[dict[str, object]]:
    """Every setting as `{name, value, default, description}`, in the order of the sections."""
    rows: list[dict[str, object]] = []
    for section in Settings.model_fields:
        values = getattr(settings, section)
        for name, field in type(values).model_fields.items():
            value, default = getattr(values, name), field.default
            shown = {"value": _shown(value), "default": "" if isinstance(value, SecretStr) else default}
            rows.append({"name": f"{section}.{name}", **shown, "description": field.description})
    return rows


def _shown(value: object) -> object:
    """A value without its secrets."""
    if isinstance(value, SecretStr):
        return "set" if value.get_secret_value() else ""
    return {key: _shown(one) for key, one in value.items()} if isinstance(value, dict) else value
