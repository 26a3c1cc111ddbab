"""A server of completions that fails as it is told to, or by chance, over real HTTP."""

from __future__ import annotations

import contextlib
import json
import random
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

GOOD = '{"answerable": true, "sentences": [{"text": "Leave is 28 days.", "citations": [1]}]}'
WRONG = GOOD.replace("[1]", "[99]")
USAGE = {"prompt_tokens": 20, "completion_tokens": 9, "prompt_tokens_details": {"cached_tokens": 12}}


@dataclass
class Service:
    """What it was asked, and what it does next: it fails while it is down, else does as scripted, else by chance."""

    script: list[str] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    address: str = ""
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    says: list[tuple[int, dict[str, Any], dict[str, str]]] = field(default_factory=list)  # status, body, headers
    over: threading.Event = field(default_factory=threading.Event)
    down: threading.Event = field(default_factory=threading.Event)


class Handler(BaseHTTPRequestHandler):
    service: Service
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.service.requests.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.service.keys.append(self.headers.get("Authorization", ""))
        fault = (
            "500"
            if self.service.down.is_set()
            else self.service.script.pop(0)
            if self.service.script
            else self.service.chance.choice(FAULTS)
        )
        self.close_connection = True
        with contextlib.suppress(OSError):
            getattr(self, f"do_{fault}", self.do_status)(*([int(fault)] if fault.isdigit() else []))

    def do_status(self, status: int) -> None:
        self.send_error(status)

    def do_said(self) -> None:
        """What the test put there: an answer in one piece, or a complaint."""
        status, body, headers = self.service.says.pop(0) if self.service.says else (500, {}, {})
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(json.dumps(body).encode())

    def do_cut(self) -> None:
        self._begin()
        self._piece(GOOD[:-20])

    def do_reset(self) -> None:
        self.connection.close()

    def do_silent(self) -> None:
        self.service.over.wait(30)

    def do_garbage(self) -> None:
        self._begin()
        self.wfile.write(b"\x00<html>not a completion" * 50)

    def do_empty(self) -> None:
        self._begin()
        self.wfile.write(b"data: [DONE]\n\n")

    def do_error_event(self) -> None:
        self._begin()
        self._event({"error": {"message": "out of memory"}})

    def do_one_line(self) -> None:
        self._begin()
        self.wfile.write(json.dumps({"choices": [{"message": {"content": GOOD}, "finish_reason": "stop"}]}).encode())

    def do_endless(self) -> None:
        self._begin()
        while not self.service.over.is_set():
            self._piece("word ")
            self.service.over.wait(
                0.001
            )  # as fast as no model is, and not so fast that nothing else runs in this process

    def do_slow(self) -> None:
        self._begin()
        self.service.over.wait(0.3)
        self._whole(GOOD)

    def do_good(self) -> None:
        self._begin()
        self._whole(GOOD)

    def do_wrong(self) -> None:
        self._begin()
        self._whole(WRONG)

    def _begin(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()

    def _whole(self, said: str) -> None:
        for at in range(0, len(said), 7):
            self._piece(said[at : at + 7])
        self._event({"choices": [{"delta": {}, "finish_reason": "stop"}]})
        self._event({"choices": [], "usage": USAGE})
        self.wfile.write(b"data: [DONE]\n\n")

    def _piece(self, text: str) -> None:
        self._event({"choices": [{"delta": {"content": text}}]})

    def _event(self, event: dict[str, Any]) -> None:
        self.wfile.write(f"data: {json.dumps(event)}\n\n".encode())
        self.wfile.flush()

    def log_message(self, *_: object) -> None:
        pass


FAULTS = ["500", "429", "404", *sorted(name.removeprefix("do_") for name in vars(Handler) if name.startswith("do_") and name not in {"do_POST", "do_status", "do_said"})]  # fmt: skip


@contextlib.contextmanager
def serving() -> Iterator[Service]:
    """The server at `address` until the block ends."""
    made = Service()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Handler,), {"service": made}))
    server.daemon_threads = True
    made.address = f"http://127.0.0.1:{server.server_address[1]}/v1"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield made
    finally:
        made.over.set()
        server.shutdown()
        server.server_close()
