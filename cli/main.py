"""The program `citewell`. Commands are imported when they are called, so that help answers at once."""

from __future__ import annotations

import importlib
import json
import sys

import click

from citewell import __version__

# Command: where it is, and its line in the list of commands (which must not import it).
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("citewell.cli.demo:demo", "Ingest the bundled sample documents and ask five questions."),
    "ingest": ("citewell.cli.ingest:ingest", "Bring the index up to the files below PATH…"),
    "ask": ("citewell.cli.ask:ask", "Answer QUESTION from the documents, with checked citations."),
    "search": ("citewell.cli.ask:search", "List the passages that fit QUESTION best."),
    "similar": ("citewell.cli.ask:similar", "List passages like one of them."),
    "explain": ("citewell.cli.ask:explain", "Show why a passage stands where it stands for a question."),
    "serve": ("citewell.cli.serve:serve", "Answer questions over HTTP, with a page to ask from."),
    "status": ("citewell.cli.status:status", "Show what the index holds."),
    "jobs": ("citewell.cli.jobs:jobs", "List, watch, pause, resume and cancel ingestions."),
    "dead-letter": (
        "citewell.cli.jobs:dead_letter",
        "List the files that became no document, try them again, or forget them.",
    ),
    "worker": ("citewell.cli.jobs:worker", "Work on the jobs of the data directory, beside any other worker."),
    "documents": (
        "citewell.cli.documents:documents",
        "List, show, delete and purge documents, and say who may read them.",
    ),
    "index": ("citewell.cli.index:index", "Verify, repair, rebuild, back up and restore the index."),
    "generations": (
        "citewell.cli.generations:generations",
        "List, publish and prune the generations of the index.",
    ),
    "evaluate": ("citewell.cli.evaluate:evaluate", "Measure retrieval on judged questions."),
    "train": ("citewell.cli.train:train", "Train the models that rerank and read."),
    "doctor": ("citewell.cli.status:doctor", "Check models, index and settings, and say what to do."),
}
RESTORE = "Restore it from a backup, or ingest into a new directory with --dir."
EPILOG = """\b
First steps:
  citewell demo                       see it work on sample documents
  citewell ingest ~/handbook          index a folder
  citewell ask "How do I book leave?" answer from it, with citations
  citewell serve                      the same over HTTP, with a page

Exit codes: 0 done; 1 an error, said with what to do next; 2 wrong usage; 3 done, but some files could not be read."""


class LazyGroup(click.Group):
    """A group that imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every command's name, in the order of COMMANDS."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command itself; None when there is no such one."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, attribute = COMMANDS[cmd_name][0].split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the list of commands without importing them."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, line) for name, (_, line) in COMMANDS.items()])


@click.group(
    cls=LazyGroup, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(__version__, prog_name="citewell")
@click.option("--dir", "directory", metavar="DIR", help="Data directory (default: .citewell, or CITEWELL_DIR).")
@click.option("--config", metavar="FILE", help="Settings file (default: citewell.toml in the working directory).")
@click.pass_context
def cli(ctx: click.Context, directory: str | None, config: str | None) -> None:
    """Answers over your own documents: every sentence with a checked citation, or an honest refusal."""
    ctx.obj = {"directory": directory, "config": config}


def main() -> None:
    """Runs the program; a CitewellError becomes one sentence with a hint and exit code 1."""
    import sqlite3

    from citewell.core.errors import CitewellError, IndexCorrupt, StorageFailed

    try:
        cli.main(prog_name="citewell", standalone_mode=False)
    except CitewellError as error:
        _tell(error)
        sys.exit(1)
    except (OSError, sqlite3.DatabaseError) as error:
        if isinstance(error, BrokenPipeError):  # the reader of our output has seen enough
            sys.stderr.close()
            sys.exit(0)
        damaged = isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError)
        _tell(IndexCorrupt(f"the catalog is damaged: {error}", hint=RESTORE) if damaged else StorageFailed(str(error)))
        sys.exit(1)
    except click.Abort:
        click.echo("stopped; what was acknowledged is kept", err=True)
        sys.exit(130)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)


def _tell(error: Exception) -> None:
    message, hint = getattr(error, "message", str(error)), getattr(error, "hint", "")
    # `evaluate … --json FILE` writes figures to a file: its errors are for people.
    to_file = "evaluate" in sys.argv and sys.argv[-1] != "-" and "-" not in sys.argv
    if "--json" in sys.argv and not to_file:
        body = {"code": getattr(error, "code", "error"), "message": message, "hint": hint}
        click.echo(json.dumps({"error": body}, ensure_ascii=False, indent=2))
    else:
        click.echo(f"error: {message}\n hint: {hint}", err=True)


if __name__ == "__main__":
    main()
