"""The plots of a report, as SVG for the page and as PNG files; drawn without a display."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from citewell.evaluation.compare import Comparison
from citewell.evaluation.record import AnswersRecord, RetrievalRecord

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 7.2, 3.6  # inches
PNG_DPI = 150
# Told apart also without colour vision (Okabe and Ito, 2008).
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9")
RELIABILITY_BINS = 10
SVG_SALT = "citewell"  # the same ids in each run, so that the same figures give the same file


@dataclass(frozen=True, slots=True)
class Plot:
    """A drawn plot: its kind, what it shows, and its two forms."""

    name: str
    title: str
    svg: str
    png: bytes


def draw(name: str, title: str, paint: Callable[[Axes], None], height: float = HEIGHT) -> Plot:
    """A plot that `paint` fills."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"svg.hashsalt": SVG_SALT, "svg.fonttype": "none", "font.size": 9, "axes.grid": True, "grid.alpha": 0.3}):  # fmt: skip
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        axes = figure.add_subplot()
        axes.spines[["top", "right"]].set_visible(False)
        paint(axes)
        return Plot(name, title, _svg(figure, title), _png(figure))


def recall_by_depth(record: RetrievalRecord) -> Plot:
    """Recall of relevant documents against depth, a line a stage."""

    def paint(axes: Axes) -> None:
        styles = ("-", "--", "-.", ":")
        for number, (stage, by) in enumerate(record.depths.items()):
            depths = [int(d) for d in by]
            axes.plot(
                depths, list(by.values()), styles[number % 4], marker="o", color=COLOURS[number % 6], label=stage, ms=4
            )
        axes.set(xscale="log", xlabel="depth (documents)", ylabel="recall", ylim=(0, 1.02))
        axes.set_xticks(depths, [str(d) for d in depths])
        axes.minorticks_off()
        axes.legend(loc="lower right")

    return draw("recall-by-depth", f"{record.dataset}: recall by depth and stage", paint)


def risk_coverage(record: AnswersRecord) -> Plot:
    """Risk against coverage over the sufficiency score, with the present threshold."""

    def paint(axes: Axes) -> None:
        found = record.abstention
        coverage = [p.coverage for p in found.curve]
        axes.plot(coverage, [p.risk for p in found.curve], color=COLOURS[0], label="risk")
        axes.fill_between(
            coverage, [p.risk for p in found.curve], [p.risk_high for p in found.curve], color=COLOURS[0], alpha=0.15,
            label="upper 95 % bound",
        )  # fmt: skip
        axes.axhline(found.stated_risk, color=COLOURS[3], ls=":", label=f"stated risk {found.stated_risk:.2f}")
        if found.risk is not None:
            axes.plot(
                [found.coverage], [found.risk], "o", color=COLOURS[3], label=f"threshold {found.threshold:.2f} in force"
            )
        axes.set(xlabel="coverage (share answered)", ylabel="risk (share of answers wrong)", xlim=(0, 1.02), ylim=(0, 1.02))  # fmt: skip
        axes.legend()

    return draw("risk-coverage", f"{record.dataset}: risk over coverage", paint)


def reliability(points: Mapping[str, tuple[Sequence[float], Sequence[bool]]]) -> Plot:
    """How often the documents did answer against the probability that was told, over bins of equal counts; a line a name."""

    def paint(axes: Axes) -> None:
        axes.plot([0, 1], [0, 1], color="#888", ls=":", label="as told")
        for number, (name, (told, true)) in enumerate(points.items()):
            order = sorted(range(len(told)), key=lambda i: told[i])
            bins = [
                order[k * len(order) // RELIABILITY_BINS : (k + 1) * len(order) // RELIABILITY_BINS]
                for k in range(RELIABILITY_BINS)
            ]
            bins = [b for b in bins if b]
            axes.plot(
                [sum(told[i] for i in b) / len(b) for b in bins], [sum(true[i] for i in b) / len(b) for b in bins], marker="o", ms=4,
                color=COLOURS[number % 6], label=f"{name} ({len(told)} cases)",
            )  # fmt: skip
        axes.set(
            xlabel="probability that was told", ylabel="share that the documents answer", xlim=(0, 1), ylim=(0, 1.02)
        )
        axes.legend(loc="upper left")

    return draw("reliability", "Reliability of the probability that the documents answer", paint)


def latency(record: RetrievalRecord | AnswersRecord) -> Plot:
    """Median and 95th percentile by stage."""
    stages = [s for s in record.latency_ms if s != "total"]

    def paint(axes: Axes) -> None:
        at = range(len(stages))
        axes.barh([i - 0.2 for i in at], [record.latency_ms[s].p50 for s in stages], 0.4, color=COLOURS[0], label="median")  # fmt: skip
        axes.barh([i + 0.2 for i in at], [record.latency_ms[s].p95 for s in stages], 0.4, color=COLOURS[1], label="95th percentile")  # fmt: skip
        axes.set_yticks(list(at), stages)
        axes.invert_yaxis()
        axes.set(xlabel="milliseconds")
        axes.legend()

    return draw("latency", f"{record.dataset}: {record.kind}, time by stage", paint)


def waterfall(record: AnswersRecord) -> Plot:
    """Answerable questions by the first stage that lost the evidence."""
    counts = {step: n for step, n in record.waterfall.counts.items() if n or step != "unknown"}

    def paint(axes: Axes) -> None:
        left = record.waterfall.answerable
        for row, (step, count) in enumerate(counts.items()):
            good = step == "answered"
            start = 0 if good else left - count
            axes.barh(row, count, left=start, color=COLOURS[2] if good else COLOURS[3])
            axes.text(start + count, row, f" {count}", va="center")
            left -= count if not good else 0
        axes.set_yticks(range(len(counts)), [step.replace("_", " ") for step in counts])
        axes.invert_yaxis()
        axes.set(xlabel="answerable questions that still have their evidence", xlim=(0, record.waterfall.answerable * 1.08 or 1))  # fmt: skip

    return draw("waterfall", f"{record.dataset}: where the evidence is lost", paint)


def differences(comparison: Comparison, a: Mapping[str, float], b: Mapping[str, float], measure: str) -> Plot:
    """The difference of every topic, sorted."""
    values: Sequence[float] = sorted((b[q] - a[q] for q in a if q in b), reverse=True)

    def paint(axes: Axes) -> None:
        at = range(len(values))
        for sign, colour in ((1, COLOURS[2]), (-1, COLOURS[3])):
            axes.fill_between(at, [max(0.0, v * sign) * sign for v in values], step="mid", color=colour)
        axes.axhline(0, color="black", lw=0.8)
        axes.set(xlabel="topics, by difference", ylabel=f"difference in {measure}")

    return draw("differences", f"{comparison.b} minus {comparison.a}: {measure} by topic", paint)


def _svg(figure: Figure, title: str) -> str:
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None, "Title": title})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=PNG_DPI, metadata={"Software": None})
    return buffer.getvalue()
