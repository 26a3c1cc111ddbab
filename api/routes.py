"""The routes. Each is a plain function, which the framework runs on a worker thread: model work never blocks the event loop."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from itertools import chain
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, File, Query, Request, Response, UploadFile
from fastapi.responses import JSONResponse, StreamingResponse
from fastapi.sse import format_sse_event

from citewell.api import schemas
from citewell.api.auth import authorise
from citewell.api.errors import error_response, response_to
from citewell.core.errors import CitewellError, DocumentNotFound, FileTooLarge, WriterBusy
from citewell.index.store.queue import JobRow
from citewell.index.store.writer import CatalogWriter
from citewell.ingest.jobs import IngestReport
from citewell.pipeline import build, present
from citewell.pipeline.around import neighbours
from citewell.pipeline.ask import read_query, search
from citewell.pipeline.explain import explain
from citewell.pipeline.ingestion import desk
from citewell.pipeline.streaming import Event, answer_events
from citewell.pipeline.upkeep.canary import CanaryRoute
from citewell.pipeline.upkeep.health import status as present_status
from citewell.pipeline.wiring import Engine

ERRORS: dict[int | str, dict[str, Any]] = {
    code: {"model": schemas.ErrorModel, "description": text}
    for code, text in (
        (400, "The request is wrong."),
        (401, "A key is needed."),
        (403, "Not allowed."),
        (409, "Not possible now."),
    )
}
NOT_FOUND: dict[int | str, dict[str, Any]] = {404: {"model": schemas.ErrorModel, "description": "No such document."}}
FORGOTTEN: dict[int | str, dict[str, Any]] = {
    410: {"model": schemas.ErrorModel, "description": "This version is kept no longer."}
}
NO_JOB: dict[int | str, dict[str, Any]] = {404: {"model": schemas.ErrorModel, "description": "No such job."}}
REJECTED: dict[int | str, dict[str, Any]] = {
    code: {"model": schemas.ErrorModel, "description": text}
    for code, text in ((413, "Too large."), (415, "No parser for this format."), (422, "The file cannot be read."))
}

UPLOAD_WAIT_S = 5.0

router = APIRouter(prefix="/v1", dependencies=[Depends(authorise)], responses=ERRORS)
health = APIRouter()


def _engine(request: Request) -> Engine:
    engine: Engine = request.app.state.engine
    return engine


@contextmanager
def _uploading(request: Request) -> Iterator[None]:
    """One writer of this process at a time; those who wait too long are told to come again, so that they hold no thread."""
    if not request.app.state.uploads.acquire(timeout=UPLOAD_WAIT_S):
        raise WriterBusy("another document is being stored")
    try:
        yield
    finally:
        request.app.state.uploads.release()


CurrentEngine = Annotated[Engine, Depends(_engine)]


def _canary(request: Request) -> CanaryRoute:
    route: CanaryRoute = request.app.state.canary
    return route


CurrentCanary = Annotated[CanaryRoute, Depends(_canary)]


@router.post("/answer", response_model_exclude_none=False, tags=["questions"])
def answer(body: schemas.Question, request: Request, canary: CurrentCanary) -> schemas.AnswerModel:
    """Answers a question from the documents; every sentence carries a checked citation, or the status is `abstained`."""
    found = canary.ask(body.question, filter=body.filter, caller=request.state.caller)
    return schemas.AnswerModel(**present.answer_as_json(found, explain=body.explain))


EVENTS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Server-sent events: `stage` when a stage begins, `sentence` for each sentence that passed its check (or, where "
        "generate.verify is `after`, that was written), at last `answer`, which holds for all before it, or `error`.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


@router.post("/answer/stream", tags=["questions"], responses=EVENTS, response_class=StreamingResponse)
def stream_answer(body: schemas.Question, request: Request, canary: CurrentCanary) -> StreamingResponse:
    """Answers a question as a stream of events, so that each sentence can be read as soon as it was checked."""
    asking = partial(canary.ask, body.question, filter=body.filter, caller=request.state.caller)
    events = answer_events(lambda audience: asking(audience=audience))
    first = next(events)  # a question that cannot be asked is refused with its own status
    return StreamingResponse(
        _as_sent(first, events, explain=body.explain),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-cache", "X-Accel-Buffering": "no"},
    )


def _as_sent(first: Event, events: Generator[Event], *, explain: bool) -> Iterator[bytes]:
    """The events in the format of the HTML standard; an error after the first is one of them."""
    try:
        for event in chain([first], events):
            kind, told = present.event_as_json(event, explain=explain)
            yield format_sse_event(event=kind, data_str=json.dumps(told))
    except Exception as error:
        yield format_sse_event(event="error", data_str=bytes(response_to(error, "/v1/answer/stream").body).decode())
    finally:
        events.close()


@router.post("/search", tags=["questions"])
def search_passages(body: schemas.SearchRequest, engine: CurrentEngine) -> schemas.SearchModel:
    """The passages that fit best, with the score of each stage."""
    found, _, trace = search(engine, body.query, filter=body.filter)
    told = present.search_as_json(
        engine, found, trace, limit=body.limit, per_document=body.per_document, with_facets=body.facets
    )
    return schemas.SearchModel(**told)


@router.post("/similar", tags=["questions"], responses=NOT_FOUND)
def similar_passages(body: schemas.SimilarRequest, engine: CurrentEngine) -> list[schemas.PassageModel]:
    """Passages like one that a search listed."""
    query = read_query(engine, body.chunk_id, filter=body.filter)
    return [schemas.PassageModel(**hit) for hit in present.similar_as_json(engine, body.chunk_id, query, body.limit)]


@router.get("/passages/{chunk_id}/neighbours", tags=["documents"], responses=NOT_FOUND)
def passage_neighbours(
    chunk_id: str,
    engine: CurrentEngine,
    reach: Annotated[int, Query(ge=1, le=10, description="How many on each side.")] = 1,
) -> schemas.NeighboursModel:
    """The passages before and after one, in reading order."""
    return schemas.NeighboursModel(**neighbours(engine, chunk_id, reach=reach))


@router.post("/explain", tags=["questions"], responses=NOT_FOUND)
def explain_passage(body: schemas.ExplainRequest, engine: CurrentEngine) -> schemas.ExplanationModel:
    """Why a passage stands where it stands for a question: each number of the first stage and of fusion, with its formula."""
    return schemas.ExplanationModel(**explain(engine, body.query, body.chunk_id, filter=body.filter))


@router.get("/documents", tags=["documents"])
def list_documents(engine: CurrentEngine) -> list[schemas.SummaryModel]:
    """The living documents by uri."""
    return [schemas.SummaryModel(**asdict(summary)) for summary in engine.catalog.summaries()]


@router.post("/documents", status_code=201, tags=["documents"], responses=REJECTED)
def upload(
    file: Annotated[UploadFile, File(description="A file of any format that can be read; an archive is a folder.")],
    request: Request,
    engine: CurrentEngine,
    response: Response,
    wait: Annotated[
        bool, Query(description="Answer when it is searchable; else as soon as it is stored for good.")
    ] = True,
) -> schemas.UploadModel:
    """Adds a document, or replaces the uploaded one of the same name. With `201` it is searchable; with `202` it is stored for good."""
    limit = engine.settings.api.max_upload_bytes
    data = file.file.read(limit + 1)
    if len(data) > limit:
        raise FileTooLarge(
            f"the upload has more than {limit} bytes", hint="Split the file, or raise api.max_upload_bytes."
        )
    name = file.filename or "upload"
    if not wait:
        response.status_code = 202
        job = build.queue_upload(engine, name, data)
        return schemas.UploadModel(
            doc_id=build.upload_id(name), outcome="queued", job=job, documents=[], passages=0, chunks_embedded=0, generation=""
        )  # fmt: skip
    with _uploading(request):
        report = build.ingest_upload(engine, name, data)
    return schemas.UploadModel(
        doc_id=build.upload_id(name), outcome=_outcome(report), job=report.job, documents=[*report.added, *report.changed],
        passages=report.passages, chunks_embedded=report.chunks_embedded, generation=report.generation,
    )  # fmt: skip


def _outcome(report: IngestReport) -> Literal["added", "changed", "unchanged", "container"]:
    if "container" in report.outcomes:
        return "container"
    return "added" if report.added else "changed" if report.changed else "unchanged"


@router.get("/jobs", tags=["ingestion"])
def list_jobs(engine: CurrentEngine) -> list[schemas.JobModel]:
    """The ingestions that are remembered, the newest last."""
    return [schemas.JobModel(**_job(job)) for job in desk.jobs(engine.directory)]


@router.get("/jobs/{job}", tags=["ingestion"], responses=NO_JOB)
def show_job(job: int, engine: CurrentEngine) -> schemas.JobReportModel:
    """An ingestion: how far it is, and what became of its files."""
    found, report = desk.job(engine.directory, job)
    told = {name: value for name, value in asdict(report).items() if name in schemas.JobReportModel.model_fields}
    return schemas.JobReportModel(**{**told, **_job(found)})


@router.post("/jobs/{job}/{action}", tags=["ingestion"], responses=NO_JOB)
def change_job(job: int, action: Literal["pause", "resume", "cancel"], engine: CurrentEngine) -> schemas.JobModel:
    """Pauses, resumes or cancels an ingestion."""
    return schemas.JobModel(**_job(desk.change(engine.directory, action, job)))


def _job(job: JobRow) -> dict[str, Any]:
    told = {name: value for name, value in asdict(job).items() if name in schemas.JobModel.model_fields}
    return {**told, "job": job.job_id, "generation": str(job.report.get("generation", ""))}


@router.get("/dead-letters", tags=["ingestion"])
def list_dead_letters(engine: CurrentEngine) -> list[schemas.LetterModel]:
    """The files that became no document, and why."""
    return [schemas.LetterModel(**letter) for letter in engine.catalog.dead_letters()]


@router.get("/documents/{doc_id}", tags=["documents"], responses=NOT_FOUND)
def show(doc_id: str, engine: CurrentEngine) -> schemas.DocumentModel:
    """A document's facts."""
    return schemas.DocumentModel(**present.document_as_json(engine.catalog.document(doc_id), with_text=False))


@router.get("/documents/{doc_id}/text", tags=["documents"], responses=NOT_FOUND | FORGOTTEN)
def text(
    doc_id: str,
    engine: CurrentEngine,
    version: Annotated[str | None, Query(description="An earlier version, while it is kept.")] = None,
    start: Annotated[int, Query(ge=0, description="First character.")] = 0,
    end: Annotated[
        int | None, Query(ge=0, description="Character after the last; the text's end when left out.")
    ] = None,
) -> schemas.TextModel:
    """The stored text that citations point into, whole or in part."""
    document = engine.catalog.document(doc_id, version)
    stop = len(document.text) if end is None else min(end, len(document.text))
    if start > stop:
        raise DocumentNotFound(
            f"the text has no characters from {start} to {stop}", hint=f"It has {len(document.text)} characters."
        )
    part = document.text[start:stop]
    return schemas.TextModel(doc_id=doc_id, version=document.version, start_char=start, end_char=stop, text=part)


@router.delete("/documents/{doc_id}", tags=["documents"], responses=NOT_FOUND)
def delete(doc_id: str, request: Request, engine: CurrentEngine) -> schemas.DeletedModel:
    """Takes a document out of every answer at once."""
    engine.catalog.document(doc_id)
    with _uploading(request), CatalogWriter(engine.directory, engine.settings.storage) as writer:
        uri = writer.delete(doc_id)
    return schemas.DeletedModel(doc_id=doc_id, uri=uri)


@router.get("/status", tags=["service"])
def status(engine: CurrentEngine) -> schemas.StatusModel:
    """What the index holds, what runs the models, whether live scores drift, and how often the caches help."""
    caches = [schemas.CacheModel(**asdict(use), hit_rate=round(use.hit_rate, 4)) for use in engine.caches]
    return schemas.StatusModel(index=present_status(engine), caches=caches)


@health.get("/healthz", tags=["service"])
async def healthz() -> schemas.StateModel:
    """The process is alive; answered by the event loop itself, so also when every worker is busy."""
    return schemas.StateModel(status="ok")


@health.get("/readyz", tags=["service"], response_model=schemas.StateModel, responses={503: {"model": schemas.ErrorModel, "description": "Not ready."}})  # fmt: skip
def readyz(engine: CurrentEngine) -> schemas.StateModel | JSONResponse:
    """The index is open and questions can be answered."""
    try:
        return schemas.StateModel(status="ready", generation=engine.snapshot().generation)
    except CitewellError as error:
        return error_response(503, error.code, error.message, error.hint, retryable=True)
