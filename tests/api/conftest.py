"""A client on this machine, over an index of three small documents."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from fastapi.testclient import TestClient

from citewell.api.app import create_app
from citewell.core.settings import load_settings
from citewell.pipeline.wiring import Engine

LOCAL = ("127.0.0.1", 50_000)


@pytest.fixture
def client(engine: Engine) -> Iterator[TestClient]:
    with TestClient(
        create_app(engine), base_url="http://127.0.0.1:8765", client=LOCAL, raise_server_exceptions=False
    ) as made:
        yield made


@pytest.fixture
def keyed(engine: Engine, make_engine: Callable[..., Engine]) -> Iterator[TestClient]:
    """A service that asks for the key `s3cret`, called from another machine."""
    app = create_app(make_engine(engine.directory, load_settings(api={"key": "s3cret", "host": "0.0.0.0"})))
    with TestClient(
        app, base_url="http://citewell.example", client=("10.1.2.3", 50_000), raise_server_exceptions=False
    ) as made:
        yield made
