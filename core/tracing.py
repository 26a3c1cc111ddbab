"""Timings by stage: `with stage("rerank", depth=30):` adds one span to the trace of the request that is under way."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass(slots=True)
class Span:
    """One stage of a request: its name, its duration in milliseconds and what it wants to tell."""

    name: str
    ms: float = 0.0
    facts: dict[str, object] = field(default_factory=dict)


@dataclass(slots=True)
class Trace:
    """The spans of one request, in the order in which they began; each is told to `began` when it does."""

    spans: list[Span] = field(default_factory=list)
    began: Callable[[str], None] | None = None

    def timings_ms(self) -> dict[str, float]:
        """Milliseconds by stage."""
        timings: dict[str, float] = {}
        for span in self.spans:
            timings[span.name] = round(timings.get(span.name, 0.0) + span.ms, 3)
        return timings

    def warnings(self) -> tuple[str, ...]:
        """What stages left undone, each in a sentence."""
        return tuple(str(span.facts["warning"]) for span in self.spans if "warning" in span.facts)

    def as_rows(self) -> tuple[dict[str, object], ...]:
        """Each span as `{stage, ms, …facts}`."""
        return tuple({"stage": span.name, "ms": round(span.ms, 3), **span.facts} for span in self.spans)


_current: ContextVar[Trace | None] = ContextVar("citewell_trace", default=None)


@contextmanager
def tracing(began: Callable[[str], None] | None = None) -> Iterator[Trace]:
    """Collects the spans of everything that runs inside, and tells `began` the name of each as it begins."""
    trace = Trace(began=began)
    token = _current.set(trace)
    try:
        yield trace
    finally:
        _current.reset(token)


@contextmanager
def stage(name: str, **facts: object) -> Iterator[Span]:
    """Times one stage; facts can be added to the span while it runs. Outside `tracing()` it only measures."""
    span = Span(name, facts=dict(facts))
    trace = _current.get()
    if trace is not None:
        trace.spans.append(span)
        if trace.began is not None:
            trace.began(name)
    started = time.perf_counter()
    try:
        yield span
    finally:
        span.ms = (time.perf_counter() - started) * 1000
