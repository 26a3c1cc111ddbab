"""EML and MBOX through the standard library's email: headers, text, attachments as members; a mailbox is a container of messages."""

from __future__ import annotations

import io
import mimetypes
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.generator import BytesGenerator
from email.message import Message
from email.parser import BytesHeaderParser

from citewell.core.errors import FileBroken, FileTooLarge
from citewell.ingest.parsed import Member, Parsed, Reading
from citewell.ingest.parsers.archives.names import numbered, safe_name
from citewell.ingest.parsers.mail.letters import SHOWN, Letter, compose, decoded, decoded_header
from citewell.ingest.parsers.text.plain import decode

MAX_DEPTH = 50  # of multiparts in one another; what lies deeper is not read
HEADER_WINDOW_BYTES = 65_536
MAX_NAMED = 5  # attachments in one message of an error
MAX_SUBJECT_CHARS = 80  # of a message's name in a mailbox
# A message of a mailbox begins after a blank line with "From " and a time, and a header follows; other such lines are text.
_SEPARATOR = re.compile(rb"(?:\AFrom [^\n]*|(?:(?<=\n\n)|(?<=\n\r\n))From [^\n]*\d\d:\d\d[^\n]*)\n(?=>?[!-9;-~]+:)")
_ESCAPED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)
_FORWARDED = frozenset({"message/rfc822", "message/global", "message/news"})


def parse(data: bytes, reading: Reading) -> Parsed:
    """A message with its attachments as members, or a mailbox with its messages as members."""
    plain = data.removeprefix(b"\xef\xbb\xbf")
    if plain.startswith(b"From "):
        return _mailbox(plain, reading)
    message = message_from_bytes(plain.lstrip(b"\r\n"), policy=policy.default)
    letter = read_message(message, reading)
    return compose(letter, "message/rfc822", reading)


# A mailbox


def _mailbox(data: bytes, reading: Reading) -> Parsed:
    """The messages of a mailbox, made while they are asked for."""
    starts: list[tuple[int, int]] = []
    for match in _SEPARATOR.finditer(data):
        starts.append(match.span())
        if len(starts) > reading.max_members:
            raise FileTooLarge(f"it holds more than {reading.max_members} messages")
    if not starts:
        raise FileBroken("no message begins in it as messages of a mailbox do")
    return Parsed([], "application/mbox", members=_messages(data, starts), container=True)


def _messages(data: bytes, starts: list[tuple[int, int]]) -> Iterator[Member]:
    ends = [start for start, _ in starts[1:]] + [len(data)]
    for number, ((_, begin), end) in enumerate(zip(starts, ends, strict=True), start=1):
        content = _ESCAPED_FROM.sub(rb"\1", data[begin:end].rstrip(b"\r\n") + b"\n")
        headers = BytesHeaderParser(policy=policy.default).parsebytes(content[:HEADER_WINDOW_BYTES])
        yield Member(f"{number:04d} {_subject_name(headers, 'no subject')}.eml", content)


# A message


@dataclass(slots=True)
class _Body:
    """What a walk through a message's parts gathers."""

    texts: list[str] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)
    attached: list[tuple[str, Callable[[], bytes]]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def read_message(message: Message, reading: Reading) -> Letter:
    """The message as it is shown: headers decoded, bodies joined, attachments as members that are decoded when asked for."""
    body = _Body()
    if _prune(message):
        body.warnings.append(f"parts that lie more than {MAX_DEPTH} deep in one another were not read")
    _gather(message, body, shown=True, related=False)
    if len(body.attached) > reading.max_members:
        raise FileTooLarge(f"it holds more than {reading.max_members} attachments")
    headers = {name: _header(message, name) for name in (*SHOWN, "Message-ID")}
    members = _members(body.attached)
    return Letter(headers, "\n\n".join(body.texts), "\n".join(body.pages), members, body.warnings)


def _prune(message: Message) -> bool:
    """Empties what lies too deep, so that all that follows may call itself; whether there was any."""
    pruned = False
    waiting = [(message, 0)]
    while waiting:
        part, depth = waiting.pop()
        children = _children(part)
        if children and depth >= MAX_DEPTH:
            part.set_payload("")
            pruned = True
        elif children:
            waiting += [(child, depth + 1) for child in children]
    return pruned


def _gather(part: Message, body: _Body, *, shown: bool, related: bool) -> None:
    """Sorts the parts below `part`. Of alternatives one is `shown`; attachments are taken from the others too."""
    kind = part.get_content_type()
    children = _children(part)
    if children is None:
        _leaf(part, body, shown=shown, related=related)
    elif kind in _FORWARDED:
        _attach_message(part, children, body)
    elif part.get_content_maintype() == "message":
        # The report of a mail server: groups of headers.
        told = ((name, decoded_header(str(value))) for child in children for name, value in _headers(child))
        body.texts.append("\n\n".join(f"{name}: {value}" for name, value in told))
    else:
        chosen = _chosen(children) if kind == "multipart/alternative" else None
        for child in children:
            visible = shown and (chosen is None or child is chosen)
            _gather(child, body, shown=visible, related=kind == "multipart/related")


def _children(part: Message) -> list[Message] | None:
    """The parts of a part that holds others; None for one that holds data."""
    if not part.is_multipart():
        return None
    return [child for child in part.get_payload() if isinstance(child, Message)]


def _headers(message: Message) -> list[tuple[str, object]]:
    """Names and values as they stand in the file."""
    return [(str(name), value) for name, value in message.raw_items()]  # type: ignore[attr-defined, unused-ignore]


def _leaf(part: Message, body: _Body, *, shown: bool, related: bool) -> None:
    kind, disposition = part.get_content_type(), _disposition(part)
    name = _file_name(part)
    is_text = part.get_content_maintype() == "text"
    if is_text and disposition != "attachment" and not (name and (disposition or body.texts or body.pages)):
        if shown:
            (body.pages if kind == "text/html" else body.texts).append(_text(part))
    elif "encrypted" in kind or "enveloped" in str(part.get_param("smime-type", "")):
        body.warnings.append("the text of the message is encrypted")
    elif disposition != "attachment" and (related or (kind.startswith("image/") and part["Content-ID"])):
        return  # what the text shows in itself: pictures, style sheets
    elif disposition or name or shown:
        body.attached.append((name or f"attachment{mimetypes.guess_extension(kind) or '.bin'}", lambda: _bytes(part)))


def _chosen(children: list[Message]) -> Message | None:
    """Of alternatives the one with plain text, else the one with HTML, else the last."""
    for kind in ("text/plain", "text/html"):
        for child in children:
            if any(leaf.get_content_type() == kind and _text(leaf).strip() for leaf in _leaves(child)):
                return child
    return children[-1] if children else None


def _leaves(part: Message) -> Iterator[Message]:
    """The parts of a part that hold no others, but for attachments."""
    waiting = [part]
    while waiting:
        next_part = waiting.pop()
        children = _children(next_part)
        if children is None:
            if _disposition(next_part) != "attachment":
                yield next_part
        elif next_part.get_content_maintype() == "multipart":
            waiting += children


def _attach_message(part: Message, children: list[Message], body: _Body) -> None:
    if not children:
        return
    inner = children[0]
    name = (_file_name(part) or _subject_name(inner, "message")).removesuffix(".eml")
    body.attached.append((f"{name}.eml", lambda: _message_bytes(inner)))


def _subject_name(message: Message, otherwise: str) -> str:
    """A message's subject as part of a file's name."""
    subject = _header(message, "Subject").replace("/", "-").replace("\\", "-")
    return safe_name(subject[:MAX_SUBJECT_CHARS], otherwise)


def _members(attached: list[tuple[str, Callable[[], bytes]]]) -> Iterator[Member]:
    """The attachments that can be read; at the end FileBroken when others are damaged."""
    name_once = numbered()
    damaged: list[str] = []
    for name, content in attached:
        try:
            data = content()
        except MemoryError:
            raise
        except Exception:  # the library raises whatever it stumbles over in a broken part
            damaged.append(name)
            continue
        yield Member(name_once(name), data)
    if damaged:
        raise FileBroken(f"{len(damaged)} of its attachments are damaged: {', '.join(damaged[:MAX_NAMED])}")


def _message_bytes(message: Message) -> bytes:
    stream = io.BytesIO()
    # The older policy writes headers as they came; the default one would parse and fold them, and fails at broken ones.
    BytesGenerator(stream, mangle_from_=False, policy=policy.compat32).flatten(message)
    return stream.getvalue()


def _bytes(part: Message) -> bytes:
    """The data of a part. The library would try the encoding that the part names, whatever that is: so it does not see it."""
    stored = [value for name, value in _headers(part) if name.lower() == "content-type"]
    del part["Content-Type"]
    try:
        payload = part.get_payload(decode=True)
    finally:
        for value in stored:
            part.set_raw("Content-Type", str(value))
    return payload if isinstance(payload, bytes) else b""


def _text(part: Message) -> str:
    """The text of a part in the encoding it names; in one that fits when it names none."""
    try:
        charset = part.get_content_charset()
    except (LookupError, ValueError, TypeError):
        charset = None
    data = _bytes(part)
    try:
        return decoded(data, charset) if charset else decode(data)
    except FileBroken:
        return decoded(data, "utf-8")


def _header(message: Message, name: str) -> str:
    """All headers of that name, decoded; read as they stand, since the default policy's own reading fails at broken ones."""
    return ", ".join(decoded_header(str(value)) for key, value in _headers(message) if key.lower() == name.lower())


def _disposition(part: Message) -> str:
    try:
        return part.get_content_disposition() or ""
    except Exception:  # the library raises whatever it stumbles over in a broken header
        return "attachment"


def _file_name(part: Message) -> str:
    try:
        name = part.get_filename() or ""
    except Exception:  # as above
        name = ""
    return safe_name(decoded_header(name)) if name else ""
