"""Which addresses are this machine's own, and what is sent to others in clear."""

from __future__ import annotations

import pytest

from citewell.core.addresses import bearer, check_address, is_loopback, is_readable_on_the_way
from citewell.core.errors import SettingsError


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.0.0.2", "::1", "::ffff:127.0.0.1"])
def test_addresses_of_this_machine_are_known(host: str) -> None:
    assert is_loopback(host)
    assert not is_loopback(f"{host}.example")
    assert not is_loopback("10.0.0.1")


@pytest.mark.parametrize(
    ("address", "readable"),
    [
        ("http://127.0.0.1:8000/v1", False),
        ("http://[::1]:8000/v1", False),
        ("https://models.example/v1", False),
        ("http://models.example/v1", True),
        ("http://localhost.example/v1", True),
        ("citewell-reader", False),
        ("ollama:llama3.2", False),
        ("", False),
    ],
)
def test_plain_http_to_another_machine_can_be_read_on_the_way(address: str, readable: bool) -> None:
    assert is_readable_on_the_way(address) is readable


@pytest.mark.parametrize(
    "address",
    ["http://", "models.example/v1", "http://ann:secret@models.example", "http://models.example/v1?key=secret"],
)
def test_an_address_that_is_none_or_holds_a_secret_is_refused_without_being_shown(address: str) -> None:
    with pytest.raises(SettingsError, match=r"generate\.model") as refused:
        check_address(address, "generate")
    assert "secret" not in refused.value.message


def test_a_key_is_sent_as_a_header_or_refused() -> None:
    assert bearer("k", "rerank") == {"Authorization": "Bearer k"}
    assert bearer("", "rerank") == {}
    with pytest.raises(SettingsError, match=r"rerank\.endpoint_key"):
        bearer("a\nb", "rerank")
