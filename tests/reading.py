"""A program for tests: searches a data directory until a file appears, and prints what it saw as JSON.

python reading.py DIR STOP
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

from killing import engine_of

from citewell.core.errors import CitewellError
from citewell.pipeline.ask import search
from citewell.pipeline.wiring import Engine

QUESTION = "pump valve report"
_EDITION = re.compile(r"edition(\d+)")


def look(engine: Engine, groups: frozenset[str] | None = None) -> tuple[str, frozenset[str], frozenset[str]]:
    """The generation that answered, the editions of the passages found, and their documents."""
    found, generation, _ = search(engine, QUESTION, groups)
    texts = [found.passages[c.chunk_id].chunk.text for c in found.final.candidates if c.chunk_id in found.passages]
    editions = frozenset(number for text in texts for number in _EDITION.findall(text))
    return generation, editions, frozenset(p.uri for p in found.passages.values())


def main() -> None:
    engine, stop = engine_of(Path(sys.argv[1])), Path(sys.argv[2])
    searches, mixed, generations = 0, 0, set()
    errors: list[str] = []
    while not stop.exists():
        try:
            generation, editions, _ = look(engine)
        except CitewellError as error:
            errors.append(error.message)
            continue
        searches += 1
        mixed += len(editions) != 1
        generations.add(generation)
    seen = {"searches": searches, "mixed": mixed, "generations": len(generations), "errors": errors}
    sys.stdout.write(json.dumps(seen) + "\n")


if __name__ == "__main__":
    main()
