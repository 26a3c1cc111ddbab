"""Which files an ingestion sees, and under which names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from citewell.core.errors import FileTooLarge, FileUnreadable, SourceError
from citewell.ingest.sources import scan


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("text")


def test_files_come_in_order_without_hidden_ones_and_the_rest_is_listed(tmp_path: Path) -> None:
    write(
        tmp_path / "docs",
        "b.md",
        "a/x.TXT",
        ".git/c.md",
        ".hidden.md",
        "pic.png",
        "~$lock.docx",
        "drafts/y.md",
        "z.bak",
        "i/catalog.sqlite",
    )
    (tmp_path / "docs" / ".citewellignore").write_text("# not these\ndrafts/\n")
    scope, *_ = scan(tmp_path / "docs", name=None, roots={}, exclude=["*.bak"])
    assert [file.path for file in scope.files] == ["b.md", "pic.png", "a/x.TXT"]
    assert scope.skipped == ("docs/z.bak", "docs/drafts/y.md")
    assert scope.files[0].uri == "docs/b.md"


def test_one_file_of_a_known_folder_is_the_document_it_was(tmp_path: Path) -> None:
    write(tmp_path / "docs", "sub/a.md")
    scope, *_ = scan(tmp_path / "docs" / "sub" / "a.md", name=None, roots={"docs": str(tmp_path / "docs")})
    assert [(f.source, f.path) for f in scope.files] == [("docs", "sub/a.md")]
    assert scope.covers("sub/a.md")
    assert not scope.covers("sub/b.md")


def test_the_same_folder_elsewhere_keeps_its_name_and_another_of_that_name_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "here" / "docs", "a.md")
    write(tmp_path / "there" / "docs", "a.md")
    assert scan(tmp_path / "here" / "docs", name=None, roots={"docs": "/gone/docs"})[0].source == "docs"
    with pytest.raises(SourceError, match="already"):
        scan(tmp_path / "there" / "docs", name=None, roots={"docs": str(tmp_path / "here" / "docs")})


def test_links_out_of_the_folder_are_passed_over(tmp_path: Path) -> None:
    write(tmp_path, "secret.md")
    write(tmp_path / "docs", "a.md")
    (tmp_path / "docs" / "link.md").symlink_to(tmp_path / "secret.md")
    assert [f.path for f in scan(tmp_path / "docs", name=None, roots={})[0].files] == ["a.md"]


def test_missing_and_empty_paths_are_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="does not exist"):
        scan(tmp_path / "nothing", name=None, roots={})
    with pytest.raises(SourceError, match="no file"):
        scan(tmp_path, name=None, roots={})


def test_files_too_large_or_unreadable_are_told(tmp_path: Path) -> None:
    write(tmp_path / "docs", "a.md")
    file = scan(tmp_path / "docs", name=None, roots={})[0].files[0]
    with pytest.raises(FileTooLarge):
        file.read(max_bytes=1)
    os.remove(file.location)
    with pytest.raises(FileUnreadable):
        file.read(max_bytes=100)


def test_any_file_name_can_be_stored_and_printed(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for name in (b"caf\xe9.md", b"red\x1b[31m.md"):
        Path(os.fsdecode(bytes(tmp_path / "docs") + b"/" + name)).write_text("text")
    paths = [file.path for file in scan(tmp_path / "docs", name=None, roots={})[0].files]
    assert paths == ["caf\\xe9.md", "red\\x1b[31m.md"]
    for path in paths:
        path.encode()


def test_a_file_of_a_known_inner_folder_stays_that_folders_document(tmp_path: Path) -> None:
    write(tmp_path / "docs", "a.md", "sub/b.md", "sub/deep/c.md")
    known = {"sub": str(tmp_path / "docs" / "sub"), "deep": str(tmp_path / "docs" / "sub" / "deep")}
    scopes = scan(tmp_path / "docs", name=None, roots=known)
    assert {file.uri for scope in scopes for file in scope.files} == {"docs/a.md", "sub/b.md", "deep/c.md"}
    assert scan(tmp_path / "docs" / "sub" / "deep" / "c.md", name=None, roots=known)[0].source == "deep"


def test_a_source_name_belongs_to_one_folder_and_not_to_uploads(tmp_path: Path) -> None:
    write(tmp_path, "a/x.md", "b/x.md", "uploads/x.md")
    with pytest.raises(SourceError, match="already the folder"):
        scan(tmp_path / "b", name="one", roots={"one": str(tmp_path / "a")})
    with pytest.raises(SourceError, match="over HTTP"):
        scan(tmp_path / "uploads", name=None, roots={})


def test_a_folder_that_cannot_be_listed_is_told_and_nothing_below_it_counts_as_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "docs", "a.md", "shut/b.md")
    listed = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("shut"):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    monkeypatch.setattr(os, "scandir", refuse)
    scope, *_ = scan(tmp_path / "docs", name=None, roots={})
    assert scope.unreadable == (("shut", "Permission denied"),)
    assert scope.covers("a.md")
    assert not scope.covers("shut/b.md")


def test_pipes_and_loops_of_links_are_refused_and_do_not_hang(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    os.mkfifo(tmp_path / "docs" / "pipe.md")
    (tmp_path / "docs" / "loop.md").symlink_to("loop.md")
    files = scan(tmp_path / "docs", name=None, roots={})[0].files
    assert [file.path for file in files] == ["loop.md", "pipe.md"]
    for file in files:
        with pytest.raises(FileUnreadable):
            file.read(max_bytes=100)
