"""Addresses: which are this machine's own, and those of models behind HTTP with their keys."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from citewell.core.errors import SettingsError


def check_address(address: str, section: str) -> None:
    """Raises SettingsError for `SECTION.model` where it is no address, or one that holds a secret: addresses are shown in errors and traces."""
    parts = urlsplit(address)
    if not parts.hostname or parts.username or parts.password or parts.query:
        raise SettingsError(
            f"{section}.model is no plain address of an endpoint: it needs a host, and neither user, password nor query",
            hint=f"Give the address in {section}.model and the secret in {section}.endpoint_key.",
        )


def bearer(key: str, section: str) -> dict[str, str]:
    """The header that carries `SECTION.endpoint_key`; none for no key. Raises SettingsError."""
    if not key.isascii() or not key.isprintable():
        raise SettingsError(f"{section}.endpoint_key holds characters that no header can carry")
    return {"Authorization": f"Bearer {key}"} if key else {}


def is_loopback(host: str) -> bool:
    """Whether `host` is an address or name of this machine itself, which no other machine can reach."""
    if host == "localhost":
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return bool((mapped or address).is_loopback)


def is_readable_on_the_way(address: str) -> bool:
    """Whether what is sent there can be read by others: plain HTTP to another machine."""
    parts = urlsplit(address)
    return parts.scheme == "http" and not is_loopback(parts.hostname or "")
