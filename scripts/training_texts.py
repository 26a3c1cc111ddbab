#!/usr/bin/env python3
"""Collects free text that Debian packages bring, to make training pairs of: documentation pages and package descriptions.

    scripts/training_texts.py --out DIR [--pages 60] [--descriptions 14000]

Needs Debian's apt-get and dpkg, and no rights of an administrator: lists and packages go below DIR. It leaves two folders that
`citewell train reranker --texts` reads: DIR/documentation (HTML files, sorted by package) and DIR/descriptions (corpus.jsonl).
Which pages are taken depends on their names alone, so the same packages give the same text.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

# Documentation under permissive licences (BSD, MIT, Apache-2.0, PostgreSQL, PSF, public domain) and Debian's own manuals.
PACKAGES = [
    "apache2-doc",
    "aodh-doc",
    "barbican-doc",
    "ceilometer-doc",
    "cinder-doc",
    "cmake-doc",
    "debian-faq",
    "debian-handbook",
    "debian-policy",
    "debian-reference-en",
    "designate-doc",
    "developers-reference",
    "elixir-doc",
    "glance-doc",
    "haproxy-doc",
    "heat-doc",
    "ironic-doc",
    "keystone-doc",
    "magnum-doc",
    "manila-doc",
    "mistral-doc",
    "murano-doc",
    "neutron-doc",
    "nim-doc",
    "nodejs-doc",
    "nova-doc",
    "octavia-doc",
    "postgresql-doc-15",
    "python-astropy-doc",
    "python-biopython-doc",
    "python-bottle-doc",
    "python-celery-doc",
    "python-cryptography-doc",
    "python-dask-doc",
    "python-django-doc",
    "python-flask-doc",
    "python-gevent-doc",
    "python-h5py-doc",
    "python-jinja2-doc",
    "python-kombu-doc",
    "python-networkx-doc",
    "python-nipype-doc",
    "python-numpy-doc",
    "python-openstackclient-doc",
    "python-pandas-doc",
    "python-psycopg2-doc",
    "python-requests-doc",
    "python-scipy-doc",
    "python-scrapy-doc",
    "python-simpy-doc",
    "python-skbio-doc",
    "python-sqlalchemy-doc",
    "python-statsmodels-doc",
    "python-sympy-doc",
    "python-tornado-doc",
    "python-whoosh-doc",
    "python-xarray-doc",
    "python3.11-doc",
    "rust-doc",
    "sahara-doc",
    "sphinx-doc",
    "sqlite3-doc",
    "swift-doc",
    "trove-doc",
]
PAGE_BYTES = (4_000, 150_000)  # smaller ones are stubs, larger ones indexes
# Lists of names, change logs, translations and source code: no running text.
UNWANTED = re.compile(
    r"genindex|py-modindex|modindex|search|_modules|_sources|changelog|whatsnew|release-?notes|copyright|/src/|\.(?!en)[a-z]{2}(_[A-Z]{2})?\.html?$"
    r"|\.html\.[a-z]|/(ja|fr|de|es|ko|tr|da|ru|zh-cn|pt-br|it|nl|pl|id|ar|cs|el|fa|hr|nb-NO|ro|sv|vi|zh-CN|zh-TW|pt-BR|ar-MA|da-DK|de-DE|el-GR|es-ES|fa-IR"
    r"|fr-FR|hr-HR|id-ID|it-IT|ja-JP|ko-KR|pl-PL|ro-RO|ru-RU|sv-SE|tr-TR|vi-VN|cs-CZ|nl-NL|uk-UA)/",
    re.I,
)  # fmt: skip


def main() -> None:
    """Downloads, unpacks, chooses."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--pages", type=int, default=60, help="most pages of one package")
    parser.add_argument("--descriptions", type=int, default=14_000, help="most package descriptions")
    arguments = parser.parse_args()
    out: Path = arguments.out.resolve()
    apt = Apt(out / "apt")
    apt.update()
    count = write_descriptions(apt.descriptions(), out / "descriptions", arguments.descriptions)
    print(f"{count} package descriptions", flush=True)
    for package in PACKAGES:
        unpacked = apt.unpack(package)
        pages = choose_pages(unpacked, arguments.pages) if unpacked else []
        if unpacked:
            copy_pages(pages, unpacked, out / "documentation" / package)
        print(f"{package}: {len(pages)} pages", file=sys.stderr, flush=True)


class Apt:
    """apt-get with its lists and packages in a folder of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._options = ["-q", "-o", "Acquire::Languages=en", "-o", f"Dir::State::lists={folder / 'lists'}"]

    def update(self) -> None:
        """Fetches the lists, descriptions among them."""
        (self.folder / "lists" / "partial").mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", *self._options, "update"], check=True, stdout=subprocess.DEVNULL)

    def unpack(self, package: str) -> Path | None:
        """The folder with the package's files, downloaded where it is not there; None where there is no such package."""
        target = self.folder / "unpacked" / package
        if target.is_dir():
            return target
        self.folder.mkdir(parents=True, exist_ok=True)
        got = subprocess.run(
            ["apt-get", *self._options, "download", package], cwd=self.folder, check=False, capture_output=True
        )
        if got.returncode:
            print(f"{package} cannot be downloaded and is left out", file=sys.stderr)
            return None
        (archive,) = self.folder.glob(f"{package}_*.deb")
        part = target.with_name(f"{package}.part")
        shutil.rmtree(part, ignore_errors=True)
        subprocess.run(["dpkg", "-x", str(archive), str(part)], check=True)
        part.rename(target)
        archive.unlink()
        return target

    def descriptions(self) -> Iterator[tuple[str, str, str]]:
        """`(package, short description, long description)` of every package."""
        lists = sorted((self.folder / "lists").glob("*Translation-en*"))
        listed = "\n\n".join(
            subprocess.run(
                ["/usr/lib/apt/apt-helper", "cat-file", str(path)], check=True, capture_output=True
            ).stdout.decode()
            for path in lists
        )
        for entry in listed.split("\n\n"):
            name = re.search(r"^Package: (.+)$", entry, re.M)
            text = re.search(r"^Description(?:-en)?: (.+)\n((?: .*\n?)+)", entry, re.M)
            if name and text:
                paragraphs = re.sub(r"^ \.$", "", text[2], flags=re.M).split("\n\n")
                yield name[1], text[1].strip(), "\n\n".join(" ".join(p.split()) for p in paragraphs if p.strip())


def write_descriptions(found: Iterator[tuple[str, str, str]], folder: Path, most: int) -> int:
    """Writes descriptions of more than one sentence as a corpus, one of each wording; returns how many."""
    chosen: dict[str, dict[str, str]] = {}
    for name, short, long in found:
        if len(long.split()) >= 40:
            chosen.setdefault(long.split("\n\n")[0], {"_id": name, "title": f"{name} - {short}", "text": long})
    rows = sorted(chosen.values(), key=lambda row: _order(row["_id"]))[:most]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "corpus.jsonl").open("w", encoding="utf-8") as stream:
        stream.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    return len(rows)


def choose_pages(folder: Path, most: int) -> list[Path]:
    """At most `most` pages with running text, by the hash of their path."""
    least, largest = PAGE_BYTES
    found = [
        path
        for path in folder.rglob("*.html")
        if path.is_file()
        and not path.is_symlink()
        and not UNWANTED.search(str(path.relative_to(folder)))
        and least <= path.stat().st_size <= largest
    ]
    return sorted(found, key=lambda path: _order(str(path.relative_to(folder))))[:most]


def copy_pages(pages: list[Path], unpacked: Path, folder: Path) -> None:
    """Copies pages under names that cannot clash."""
    folder.mkdir(parents=True, exist_ok=True)
    for page in pages:
        shutil.copyfile(page, folder / f"{_order(page.relative_to(unpacked).as_posix())[:8]}-{page.name}")


def _order(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


if __name__ == "__main__":
    main()
