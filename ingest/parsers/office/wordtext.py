"""The text of a Word paragraph as a reader sees it, with what hangs on it: text boxes, notes, comments, charts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from lxml import etree

from citewell.ingest.parsers.office.equations import linear
from citewell.ingest.parsers.office.packages import attribute, below, child, short

# Deleted text, instructions of fields, and settings: nothing of it is shown.
_UNSEEN = frozenset(["w:pPr", "w:rPr", "w:sectPr", "w:del", "w:moveFrom", "w:delText", "w:instrText", "w:delInstrText", "w:rt", "w:sdtPr", "w:tblPr", "w:trPr", "w:tcPr", "w:fldData", "a:pPr", "a:rPr"])  # fmt: skip
_SIGNS = {"w:tab": "\t", "w:ptab": "\t", "w:br": "\n", "w:cr": "\n", "w:noBreakHyphen": "\u2011", "a:br": "\n"}
# Signs of the fonts Wingdings and Symbol that say something; the others are bullets and arrows.
_SYMBOLS = {"f0fe": "☑", "f052": "☑", "f0fd": "☒", "f053": "☒", "f0a8": "☐", "f06f": "☐", "f071": "☐", "f0fc": "✓", "f0fb": "✗", "f0e0": "→", "f0b0": "°", "f0b1": "±", "f0b3": "≥", "f0a3": "≤", "f06d": "µ"}  # fmt: skip
_NOTES = {"w:footnoteReference": "footnote", "w:endnoteReference": "endnote", "w:commentReference": "comment"}


@dataclass(slots=True)
class Run:
    """Text as it is gathered, and what hangs on it in the order of reading."""

    pieces: list[str] = field(default_factory=list)
    boxes: list[etree._Element] = field(default_factory=list)  # the contents of text boxes
    notes: list[tuple[str, str]] = field(default_factory=list)  # kind and id
    graphics: list[tuple[str, str]] = field(default_factory=list)  # chart or diagram, and the id of its relation

    @property
    def text(self) -> str:
        """The text gathered."""
        return "".join(self.pieces)


def chosen(alternate: etree._Element) -> etree._Element | None:
    """Which variant of mc:AlternateContent is read: the first choice that holds something, else the fallback."""
    choices = [part for part in alternate if short(part) == "mc:Choice" and len(part)]
    return choices[0] if choices else child(alternate, "mc:Fallback")


def gather(element: etree._Element, run: Run) -> Run:
    """Adds the text of an element's children to `run`, in order."""
    for part in element:
        name = short(part)
        if name in _UNSEEN:
            continue
        handler = _HANDLERS.get(name)
        if handler is not None:
            handler(part, run)
        elif name in _SIGNS:
            run.pieces.append(_SIGNS[name])
        elif name in _NOTES:
            run.notes.append((_NOTES[name], attribute(part, "id")))
        else:
            gather(part, run)
    return run


def _text(part: etree._Element, run: Run) -> None:
    run.pieces.append(part.text or "")


def _visible(part: etree._Element, run: Run) -> None:
    hidden = child(part, "w:rPr", "w:vanish")
    if hidden is None or attribute(hidden, "val", "1") in {"0", "false", "off"}:
        gather(part, run)


def _box(part: etree._Element, run: Run) -> None:
    run.boxes.append(part)


def _alternate(part: etree._Element, run: Run) -> None:
    variant = chosen(part)
    if variant is not None:
        gather(variant, run)


def _equation(part: etree._Element, run: Run) -> None:
    text = linear(part)
    glued = not run.pieces or run.pieces[-1][-1:].isspace() or not run.pieces[-1]
    run.pieces.append(text if glued else f" {text}")


def _symbol(part: etree._Element, run: Run) -> None:
    code = attribute(part, "char").lower()
    if code in _SYMBOLS:
        run.pieces.append(_SYMBOLS[code])
    elif len(code) == 4 and not code.startswith(("f0", "d8", "d9", "da", "db", "dc", "dd", "de", "df")):
        run.pieces.append(chr(int(code, 16)) if all(c in "0123456789abcdef" for c in code) else "")


def _art(part: etree._Element, run: Run) -> None:
    run.pieces.append(attribute(part, "string"))


def _graphic(part: etree._Element, run: Run) -> None:
    kind = "chart" if short(part) == "c:chart" else "diagram"
    run.graphics.append((kind, attribute(part, "id") if kind == "chart" else attribute(part, "dm")))


def _field(part: etree._Element, run: Run) -> None:
    """The state of a form's check box or list, which stands in the field's settings."""
    box = next(below(part, "w:checkBox"), None)
    if box is not None:
        state = child(box, "w:checked")
        state = child(box, "w:default") if state is None else state
        checked = state is not None and attribute(state, "val", "1") not in {"0", "false", "off"}
        run.pieces.append("☒" if checked else "☐")
    listed = next(below(part, "w:ddList"), None)
    if listed is not None:
        entries = [attribute(entry, "val") for entry in listed if short(entry) == "w:listEntry"]
        result = attribute(child(listed, "w:result"), "val", "0")
        run.pieces.append(entries[int(result)] if result.isdecimal() and int(result[:6]) < len(entries) else "")


def _drawn_paragraph(part: etree._Element, run: Run) -> None:
    gather(part, run)
    run.pieces.append("\n")


_HANDLERS: dict[str, Callable[[etree._Element, Run], None]] = {
    "w:t": _text,
    "a:t": _text,
    "w:r": _visible,
    "w:txbxContent": _box,
    "mc:AlternateContent": _alternate,
    "m:oMath": _equation,
    "m:oMathPara": _equation,
    "w:sym": _symbol,
    "v:textpath": _art,
    "c:chart": _graphic,
    "dgm:relIds": _graphic,
    "w:fldChar": _field,
    "a:p": _drawn_paragraph,
}
