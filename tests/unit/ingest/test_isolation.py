"""A file is read in a process of its own: whatever it does there costs that file, and its parser reaches nothing else."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import bombs
import psutil
import pytest

from citewell.core.errors import (
    FileBroken,
    FileEncrypted,
    FileRejected,
    FileTimedOut,
    FileTooLarge,
    FileUnsafe,
    ParserStopped,
)
from citewell.core.settings import IngestSettings
from citewell.ingest.facts import Facts
from citewell.ingest.isolation import wire
from citewell.ingest.isolation.pool import ParserPool
from citewell.ingest.parsed import Line, Member, Parsed, RawBlock, Reading

IN_TIME_S = 30
# What a test of the cage makes the child run in place of a parser.
ACTS = {
    "hang": "import time; time.sleep(60)",
    "crash": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    "exit": "import os; os._exit(3)",
    "memory": "x = bytearray(4 << 30)",
    "read": "open('/etc/passwd').read()",
    "write": "open('/var/tmp/citewell-test', 'w')",
    "remove": "import os; os.remove('/var/tmp/citewell-test')",
    "connect": "import socket; socket.create_connection(('127.0.0.1', 9))",
    "resolve": "import socket; socket.getaddrinfo('example.org', 80)",
    "start": "import subprocess; subprocess.run(['/bin/true'])",
    "system": "import os; os.system('true')",
    "go on": "import time\nfrom citewell.ingest.heartbeat import go_on\nfor _ in range(5):\n    time.sleep(1)\n    go_on()",
    "print": "print('noise' * 100_000)",
    "temporary": "import tempfile; tempfile.TemporaryFile().write(b'x')",
}


@pytest.fixture
def settings() -> IngestSettings:
    return IngestSettings(max_seconds=20, max_memory_mb=512)


@pytest.fixture
def pool(settings: IngestSettings) -> Iterator[ParserPool]:
    with ParserPool(settings) as made:
        yield made


@pytest.fixture
def acting(settings: IngestSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ParserPool]:
    """A pool whose children have a parser of plain text that does what the text says."""
    package = tmp_path / "acting"
    package.mkdir()
    (package / "sitecustomize.py").write_text(
        "import sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name != 'citewell.ingest.parsers.text.plain': return None\n"
        "        from importlib.machinery import ModuleSpec\n"
        "        return ModuleSpec(name, self)\n"
        "    def create_module(self, spec): return None\n"
        "    def exec_module(self, module):\n"
        "        from citewell.ingest.parsed import Parsed, RawBlock\n"
        "        def parse(data, reading):\n"
        "            exec(data.decode())\n"
        "            return Parsed([RawBlock('paragraph', 'done')], 'text/plain')\n"
        "        module.parse = parse\n"
        "sys.meta_path.insert(0, Finder())\n"
    )
    monkeypatch.syspath_prepend(str(package))
    with ParserPool(settings.model_copy(update={"max_seconds": 3})) as made:
        yield made


def read(pool: ParserPool, data: bytes, name: str, folder: Path) -> wire.Told:
    return pool.parse(data, Reading(name), Facts(), folder)


@pytest.mark.parametrize(
    ("act", "error"),
    [
        ("hang", FileTimedOut), ("crash", ParserStopped), ("exit", ParserStopped), ("memory", ParserStopped), ("read", FileUnsafe),
        ("write", FileUnsafe), ("remove", FileUnsafe), ("connect", FileUnsafe), ("resolve", FileUnsafe), ("start", FileUnsafe),
        ("system", FileUnsafe),
    ],
)  # fmt: skip
def test_what_a_parser_must_not_do_costs_its_file_alone(
    acting: ParserPool, tmp_path: Path, act: str, error: type[FileRejected]
) -> None:
    started = time.monotonic()
    with pytest.raises(error) as caught:
        read(acting, ACTS[act].encode(), "x.txt", tmp_path)
    assert caught.value.message
    assert time.monotonic() - started < IN_TIME_S
    assert not Path("/var/tmp/citewell-test").exists()
    assert read(acting, b"pass", "x.txt", tmp_path).parsed.blocks[0].text == "done"


@pytest.mark.parametrize("act", ["go on", "print", "temporary"])
def test_what_a_parser_may_do_changes_nothing(acting: ParserPool, tmp_path: Path, act: str) -> None:
    assert read(acting, ACTS[act].encode(), "x.txt", tmp_path).parsed.blocks[0].text == "done"


BOMBS = {
    "zeros.zip": (bombs.zip_of_zeros, FileTooLarge),
    "lying.zip": (bombs.zip_with_lying_sizes, FileRejected),
    "overlap.zip": (bombs.zip_overlapping, FileUnsafe),
    "traversal.zip": (bombs.zip_path_traversal, FileUnsafe),
    "traversal.tar": (bombs.tar_path_traversal, FileUnsafe),
    "bomb.gz": (bombs.gzip_bomb, FileTooLarge),
    "loop.pdf": (bombs.pdf_page_tree_loop, FileBroken),
    "entities.xml": (bombs.xml_entity_bomb, FileUnsafe),
    "external.docx": (bombs.docx_with_external_entity, FileUnsafe),
    "deep.json": (bombs.deep_json, FileBroken),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_one_rejected_file_in_time_and_leaves_this_process_as_it_was(
    pool: ParserPool, tmp_path: Path, name: str
) -> None:
    make, error = BOMBS[name]
    data = make()
    read(pool, b"A first text.", "x.txt", tmp_path)
    before = psutil.Process().memory_info().rss
    started = time.monotonic()
    with pytest.raises(error) as caught:
        read(pool, data, name, tmp_path)
    assert caught.value.message
    assert time.monotonic() - started < IN_TIME_S
    assert psutil.Process().memory_info().rss - before < 20_000_000
    assert list(tmp_path.iterdir()) == []


def test_an_encrypted_archive_says_so(pool: ParserPool, tmp_path: Path) -> None:
    with pytest.raises(FileEncrypted):
        read(pool, bombs.zip_encrypted(), "secret.zip", tmp_path)


def test_members_come_as_numbered_files(pool: ParserPool, tmp_path: Path) -> None:
    told = read(pool, bombs.nested_zip(depth=1), "outer.zip", tmp_path)
    assert told.parsed.container
    assert [member.file for member in told.members] == [path.name for path in sorted(tmp_path.iterdir())]


def test_a_process_is_replaced_after_some_files_and_none_stays(settings: IngestSettings, tmp_path: Path) -> None:
    def children() -> set[int]:
        return {child.pid for child in psutil.Process().children() if "isolation.child" in " ".join(child.cmdline())}

    before = children()
    with ParserPool(settings.model_copy(update={"files_per_process": 2})) as pool:
        seen = []
        for _ in range(3):
            read(pool, b"A text.", "x.txt", tmp_path)
            seen.append(children() - before)
        assert len(seen[0]) == 1
        assert seen[1] == set()
        assert seen[2] != seen[0]
    assert children() == before


def test_a_child_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    """No parser outlives a `kill -9` of the process that it works for."""
    import subprocess
    import sys

    program = (
        "from pathlib import Path\nfrom citewell.core.settings import IngestSettings\nfrom citewell.ingest.isolation.pool import ParserPool\n"
        "from citewell.ingest.parsed import Reading\nfrom citewell.ingest.facts import Facts\nimport time\n"
        "pool = ParserPool(IngestSettings())\npool.parse(b'A text.', Reading('x.txt'), Facts(), Path('.'))\nprint('ready', flush=True)\ntime.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, cwd=tmp_path, env=os.environ)
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"ready\n"
    children = psutil.Process(parent.pid).children()
    assert len(children) == 1
    parent.kill()
    parent.wait()
    parent.stdout.close()
    _, alive = psutil.wait_procs(children, timeout=10)
    assert alive == []


def test_what_a_killed_process_unpacked_is_removed_by_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A document in pieces does not stay in the temporary folder; what is in use does, and so does what belongs to nobody here."""
    from citewell.ingest.isolation import scratch

    monkeypatch.setattr(scratch.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(scratch, "YOUNG_S", -1)
    left = tmp_path / f"{scratch.PREFIX}killed"
    left.mkdir()
    (left / "member").write_text("a secret")
    other = tmp_path / "other"
    other.mkdir()
    (tmp_path / f"{scratch.PREFIX}link").symlink_to(other)
    first = scratch.Scratch()
    assert not left.exists()
    (first.folder / "member").write_text("in use")
    second = scratch.Scratch()
    assert (first.folder / "member").read_text() == "in use"
    assert other.is_dir()
    second.close()
    first.close()
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"{scratch.PREFIX}link", "other"]


def test_what_a_child_says_is_read_back_as_it_was_said() -> None:
    parsed = Parsed(
        [RawBlock("heading", "A", 1, 2), RawBlock("paragraph", lines=(Line("a b", 3, (1.0, 2.0, 3.0, 4.5), True),), place="lines 1-2")],
        "text/plain", "T", "en", {"author": "x"}, (Member("m", b"x"),), False, ("one",),
    )  # fmt: skip
    told = wire.load_answer(wire.dump_told(parsed, [wire.Unpacked("m", "000000", 1)], {"email": 2}))
    assert told.parsed.blocks == parsed.blocks
    assert (told.parsed.title, told.parsed.metadata, told.parsed.warnings) == ("T", {"author": "x"}, ("one",))
    assert told.members == (wire.Unpacked("m", "000000", 1),)
    assert told.redacted == {"email": 2}


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b"{}",
        b'{"told": {}}',
        b'{"told": {"blocks": [["nonsense", "x", 0, null, "", []]]}}',
        b"\xff\x00",
        b"[" * 100_000,
    ],
)
def test_what_no_child_would_say_is_an_error_of_one_kind(answer: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever it says
        wire.load_answer(answer)
