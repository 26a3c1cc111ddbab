"""`citewell status` and `citewell doctor`."""

from __future__ import annotations

import sys

import click

from citewell.cli.common import Place, common_options, print_json

_MARKS = {"ok": ("ok", "green"), "note": ("note", "yellow"), "problem": ("PROBLEM", "red")}


@click.command()
@common_options
def status(place: Place, as_json: bool) -> None:
    """Show what the index holds: documents, passages, generation, and the files that could not be read."""
    engine = place.engine()
    from citewell.pipeline import health

    result = health.status(engine)
    engine.close()
    if as_json:
        print_json(result)
        return
    for name, value in result.items():
        if name not in {"rejected", "sources", "languages", "sketches"}:
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
    for letter in result["rejected"]:
        click.echo(f"rejected          {letter['uri']}: {letter['reason']}")


@click.command()
@click.option(
    "--settings", "show_settings", is_flag=True, help="Also list every setting with its value, default and unit."
)
@common_options
def doctor(show_settings: bool, place: Place, as_json: bool) -> None:
    """Check models, index and settings; say what to do about each problem. Exits with 1 when there is one."""
    engine = place.engine()
    from citewell.core.settings import describe_settings
    from citewell.pipeline import health

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
            }
        )
    else:
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
