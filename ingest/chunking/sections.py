"""What stands under one heading path, small neighbours joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from citewell.ingest.chunking.layout import Layout


@dataclass(frozen=True, slots=True)
class Section:
    """A span of a document under one heading path."""

    start: int
    end: int
    heading_path: tuple[str, ...]


def sections(layout: Layout, min_tokens: int) -> list[Section]:
    """The sections of a document in order; those with fewer than `min_tokens` are joined where they fit and are related."""
    found: list[Section] = []
    for block in layout.blocks:
        last = found[-1] if found else None
        heading_only = last and last.heading_path == block.heading_path[:-1] and _is_bare(layout, last)
        same = last and last.heading_path == block.heading_path
        if last and (same or (block.kind == "heading" and heading_only)):
            found[-1] = Section(last.start, block.end_char, block.heading_path)
        else:
            found.append(Section(block.start_char, block.end_char, block.heading_path))
    return _joined(layout, found, min_tokens)


def common_path(a: tuple[str, ...], b: tuple[str, ...]) -> tuple[str, ...]:
    """The headings that two paths have in common."""
    length = 0
    while length < min(len(a), len(b)) and a[length] == b[length]:
        length += 1
    return a[:length]


def _is_bare(layout: Layout, section: Section) -> bool:
    """Whether the section is a heading and nothing else."""
    return bool(section.heading_path) and layout.text[section.start : section.end] == section.heading_path[-1]


def _joined(layout: Layout, found: Sequence[Section], min_tokens: int) -> list[Section]:
    """Small sections joined with the one before, where both fit and stand under a common heading."""
    joined: list[Section] = []
    for section in found:
        if joined:
            last = joined[-1]
            common = common_path(last.heading_path, section.heading_path)
            small = min(layout.cost(last.start, last.end), layout.cost(section.start, section.end)) < min_tokens
            related = len(common) >= min(len(last.heading_path), len(section.heading_path)) - 1
            if small and related and layout.cost(last.start, section.end) <= layout.limit_at(last.start, common):
                joined[-1] = Section(last.start, section.end, common)
                continue
        joined.append(section)
    return joined
