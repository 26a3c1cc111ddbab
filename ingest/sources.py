"""Where documents come from: files under a path, each with the source's name and its path within it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from citewell.core.errors import FileTooLarge, FileUnreadable, SourceError
from citewell.ingest.parsers import supported_suffixes

DEFAULT_SOURCE = "files"
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file to ingest: the source's name, the path within the source (POSIX), and where it lies now."""

    source: str
    path: str
    location: Path

    @property
    def uri(self) -> str:
        """What readers are shown."""
        return f"{self.source}/{self.path}"

    def read(self, max_bytes: int) -> bytes:
        """The file's bytes. Raises FileUnreadable or FileTooLarge."""
        try:
            size_bytes = self.location.stat().st_size
            if size_bytes > max_bytes:
                raise FileTooLarge(f"it has {size_bytes} bytes, more than {max_bytes}")
            return self.location.read_bytes()
        except OSError as error:
            raise FileUnreadable(f"it cannot be read: {error.strerror or error}") from error


@dataclass(frozen=True, slots=True)
class Scope:
    """What one ingestion looks at: a source, its root folder, and the part of it below `prefix`."""

    source: str
    root: Path
    prefix: str
    files: tuple[SourceFile, ...]
    skipped: tuple[str, ...] = ()

    def covers(self, path: str) -> bool:
        """Whether a document at `path` of this source would have been found by this ingestion."""
        return not self.prefix or path == self.prefix or path.startswith(f"{self.prefix}/")


def scan(path: Path, *, name: str | None, roots: Mapping[str, str]) -> Scope:
    """The files below `path`, in order of their names.

    `roots` maps known sources to their folders, so that one file of a known folder is the document it was before.
    Hidden files and folders and links that leave the folder are passed over. Raises SourceError.
    """
    if not path.exists():
        raise SourceError(
            f"{path} does not exist", hint="Check the path; relative paths start at the working directory."
        )
    resolved = path.resolve()
    source, root = _source_of(resolved, name, roots)
    prefix = "" if resolved == root else readable(resolved.relative_to(root).as_posix())
    if resolved.is_file():
        return Scope(source, root, prefix, (SourceFile(source, prefix, resolved),))
    files: list[SourceFile] = []
    skipped: list[str] = []
    for location in _walk(resolved):
        relative = readable(location.relative_to(root).as_posix())
        if location.suffix.lower() in supported_suffixes():
            files.append(SourceFile(source, relative, location))
        else:
            skipped.append(f"{source}/{relative}")
    if not files:
        raise SourceError(f"{path} holds no file that can be ingested")
    return Scope(source, root, prefix, tuple(files), tuple(skipped))


def readable(path: str) -> str:
    """`path` with bytes that are no text and control characters written out, so that any name can be stored and printed."""
    text = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return _CONTROLS.sub(lambda match: f"\\x{ord(match.group()):02x}", text)


def _source_of(resolved: Path, name: str | None, roots: Mapping[str, str]) -> tuple[str, Path]:
    folder = resolved if resolved.is_dir() else resolved.parent
    if name is not None:
        known_root = Path(roots[name]) if name in roots else folder
        return name, known_root if resolved.is_relative_to(known_root) else folder
    for source, root in roots.items():
        if resolved.is_relative_to(root):
            return source, Path(root)
    source = folder.name or DEFAULT_SOURCE
    other = roots.get(source)
    if other is not None and Path(other).is_dir() and Path(other) != folder:
        raise SourceError(
            f"the source {source!r} is already the folder {other}",
            hint=f"Name this one with --source, for example --source {folder.parent.name or 'other'}-{source}.",
        )
    return source, folder


def _walk(folder: Path) -> Iterator[Path]:
    for directory, subdirectories, names in os.walk(folder):
        subdirectories[:] = sorted(d for d in subdirectories if not d.startswith("."))
        for name in sorted(names):
            location = Path(directory, name)
            if name.startswith((".", "~$")):
                continue
            if location.is_symlink() and not location.resolve().is_relative_to(folder):
                continue
            yield location
