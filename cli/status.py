"""`citewell status` and `citewell doctor`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from citewell.cli.common import Place, common_options, print_json

if TYPE_CHECKING:
    from citewell.encoders.tuning import Tuning

_MARKS = {"ok": ("ok", "green"), "note": ("note", "yellow"), "problem": ("PROBLEM", "red")}


@click.command()
@common_options
def status(place: Place, as_json: bool) -> None:
    """Show what the index holds: documents, passages, generation, and the files that could not be read."""
    engine = place.engine()
    from citewell.pipeline.upkeep import health

    result = health.status(engine)
    engine.close()
    if as_json:
        print_json(result)
        return
    _print_index(result)
    _print_models(result)
    for letter in result["rejected"]:
        click.echo(f"rejected          {letter['uri']}: {letter['reason']}")


def _print_index(result: dict[str, Any]) -> None:
    for name, value in result.items():
        if name not in {"rejected", "sources", "languages", "sketches", "encoders", "drift", "spent", "writers"}:
            click.echo(f"{name.replace('_', ' '):<17} {', '.join(value) if isinstance(value, list) else value}")
    for language, facts in result["languages"].items():
        known = ", ".join(facts["analysed by"]) or "words alone"
        click.echo(f"language          {language}: {facts['passages']} passages, by {known}")
    for sketch in result["sketches"]:
        faster = sketch["exact_ms"] / sketch["ms"]
        click.echo(
            f"sketch            of {sketch['rows']} passages: recall@100 {sketch['recall']:.3f}, {faster:.0f} times faster"
        )
    for name, root in result["sources"].items():
        click.echo(f"source            {name}: {root}")


def _print_models(result: dict[str, Any]) -> None:
    runs = result["encoders"]
    click.echo(
        f"machine           {runs['machine']}, {runs['threads']} threads"
        if "machine" in runs
        else f"models            {runs['error']}"
    )
    for name, told in runs.get("models", {}).items():
        also = "" if told["bulk"] == told["question"] else f", for a single question {told['question']}"
        click.echo(f"runs              {name}: {told['bulk']}{also}; {told.get('fallback') or told['reason']}")
    for drift in result["drift"]:
        mark = "DRIFT: " if drift["drifted"] else ""
        click.echo(
            f"scores            {mark}{drift['model']}: {drift['outside']:.1%} of {drift['scores']} live scores outside the measured range"
        )
    for one in result["writers"]:
        click.echo(f"writer            {one['model']}: {one['state']}, {one['failed']} of {one['calls']} calls failed")
    for one in result["spent"]:
        money = f", {one['money']:.4f} of money" if one["money"] else ""
        click.echo(
            f"spent             {one['day']} by {one['caller']}: {one['model']}, {one['calls']} calls, {one['read']} tokens read "
            f"({one['cached']} of them kept from before), {one['written']} written, {one['seconds']:.0f} s{money}"
        )


def _print_tuning(name: str, tuning: Tuning) -> None:
    click.echo(
        f"{name}, {tuning.threads} threads{'texts a second':>22}{'a question':>14}{'agreement: mean':>19}{'least':>9}{'order':>8}"
    )
    for one in tuning.measured:
        mark = "*" if one.runtime == tuning.bulk else " "
        agreement = list(one.agreement.values())
        mean = min((found.mean for found in agreement), default=1.0)
        least = min((found.least for found in agreement), default=1.0)
        figures = f"{one.texts_per_s:>18.1f}{one.question_ms:>11.2f} ms{mean:>19.4f}{least:>9.4f}{one.order:>8.3f}"
        click.echo(f" {mark} {one.runtime:<20}{figures if one.texts_per_s else ''}")
        if one.refused:
            click.echo(f"     not used: {one.refused}")


@click.command()
@click.option(
    "--settings", "show_settings", is_flag=True, help="Also list every setting with its value, default and unit."
)
@click.option(
    "--tune",
    "tune",
    is_flag=True,
    help="Measure first what runs the models fastest on this machine, int8 included, and keep it; takes some minutes.",
)
@common_options
def doctor(show_settings: bool, tune: bool, place: Place, as_json: bool) -> None:
    """Check models, index and settings; say what to do about each problem. Exits with 1 when there is one."""
    engine = place.engine()
    from citewell.core.settings import describe_settings
    from citewell.pipeline.upkeep import health, runtimes

    tunings = runtimes.retune(engine, lambda what: click.echo(f"measuring {what}", err=True)) if tune else {}
    findings = health.examine(engine)
    rows = describe_settings(engine.settings)
    engine.close()
    if as_json:
        healthy = not any(f.state == "problem" for f in findings)
        print_json(
            {
                "healthy": healthy,
                "findings": health.findings_as_json(findings),
                "config_hash": engine.config_hash,
                "settings": rows,
                "tunings": {name: tuning.model_dump(mode="json") for name, tuning in tunings.items()},
            }
        )
    else:
        for name, tuning in tunings.items():
            _print_tuning(name, tuning)
        for finding in findings:
            mark, colour = _MARKS[finding.state]
            click.echo(f"{click.style(f'{mark:<8}', fg=colour)} {finding.subject}: {finding.detail}")
            if finding.hint and finding.state != "ok":
                click.echo(f"         {finding.hint}")
        changed = [row for row in rows if row["value"] != row["default"]]
        for row in rows if show_settings else changed:
            click.echo(f"setting  {row['name']} = {row['value']!r} (default {row['default']!r}): {row['description']}")
        if not show_settings:
            click.echo(f"settings: {len(changed)} of {len(rows)} differ from their defaults; --settings lists all")
    sys.exit(1 if any(f.state == "problem" for f in findings) else 0)
