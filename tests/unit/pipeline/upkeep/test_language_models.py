"""The doctor tries the model that writes, and tells of those that this machine serves."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from faulty import serving

from citewell.core.settings import load_settings
from citewell.generate.language import endpoint
from citewell.generate.language.endpoint import Preset
from citewell.pipeline.upkeep import language_models
from citewell.pipeline.upkeep.health import examine
from citewell.pipeline.wiring import Engine

Make = Callable[..., Engine]


class Models(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"data": [{"id": "some-model"}]}).encode()
        self.send_response(200 if self.path == "/v1/models" else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def test_what_this_machine_serves_is_told_with_the_setting_that_uses_it(
    make_engine: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = HTTPServer(("127.0.0.1", 0), Models)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    nobody = Preset("http://127.0.0.1:9/v1")
    monkeypatch.setattr(
        language_models,
        "PRESETS",
        dict.fromkeys(language_models.LOCAL, nobody) | {"ollama": Preset(f"http://127.0.0.1:{server.server_port}/v1")},
    )
    try:
        told = [f for f in examine(make_engine(tmp_path)) if f.subject == "generator"]
    finally:
        server.shutdown()
        server.server_close()
    assert [f.state for f in told] == ["ok", "note"]
    assert "ollama serves some-model" in told[1].detail
    assert 'generate.model = "ollama:some-model"' in told[1].hint
    assert set(language_models.LOCAL) <= endpoint.PRESETS.keys()


def test_passages_that_travel_unencrypted_are_told(
    make_engine: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    away = "http://models.example:8000/v1"
    chosen = {"model": "http://127.0.0.1:9/v1", "fallback": [away]}
    engine = make_engine(tmp_path, load_settings(generate=chosen))
    monkeypatch.setattr("citewell.pipeline.upkeep.health.try_writer", lambda _: "it writes")
    told = [f for f in examine(engine) if f.subject == "endpoint"]
    engine.close()
    assert [(f.state, away in f.detail) for f in told] == [("note", True)]


@pytest.mark.parametrize(("script", "state"), [(["good"] * 2, "ok"), (["404"], "problem")])
def test_the_chosen_model_is_tried(make_engine: Make, tmp_path: Path, script: list[str], state: str) -> None:
    with serving() as service:
        service.script = script
        engine = make_engine(tmp_path, load_settings(generate={"model": service.address}))
        (told,) = [f for f in examine(engine) if f.subject == "generator"]
        engine.close()
    assert told.state == state
