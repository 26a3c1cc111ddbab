"""Fixtures on the real offline models: one embedder a session, one index of the sample documents."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from citewell.core.models import BUNDLED_EMBEDDER, go_offline, model_folder
from citewell.core.resources import package_path
from citewell.core.settings import EmbedderSettings, EncoderSettings, RerankSettings, Settings, load_settings
from citewell.core.tokens import ModelTokenizer
from citewell.index.embed import SentenceEmbedder
from citewell.pipeline.build import ingest_paths
from citewell.pipeline.wiring import Engine
from citewell.rerank.reader import ReadingCrossEncoder

go_offline()

DOCUMENTS = {
    "leave.md": "# Leave\n\n## Annual leave\n\nEvery employee has 28 days of annual leave a year.\n\n"
    "## Carrying over\n\nUp to five days may be carried over until 31 March.\n",
    "travel.md": "# Travel\n\nHotels cost at most 145 euros a night. Trains are booked in second class.\n",
    "pumps.txt": "Pump manual\n\nThe pump P200 moves 12 litres a minute.\n\nError E41 means that the inlet is blocked.\n",
}


# In tests models run by one runtime that is near enough to the reference, so that what is asserted does not depend on the machine.
RUNTIME = "openvino-float32"


@pytest.fixture(scope="session")
def model_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where models are kept that were converted in this session."""
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def encoder_settings(model_cache: Path) -> EncoderSettings:
    return EncoderSettings(runtime=RUNTIME, cache=str(model_cache))


@pytest.fixture(autouse=True)
def _no_outside_settings(monkeypatch: pytest.MonkeyPatch, encoder_settings: EncoderSettings) -> None:
    """No test sees settings of whoever runs it, or measures the machine unless it is about that."""
    for name in list(os.environ):
        if name.startswith("CITEWELL_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("CITEWELL_ENCODERS__RUNTIME", encoder_settings.runtime)
    monkeypatch.setenv("CITEWELL_ENCODERS__CACHE", encoder_settings.cache)


@pytest.fixture(scope="session")
def tokenizer() -> ModelTokenizer:
    return ModelTokenizer(model_folder(BUNDLED_EMBEDDER))


@pytest.fixture(scope="session")
def embedder(encoder_settings: EncoderSettings) -> SentenceEmbedder:
    return SentenceEmbedder(EmbedderSettings(), encoder_settings)


@pytest.fixture(scope="session")
def shipped_reader(encoder_settings: EncoderSettings) -> ReadingCrossEncoder:
    settings = RerankSettings()
    return ReadingCrossEncoder(model_folder(settings.model), settings, encoder_settings)


@pytest.fixture(scope="session")
def make_engine(embedder: SentenceEmbedder, shipped_reader: ReadingCrossEncoder) -> Callable[..., Engine]:
    """Engines that share the one embedder and the one cross-encoder, so that their weights are loaded once a session."""

    def make(directory: Path, settings: Settings | None = None) -> Engine:
        engine = Engine(directory, settings or load_settings())
        if engine.settings.encoders.runtime != RUNTIME:
            return engine
        if engine.settings.embedder.model == BUNDLED_EMBEDDER and not engine.settings.embedder.by_language:
            engine.__dict__["embedder"] = embedder
        if _reads_alike(engine.settings.rerank, RerankSettings()):
            engine.__dict__["reranker"] = shipped_reader
        return engine

    return make


def _reads_alike(one: RerankSettings, other: RerankSettings) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in ("model", "max_tokens"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder `papers` with three small documents."""
    papers = tmp_path / "papers"
    papers.mkdir()
    for name, text in DOCUMENTS.items():
        (papers / name).write_text(text, encoding="utf-8")
    return papers


@pytest.fixture
def engine(tmp_path: Path, folder: Path, make_engine: Callable[..., Engine]) -> Iterator[Engine]:
    """An engine over an index of the three small documents."""
    built = make_engine(tmp_path / "index")
    ingest_paths(built, [folder])
    yield built
    built.close()


@pytest.fixture(scope="session")
def sample_engine(tmp_path_factory: pytest.TempPathFactory, make_engine: Callable[..., Engine]) -> Iterator[Engine]:
    """An engine over an index of the sample documents; read only."""
    built = make_engine(tmp_path_factory.mktemp("sample"))
    ingest_paths(built, [package_path("data", "sample", "corpus")], source="sample")
    yield built
    built.close()


@pytest.fixture(scope="session")
def tiny_cross_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a randomly initialised BERT classifier of one layer and the bundled tokenizer."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    folder = tmp_path_factory.mktemp("cross-encoder")
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=30522, hidden_size=32, num_hidden_layers=1, num_attention_heads=2, intermediate_size=64, num_labels=1
    )
    BertForSequenceClassification(config).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "vocab.txt", "special_tokens_map.json"):
        shutil.copy(model_folder(BUNDLED_EMBEDDER) / name, folder / name)
    return folder


@pytest.fixture(scope="session")
def tiny_reader(tmp_path_factory: pytest.TempPathFactory, tiny_cross_encoder: Path) -> Path:
    """The tiny cross-encoder with a reader's heads, as training would leave it."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from citewell.rerank.train.pair_model import PairModel

    folder = tmp_path_factory.mktemp("reader")
    torch.manual_seed(1)
    trunk = AutoModelForSequenceClassification.from_pretrained(tiny_cross_encoder)
    PairModel(trunk, trunk.config.hidden_size).save(folder, AutoTokenizer.from_pretrained(tiny_cross_encoder))
    return folder
