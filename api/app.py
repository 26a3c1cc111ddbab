"""The application: routes, errors, the page, and limits on what is sent."""

from __future__ import annotations

import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from fastapi_offline import FastAPIOffline
from starlette.responses import Response

from citewell import __version__
from citewell.api.errors import error_response, install_error_handlers
from citewell.api.routes import health, router
from citewell.core.errors import CitewellError
from citewell.core.resources import package_path
from citewell.pipeline.ingestion.service import JobKeeper
from citewell.pipeline.upkeep.canary import CanaryRoute
from citewell.pipeline.upkeep.health import warm_up
from citewell.pipeline.upkeep.merging import Upkeep
from citewell.pipeline.wiring import Engine

MULTIPART_OVERHEAD_BYTES = 64_000
PAGE_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
_log = logging.getLogger("citewell.api")


def create_app(engine: Engine) -> FastAPI:
    """The service over one data directory. The documentation's assets come from a package, not from a CDN."""
    app = FastAPIOffline(
        title="Citewell",
        version=__version__,
        description="Answers over your own documents: every sentence with a checked citation, or an honest refusal.",
        redoc_url=None,
        lifespan=_lifespan,
    )
    app.state.engine = engine
    app.state.uploads = threading.Lock()
    app.state.canary = CanaryRoute(engine)
    app.include_router(router)
    app.include_router(health)
    install_error_handlers(app)
    _install_page(app)
    _install_limits(app, engine.settings.api.max_upload_bytes + MULTIPART_OVERHEAD_BYTES)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    threading.Thread(target=_warm_up, args=(app.state.engine,), daemon=True).start()
    helpers = (Upkeep(app.state.engine), JobKeeper(app.state.engine), app.state.canary)
    for helper in helpers:
        helper.start()
    yield
    for helper in helpers:
        helper.stop()
    app.state.engine.close()


def _warm_up(engine: Engine) -> None:
    try:
        warm_up(engine)
    except CitewellError as error:
        _log.error("a model is not ready: %s (%s)", error.message, error.hint)


def _install_page(app: FastAPI) -> None:
    web = package_path("api", "web")
    app.mount("/page", StaticFiles(directory=web), name="page")

    @app.get("/", include_in_schema=False)
    def page() -> FileResponse:
        return FileResponse(
            web / "index.html", headers={"Content-Security-Policy": PAGE_POLICY, "X-Content-Type-Options": "nosniff"}
        )


def _install_limits(app: FastAPI, max_body_bytes: int) -> None:
    @app.middleware("http")
    async def limit(request: Request, call_next: Any) -> Response:
        """Refuses bodies over the limit before they are read; a body must say how long it is."""
        if request.method in {"POST", "PUT", "PATCH"}:
            length = request.headers.get("content-length", "")
            if not length.isdigit():
                return error_response(
                    411, "http.411", "the request does not say how long it is", "Send a Content-Length header."
                )
            if int(length) > max_body_bytes:
                return error_response(
                    413,
                    "file.too_large",
                    f"the request has more than {max_body_bytes} bytes",
                    "Send less, or raise api.max_upload_bytes.",
                )
        response: Response = await call_next(request)
        return response
