"""Who may call. Without a key only programs of this machine may, and they act as the owner; with a key, who sends it.

A page of another site can make a browser call a loopback address. So without a key the Host must be a loopback name (against
DNS rebinding), and a call that names an Origin must come from the service's own page.
"""

from __future__ import annotations

import hashlib
import hmac

from fastapi import Request

from citewell.core.addresses import is_loopback
from citewell.core.errors import AccessDenied, KeyRequired
from citewell.core.spending import OWNER


def authorise(request: Request) -> None:
    """Lets the caller pass, and names them by their key for the accounts, or raises AccessDenied."""
    key = request.app.state.engine.settings.api.key.get_secret_value()
    host = request.headers.get("host", "")
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != host:
        raise AccessDenied(f"calls from pages of {origin} are not accepted")
    if key:
        sent = request.headers.get("authorization", "").removeprefix("Bearer ")
        if not hmac.compare_digest(sent.encode(), key.encode()):
            raise KeyRequired("this service needs a key, and this is not it")
        request.state.caller = f"key {hashlib.sha256(key.encode()).hexdigest()[:8]}"
        return
    name = host if host.endswith("]") else host.rsplit(":", 1)[0]
    address = request.client.host if request.client else ""
    if not is_loopback(name.strip("[]")) or not is_loopback(address):
        raise AccessDenied(
            "without a configured access only this machine is served", hint="Set api.key to serve others."
        )
    request.state.caller = OWNER
