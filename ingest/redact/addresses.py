"""E-mail addresses, also those written "name (at) example dot org", and IP addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from ipaddress import ip_address

from citewell.ingest.redact.spans import CHECKED, SURE, Find, told_before

# Letters of alphabets whose words have spaces between them; of others, such as Chinese, a sentence would become part of the address.
_LETTER = "A-Za-z\u00aa-\u00ff\u0100-\u024f\u0370-\u03ff\u0400-\u052f"
MAX_LOCAL, MAX_DOMAIN = 64, 255  # RFC 5321, section 4.5.3.1
_LOCAL = re.compile(rf"[{_LETTER}0-9.!#$%&'*+/=?^_`{{|}}~-]")
_LABEL = rf"[{_LETTER}0-9](?:[{_LETTER}0-9_-]{{0,61}}[{_LETTER}0-9])?"
_TOP = rf"(?:xn--[a-z0-9-]{{2,59}}|[{_LETTER}]{{2,24}})"
_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+{_TOP}(?![{_LETTER}0-9_])", re.IGNORECASE)
# Ends that a line break or a space may stand before, and that make words with "dot" an address.
_KNOWN = (
    "com|org|net|edu|gov|mil|info|biz|eu|uk|ie|us|ca|au|nz|za|in|de|at|ch|fr|be|nl|lu|it|es|pt|pl|cz|sk|hu|ro|bg|gr|hr|si|rs|"
    "dk|se|no|fi|is|ee|lv|lt|ua|ru|tr|il|jp|cn|kr|tw|hk|sg|br|mx|ar|cl|io|ai"
)
_BROKEN_DOMAIN = re.compile(rf"(?:{_LABEL}\.)*{_LABEL}(?:\.\s|\s\.)(?:{_LABEL}\.)?(?:{_KNOWN})(?![{_LETTER}0-9_.-])")
# An image for screens of double density (icon@2x.png) is no address, nor is git's own account on a server.
_FILES = re.compile(r"\.(?:png|jpe?g|gif|svg|webp|bmp|pdf|css|js|json|html?|txt)\Z", re.IGNORECASE)

_AT = r"(?:\(\s?(?:at|@|arroba|chez)\s?\)|\[\s?(?:at|@|arroba|chez)\s?\]|\{\s?(?:at|@)\s?\}|<\s?at\s?>)"
_DOT = r"(?: ?[(\[{<]\s?(?:dot|punkt|point|punto|\.)\s?[)\]}>] ?| dot | DOT |\.)"
_HIDDEN_AT = re.compile(rf" ?{_AT} ?", re.IGNORECASE)
_HIDDEN_DOMAIN = re.compile(rf"{_LABEL}(?:{_DOT}{_LABEL}){{0,4}}{_DOT}(?:{_KNOWN})(?![{_LETTER}0-9_-])", re.IGNORECASE)
_SAID_AT = re.compile(r" (?:at|AT) ")
_SAID_DOMAIN = re.compile(
    rf"{_LABEL}(?: (?:dot|DOT) {_LABEL}){{0,3}} (?:dot|DOT) (?:{_KNOWN})(?![{_LETTER}0-9_-])", re.IGNORECASE
)

# "at" and "dot" as plain words are an address only after one of these.
_MAIL_WORDS = re.compile(r"\be?-?mails?\b|\baddress\b|\bcontact|\bwrite\b|\breach", re.IGNORECASE)

_IPV4 = re.compile(r"(?<![0-9A-Za-z.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9A-Za-z]|\.[0-9])")
_IPV6 = re.compile(r"(?<![0-9A-Za-z:.])[0-9A-Fa-f:]{6,39}(?![0-9A-Za-z:])")
_VERSION = re.compile(r"(?:\bv(?:ers(?:ion)?)?\.?|\brelease|\bsection|§|\bchapter)\s?\Z", re.IGNORECASE)


def find_emails(text: str) -> Iterator[Find]:
    """E-mail addresses; one space or line break after the `@`, or around the last dot, is part of one."""
    for at in (match.start() for match in re.finditer("@", text)):
        start = _local_start(text, at)
        end = _domain_end(text, at + 1) if start < at else 0
        if end and not _is_none(text[start:end]):
            yield Find(start, end, "email", CHECKED)
    for token, domain in ((_HIDDEN_AT, _HIDDEN_DOMAIN), (_SAID_AT, _SAID_DOMAIN)):
        for match in token.finditer(text):
            start, right = _local_start(text, match.start()), domain.match(text, match.end(), match.end() + MAX_DOMAIN)
            told = token is _HIDDEN_AT or told_before(text, start, _MAIL_WORDS, 40)
            if right and start < match.start() and told:
                yield Find(start, right.end(), "email", SURE)


def find_ip_addresses(text: str) -> Iterator[Find]:
    """IPv4 and IPv6 addresses but those of no one: loopback, unspecified, multicast."""
    for pattern in (_IPV4, _IPV6):
        for match in pattern.finditer(text):
            found = (
                match.group().rstrip(":") if pattern is _IPV6 and not match.group().endswith("::") else match.group()
            )
            if _is_address(found) and not told_before(text, match.start(), _VERSION, 12):
                yield Find(match.start(), match.start() + len(found), "ip", SURE)


def _local_start(text: str, at: int) -> int:
    """Where the part before the `@` begins; `at` when there is none."""
    start = at
    while start > max(0, at - MAX_LOCAL) and _LOCAL.match(text, start - 1):
        start -= 1
    return at - len(text[start:at].lstrip(".!#$%&'*+/=?^`{|}~-"))


def _domain_end(text: str, at: int) -> int:
    """Where a domain that begins at `at`, or one space later, ends; 0 when there is none."""
    begin = at + 1 if text[at : at + 1].isspace() else at
    for pattern in (_DOMAIN, _BROKEN_DOMAIN):
        if found := pattern.match(text, begin, begin + MAX_DOMAIN):
            return found.end()
    return 0


def _is_none(address: str) -> bool:
    local = address.partition("@")[0]
    return (
        local == "git"
        or _FILES.search(address) is not None
        or (address[len(local) + 1].isspace() and local.isdecimal())
    )


def _is_address(text: str) -> bool:
    if ":" in text:
        if text.count(":") < 3 or not any(c.isdecimal() for c in text):
            return False
    elif "." not in text or all(len(part) == 1 for part in text.split(".")):
        return False  # a word of the letters a to f, or the number of a section
    try:
        address = ip_address(text)
    except ValueError:
        return False
    return not (address.is_loopback or address.is_unspecified or address.is_multicast)
