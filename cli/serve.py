"""`citewell serve`."""

from __future__ import annotations

import errno
import socket

import click

from citewell.cli.common import Place, place_options
from citewell.core.addresses import is_loopback
from citewell.core.errors import PortInUse, SettingsError


@click.command()
@click.option("--port", type=click.IntRange(0, 65_535), help="Port (default: api.port, 8765); 0 takes a free one.")
@click.option("--host", help="Address (default: api.host, 127.0.0.1); another than loopback needs api.key.")
@place_options
def serve(port: int | None, host: str | None, place: Place) -> None:
    """Answer questions over HTTP: a page at /, the API below /v1, its documentation at /docs.

    Questions are answered while documents are ingested, by this process or by another one.
    """
    address = {key: value for key, value in (("port", port), ("host", host)) if value is not None}
    engine = place.engine(**({"api": address} if address else {}))
    api = engine.settings.api
    if not is_loopback(api.host) and not api.key.get_secret_value():
        raise SettingsError(
            f"serving on {api.host} without a key would show every document to everybody on the network",
            hint="Set CITEWELL_API__KEY to a long random text, or serve on 127.0.0.1.",
        )
    listener = _listen(api.host, api.port)
    import uvicorn

    from citewell.api.app import create_app

    app = create_app(engine)
    shown_host = f"[{api.host}]" if ":" in api.host else api.host
    click.echo(
        f"Citewell serves {engine.directory} on http://{shown_host}:{listener.getsockname()[1]}/  (Ctrl-C stops it)"
    )
    uvicorn.Server(uvicorn.Config(app, log_level="warning", access_log=False)).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    """A bound socket. Raises PortInUse when another program has the port, SettingsError when the address is not ours."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (socket.gaierror, UnicodeError):
        raise SettingsError(
            f"{host!r} is not an address", hint="Use 127.0.0.1, ::1 or an address of this machine."
        ) from None
    listener = socket.socket(family, kind, protocol)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen()
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRNOTAVAIL:
            raise SettingsError(
                f"{host} is not an address of this machine", hint="Use 127.0.0.1, ::1 or 0.0.0.0."
            ) from None
        raise PortInUse(f"cannot serve on {host}, port {port}: {error.strerror}") from None
    return listener
