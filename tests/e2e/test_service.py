"""The real service answers while another process ingests, and the page works in a real browser."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from programs import PROGRAM, environment, run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@contextmanager
def serving(directory: Path) -> Iterator[str]:
    process = subprocess.Popen(
        [PROGRAM, "serve", "--port", "0", "--dir", directory],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    try:
        assert process.stdout is not None
        match = re.search(r"http://\S+/", process.stdout.readline())
        assert match, "serve prints its address"
        yield match.group()
    finally:
        process.terminate()
        process.communicate(timeout=20)


def search(address: str, query: str) -> dict[str, object]:
    request = urllib.request.Request(
        f"{address}v1/search", json.dumps({"query": query}).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        body: dict[str, object] = json.load(response)
        return body


@pytest.mark.slow
def test_searches_are_answered_from_the_former_generation_while_another_process_ingests(
    folder: Path, tmp_path: Path
) -> None:
    directory = tmp_path / "index"
    run("ingest", folder, "--dir", directory, cwd=tmp_path)
    for number in range(150):
        (folder / f"more{number}.md").write_text(
            f"# More {number}\n\n" + f"Paragraph {number} about turbines and rotors. " * 30
        )
    with serving(directory) as address:
        assert search(address, "annual leave")["generation"] == "000001"
        ingestion = subprocess.Popen(
            [PROGRAM, "ingest", folder, "--dir", directory],
            env=environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        during: list[str] = []
        while ingestion.poll() is None:
            during.append(str(search(address, "annual leave")["generation"]))
        # The former generation answers until the new one is published, just before the program ends.
        assert during.count("000001") >= 5
        assert during == sorted(during)
        after = search(address, "turbines and rotors")
        assert after["generation"] == "000002"
        assert "more" in str(after["passages"])


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="the system package chromium is not installed")
def test_the_page_shows_the_answer_its_quote_and_the_text_around_it(folder: Path, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    (folder / "odd.md").write_text(
        "# Odd\n\n<script>document.title='owned'</script> The keypad code word is bluebell & <b>bold</b>."
    )
    directory = tmp_path / "index"
    run("ingest", folder, "--dir", directory, cwd=tmp_path)
    with serving(directory) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
        )
        page = browser.new_page()
        elsewhere: list[str] = []
        page.on("request", lambda request: None if request.url.startswith(address) else elsewhere.append(request.url))
        page.goto(address)
        page.fill("#question", "How many days of annual leave does an employee have?")
        page.click("#ask")
        page.wait_for_selector("blockquote", timeout=60_000)
        assert page.inner_text("blockquote") == "Every employee has 28 days of annual leave a year."
        page.click(".place button")
        page.wait_for_selector(".around mark")
        assert page.inner_text("blockquote mark") == "28"
        assert page.inner_text(".around mark") == "Every employee has 28 days of annual leave a year."
        page.fill("#question", "Who won the football world cup in 1990?")
        page.click("#ask")
        page.wait_for_selector("text=The documents do not say.")
        page.fill("#question", "What is the keypad code word?")
        page.click("#ask")
        page.wait_for_selector("text=bluebell")
        assert page.title() == "Citewell"
        page.goto(f"{address}docs")
        page.wait_for_selector("#operations-questions-answer_v1_answer_post", timeout=60_000)
        assert elsewhere == []
        browser.close()
