"""What is kept between runs: networks in their converted forms, and what was measured of them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import platformdirs
from filelock import FileLock, Timeout
from pydantic import ValidationError
from tokenizers import Tokenizer

from citewell.core.errors import ModelMismatch
from citewell.core.files import replace_text
from citewell.core.models import require_checksums, write_checksums
from citewell.encoders.network import Vocabulary
from citewell.encoders.runtimes import CONVERTING, PACKAGES
from citewell.encoders.slices import checksum
from citewell.encoders.tuning import BOUNDS, Tuning

CARD = "card.json"
TOKENIZER = "tokenizer.json"
FOLDER = "encoders"
_WAIT_S = 600.0  # for another process that converts the same network
_log = logging.getLogger("citewell.encoders")


def cache_folder(configured: str) -> Path:
    """Where converted networks lie: as configured, or in the user's cache."""
    return Path(configured).expanduser() if configured else Path(platformdirs.user_cache_dir("citewell", False))


class Kept:
    """Converted networks in a cache, which may be removed at any time, and tunings there and beside an index.

    A folder that cannot be written to keeps nothing: everything works, and is done again by the next process.
    """

    def __init__(self, cache: Path, beside: Path | None = None) -> None:
        self._cache = cache / FOLDER
        self._beside = None if beside is None else beside / FOLDER
        self._told: set[Path] = set()

    def tuning(self, network: str, machine: str) -> Tuning | None:
        """What was measured here: for this index, else on a machine of this kind at all; None also where another version measured otherwise."""
        for folder in (self._beside, self._cache):
            with contextlib.suppress(OSError, ValidationError):
                if folder is not None:
                    found = Tuning.model_validate_json((folder / _name(network, machine)).read_bytes())
                    if (found.texts, found.bounds) == (checksum(), BOUNDS):
                        return found
        return None

    def remember(self, tuning: Tuning) -> None:
        """Keeps a tuning in both places."""
        for folder in (self._cache, self._beside):
            if folder is not None:
                self._write(folder / _name(tuning.network, tuning.machine), tuning.model_dump_json(indent=1))

    def adopt(self, network: str, machine: str) -> Tuning | None:
        """What is known, kept beside the index from now on: what is measured later for others changes nothing here."""
        known = self.tuning(network, machine)
        if known is not None and self._beside is not None:
            own, told = self._beside / _name(network, machine), known.model_dump_json(indent=1)
            if not own.is_file() or own.read_text(encoding="utf-8").strip() != told:
                self._write(own, told)
        return known

    def refusal(self, network: str, machine: str, runtime: str) -> str | None:
        """What was found when this runtime was compared with the reference: why it is not used, empty when it may be; None where it was not."""
        try:
            told = json.loads((self._cache / network / _name(runtime, machine)).read_text(encoding="utf-8"))
            return str(told["refused"]) if told["compared"] == _compared(runtime) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def note_refusal(self, network: str, machine: str, runtime: str, refused: str) -> None:
        """Keeps what was found."""
        told = {"runtime": runtime, "refused": refused, "compared": _compared(runtime)}
        self._write(self._cache / network / _name(runtime, machine), json.dumps(told, indent=1))

    def _write(self, path: Path, content: str) -> None:
        with contextlib.suppress(OSError):
            replace_text(path, content + "\n")

    def converted(self, network: str, family: str) -> Path | None:
        """The folder with the network in this form; None where there is none, or only one that is damaged or of other versions."""
        folder = self._cache / network / family
        try:
            if not folder.is_dir():
                return None
            require_checksums(folder)
            card = json.loads((folder / CARD).read_text(encoding="utf-8"))
        except (ModelMismatch, OSError, ValueError) as error:
            what = error.message if isinstance(error, ModelMismatch) else type(error).__name__
            if folder not in self._told:
                _log.warning("the converted model in %s is damaged and is made anew: %s", folder, what)
                self._told.add(folder)
            return None
        return folder if _runs_with(family).items() <= card.get("made_with", {}).items() else None

    def convert(
        self, network: str, family: str, vocabulary: Vocabulary, write: Callable[[Path], dict[str, Any]]
    ) -> Path:
        """The folder with the network in this form, made by `write` unless another process has made it meanwhile."""
        with self._turn(network) as writable:
            known = self.converted(network, family) if writable else None
            if known is not None:
                return known
            if not writable:
                passing = tempfile.mkdtemp(prefix="citewell-")
                weakref.finalize(self, shutil.rmtree, passing, ignore_errors=True)
                return _fill(Path(passing), family, vocabulary, write)
            folder = self._cache / network / family
            part = folder.with_name(f"{family}.{os.getpid()}.part")
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir(parents=True)
            try:
                _fill(part, family, vocabulary, write)
                shutil.rmtree(folder, ignore_errors=True)
                part.rename(folder)
            finally:
                shutil.rmtree(part, ignore_errors=True)
            return folder

    @contextlib.contextmanager
    def _turn(self, network: str) -> Iterator[bool]:
        """One process at a time converts a network; gives whether the cache can be written to."""
        lock = FileLock(self._cache / network / "converting.lock", timeout=_WAIT_S)
        try:
            (self._cache / network).mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except (OSError, Timeout):
            yield False
            return
        try:
            yield True
        finally:
            lock.release()


def _fill(folder: Path, family: str, vocabulary: Vocabulary, write: Callable[[Path], dict[str, Any]]) -> Path:
    card = write(folder)
    vocabulary.tokenizer.save(str(folder / TOKENIZER))
    reads = {
        "inputs": vocabulary.inputs,
        "outputs": vocabulary.outputs,
        "pad_id": vocabulary.pad_id,
        "max_tokens": vocabulary.max_tokens,
    }
    library = family.partition("-")[0]
    made_with = versions("torch", *PACKAGES[library], *CONVERTING.get(family, ()))
    told = {"made_with": made_with, **reads, **card}
    (folder / CARD).write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    write_checksums(folder)
    return folder


def vocabulary_in(folder: Path) -> Vocabulary:
    """The vocabulary of a converted network."""
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
    return Vocabulary(
        tokenizer, tuple(card["inputs"]), tuple(card["outputs"]), int(card["pad_id"]), int(card["max_tokens"])
    )


def versions(*packages: str) -> dict[str, str]:
    """The installed versions of those of these packages that are installed."""
    found = {}
    for name in packages:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _compared(runtime: str) -> dict[str, str]:
    """What a comparison depends on besides the network and the machine: the library, the texts, and what is asked of it."""
    return {**_runs_with(runtime), "texts": checksum(), "bounds": BOUNDS}


def _runs_with(runtime: str) -> dict[str, str]:
    return versions(*PACKAGES.get(runtime.partition("-")[0], ("torch",)))


def _name(what: str, machine: str) -> str:
    return f"{what}-{hashlib.sha256(machine.encode()).hexdigest()[:12]}.json"
