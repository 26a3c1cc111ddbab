"""Where documents come from: files under a path, each with the source's name and its path within it."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from citewell.core.errors import FileTooLarge, FileUnreadable, SourceError
from citewell.ingest.crawl import crawl
from citewell.ingest.facts import is_sidecar

DEFAULT_SOURCE = "files"
UPLOADS = "uploads"
IGNORE_FILE = ".citewellignore"
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
            facts = self.location.stat()
            if not stat.S_ISREG(facts.st_mode):
                raise FileUnreadable("it is a pipe or a device, not a file")
            if facts.st_size > max_bytes:
                raise FileTooLarge(f"it has {facts.st_size} bytes, more than {max_bytes}")
            return self.location.read_bytes()
        except OSError as error:
            raise FileUnreadable(f"it cannot be read: {error.strerror or error}") from error


@dataclass(frozen=True, slots=True)
class Scope:
    """What one ingestion looks at: a source, its root folder, the part of it below `prefix`, and what it could not look at."""

    source: str
    root: Path
    prefix: str
    files: tuple[SourceFile, ...]
    skipped: tuple[str, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()

    def covers(self, path: str) -> bool:
        """Whether a document at `path` of this source would have been found by this ingestion."""
        blind = any(_below(path, folder) for folder, _ in self.unreadable)
        return _below(path, self.prefix) and not blind


def scan(path: Path, *, name: str | None, roots: Mapping[str, str], exclude: Sequence[str] = ()) -> list[Scope]:
    """The files below `path`, in order of their names; the first scope is the one of `path` itself.

    `roots` maps known sources to their folders. A file below one of them stays the document of that source that it was, so
    overlapping folders never hold a document twice; such files form scopes of their own.
    Hidden files, links that leave the folder, files beside documents that say something about them, and what `exclude` or a file
    `.citewellignore` of the folder names are passed over. Raises SourceError.
    """
    try:
        resolved = path.resolve(strict=True)
    except (OSError, RuntimeError):  # RuntimeError: a loop of links, before Python 3.13
        hint = "Check the path; relative paths start at the working directory."
        raise SourceError(f"{readable(str(path))} does not exist", hint=hint) from None
    source, root = _source_of(resolved, name, roots)
    prefix = "" if resolved == root else _relative(resolved, root)
    if not resolved.is_dir():
        return [Scope(source, root, prefix, (SourceFile(source, prefix, resolved),))]
    problems: list[OSError] = []
    files: list[SourceFile] = []
    skipped: list[str] = []
    inner = {
        other: Path(folder)
        for other, folder in roots.items()
        if Path(folder) != root and Path(folder).is_relative_to(resolved)
    }
    ignored = Ignored([*exclude, *_ignore_file(resolved)])
    for location in _walk(resolved, problems):
        nested = [(folder, other) for other, folder in inner.items() if location.is_relative_to(folder)]
        home, owner = max(nested, default=(root, source), key=lambda pair: len(pair[0].parts))
        file = SourceFile(owner, _relative(location, home), location)
        if is_sidecar(location):
            continue
        if ignored.holds(_relative(location, resolved)):
            skipped.append(file.uri)
        else:
            files.append(file)
    unreadable = tuple((_relative(Path(str(e.filename)), root), str(e.strerror)) for e in problems)
    if not files and not unreadable:
        raise SourceError(
            f"{readable(str(path))} holds no file that can be ingested",
            hint="Give a folder with files. An empty folder is never pruned: it may be a disk that is "
            "not mounted; `citewell documents delete` removes single documents.",
        )
    own = Scope(source, root, prefix, tuple(f for f in files if f.source == source), tuple(skipped), unreadable)
    others = [Scope(o, folder, "", tuple(f for f in files if f.source == o)) for o, folder in sorted(inner.items())]
    return [own, *(scope for scope in others if scope.files)]


class Ignored:
    """Patterns of paths that are passed over: with `*` and `?`, of a whole path within the source, or of a name or folder anywhere in it."""

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = [pattern.rstrip("/") for pattern in patterns if pattern.strip("/")]

    def holds(self, path: str) -> bool:
        """Whether a pattern names the path, a part of it, or a folder above it."""
        parts = path.split("/")
        above = ["/".join(parts[:end]) for end in range(1, len(parts) + 1)]
        return any(fnmatchcase(name, pattern) for pattern in self._patterns for name in (*parts, *above))


def _ignore_file(folder: Path) -> list[str]:
    """The patterns of the folder's own list, a line each; `#` begins a comment."""
    try:
        lines = (folder / IGNORE_FILE).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def crawled(path: Path, *, name: str | None, roots: Mapping[str, str], exclude: Sequence[str] = ()) -> list[Scope]:
    """The page at `path` and the files of its folder that it leads to, as one scope. Raises SourceError."""
    scope, *_ = scan(path, name=name, roots=roots)
    if not scope.prefix or not path.is_file():
        raise SourceError(
            f"{readable(str(path))} is no page", hint="Name the page to begin with, such as docs/index.html."
        )
    ignored = Ignored([*exclude, *_ignore_file(scope.root)])
    found = [
        SourceFile(scope.source, _relative(location, scope.root), location) for location in crawl(path, scope.root)
    ]
    files = tuple(file for file in found if not ignored.holds(file.path))
    skipped = tuple(file.uri for file in found if ignored.holds(file.path))
    return [Scope(scope.source, scope.root, "", files, skipped)]


def readable(path: str) -> str:
    """`path` with bytes that are no text and control characters written out, so that any name can be stored and printed."""
    text = path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return _CONTROLS.sub(lambda match: f"\\x{ord(match.group()):02x}", text)


def _relative(location: Path, root: Path) -> str:
    return readable(location.relative_to(root).as_posix())


def _below(path: str, folder: str) -> bool:
    return not folder or path == folder or path.startswith(f"{folder}/")


def _source_of(resolved: Path, name: str | None, roots: Mapping[str, str]) -> tuple[str, Path]:
    folder = resolved if resolved.is_dir() else resolved.parent
    if name is None:
        homes = [(Path(root), source) for source, root in roots.items() if resolved.is_relative_to(root)]
        if homes:
            home, source = max(homes, key=lambda pair: len(pair[0].parts))
            return source, home
    source = source_name(name or folder.name)
    other = Path(roots[source]) if source in roots else folder
    if resolved.is_relative_to(other):
        return source, other
    if other.is_dir():
        raise SourceError(
            f"the source {source!r} is already the folder {other}",
            hint=f"Name this one with --source, for example --source {folder.parent.name or 'other'}-{folder.name}.",
        )
    return source, folder


def source_name(name: str) -> str:
    """The name of a source as it is stored. Raises SourceError for the one that is taken."""
    source = readable(name or DEFAULT_SOURCE)
    if source == UPLOADS:
        raise SourceError(
            f"the source name {UPLOADS!r} is that of documents sent over HTTP", hint="Name this one with --source."
        )
    return source


def _walk(folder: Path, problems: list[OSError]) -> Iterator[Path]:
    """The files below `folder`; folders that cannot be listed are added to `problems`."""
    for directory, subdirectories, names in os.walk(folder, onerror=problems.append):
        subdirectories[:] = sorted(
            d for d in subdirectories if not d.startswith(".") and not _is_ours(Path(directory, d))
        )
        for name in sorted(names):
            location = Path(directory, name)
            if not name.startswith((".", "~$")) and not _leaves(location, folder):
                yield location


def _is_ours(folder: Path) -> bool:
    """Whether a folder is a data directory: what was made of documents is no document."""
    return (folder / "catalog.sqlite").is_file()


def _leaves(location: Path, folder: Path) -> bool:
    """Whether `location` is a link to something outside `folder`; a loop of links stays, and is refused when it is read."""
    if not location.is_symlink():
        return False
    try:
        return not location.resolve().is_relative_to(folder)
    except (OSError, RuntimeError):
        return False
