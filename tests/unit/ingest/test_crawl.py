"""A crawl reads what a page leads to within its folder, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from citewell.core.errors import SourceError
from citewell.ingest.crawl import crawl
from citewell.ingest.sources import crawled


@pytest.fixture
def site(tmp_path: Path) -> Path:
    root = tmp_path / "site"
    pages = {
        "index.html": '<a href="a.html#part">A</a> <a href="/sub/">Sub</a> <a href="https://example.org/x.html">x</a> <a href="../secret.html">s</a>',
        "a.html": '<a href="index.html">back</a> <a href="files/plan%20b.pdf?v=2">Plan</a> <a href="gone.html">gone</a> <a href="mailto:a@b.example">m</a>',
        "sub/index.html": '<iframe src="../b.html"></iframe><a href="file:///etc/passwd">p</a><a href="%00">n</a><a>none</a>',
        "b.html": "<p>The end.</p>",
        "files/plan b.pdf": "%PDF-",
        "unlinked.html": "<p>Nobody leads here.</p>",
    }
    for name, text in pages.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    (tmp_path / "secret.html").write_text("<p>Outside.</p>")
    (root / "away.html").symlink_to(tmp_path / "secret.html")
    return root


def test_links_are_followed_within_the_folder(site: Path) -> None:
    found = [path.relative_to(site).as_posix() for path in crawl(site / "index.html", site)]
    assert found == ["index.html", "a.html", "sub/index.html", "files/plan b.pdf", "b.html"]


def test_a_link_out_of_the_folder_is_not_followed_also_not_by_a_symbolic_link(site: Path) -> None:
    (site / "index.html").write_text('<a href="away.html">away</a>')
    assert crawl(site / "index.html", site) == [site / "index.html"]


def test_a_crawl_is_a_scope_of_its_own(site: Path) -> None:
    (scope,) = crawled(site / "index.html", name=None, roots={}, exclude=["sub"])
    assert [file.path for file in scope.files] == ["index.html", "a.html", "files/plan b.pdf", "b.html"]
    assert scope.skipped == ("site/sub/index.html",)
    assert scope.covers("unlinked.html")
    with pytest.raises(SourceError):
        crawled(site, name=None, roots={})


def test_a_page_of_broken_markup_ends(site: Path) -> None:
    (site / "index.html").write_text("<a href=" * 20_000 + '<a href="b.html">b</a>' + "<![" * 1000)
    assert crawl(site / "index.html", site)[0] == site / "index.html"
