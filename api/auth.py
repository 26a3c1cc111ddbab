"""Who may call. Without a key only programs of this machine may, and they act as the owner; with a key, who sends it.

A page of another site can make a browser call a loopback address. So without a key the Host must be a loopback name (against
DNS rebinding), and a call that names an Origin must come from the service's own page.
"""

from __future__ import annotations

import hmac
from urllib.parse import urlsplit

from fastapi import Request

from citewell.core.errors import AccessDenied

LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "[::1]"})
LOOPBACK_ADDRESSES = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})


def authorise(request: Request) -> None:
    """Lets the caller pass, or raises AccessDenied."""
    key = request.app.state.engine.settings.api.key.get_secret_value()
    host = request.headers.get("host", "")
    origin = request.headers.get("origin")
    if origin is not None and urlsplit(origin).netloc != host:
        raise AccessDenied(f"calls from pages of {origin} are not accepted")
    if key:
        sent = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(sent.encode(), key.encode()):
            raise AccessDenied("this service needs a key, and this is not it")
        return
    name = host.rsplit(":", 1)[0] if not host.endswith("]") else host
    address = request.client.host if request.client else ""
    if name not in LOOPBACK_NAMES or address not in LOOPBACK_ADDRESSES:
        raise AccessDenied(
            "without a configured access only this machine is served", hint="Set api.key to serve others."
        )
