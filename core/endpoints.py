"""Addresses and keys of models behind HTTP."""

from __future__ import annotations

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
