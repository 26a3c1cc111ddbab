"""The HTTP status of every error, and the one shape in which errors are told."""

from __future__ import annotations

import logging
import sqlite3
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from citewell.core import errors

STATUS_OF: dict[type[errors.CitewellError], int] = {
    errors.CitewellError: 500,
    errors.SettingsError: 500,
    errors.InvalidQuery: 400,
    errors.InvalidFilter: 400,
    errors.SourceError: 400,
    errors.FileRejected: 422,
    errors.FileUnreadable: 422,
    errors.FileBroken: 422,
    errors.FileTooLarge: 413,
    errors.FileUnsupported: 415,
    errors.FileEncrypted: 422,
    errors.FileUnsafe: 422,
    errors.FileTimedOut: 422,
    errors.ParserStopped: 422,
    errors.FileWithoutText: 422,
    errors.FileNeedsOcr: 422,
    errors.IndexMissing: 409,
    errors.IndexIncompatible: 409,
    errors.IndexCorrupt: 503,
    errors.StorageFailed: 507,
    errors.WriterBusy: 409,
    errors.DocumentNotFound: 404,
    errors.PassageNotFound: 404,
    errors.VersionGone: 410,
    errors.JobNotFound: 404,
    errors.JobState: 409,
    errors.GenerationNotFound: 404,
    errors.AnswerNotFound: 404,
    errors.BackupInvalid: 409,
    errors.ModelUnavailable: 503,
    errors.ModelMismatch: 503,
    errors.ModelFailed: 503,
    errors.BudgetSpent: 503,
    errors.DatasetInvalid: 400,
    errors.PortInUse: 500,
    errors.AccessDenied: 403,
    errors.KeyRequired: 401,
}
RETRY_AFTER_S = 5
_log = logging.getLogger("citewell.api")


def error_response(status: int, code: str, message: str, hint: str, *, retryable: bool = False) -> JSONResponse:
    """`{"error": {code, message, hint, retryable}}`."""
    body = {"error": {"code": code, "message": message, "hint": hint, "retryable": retryable}}
    return JSONResponse(body, status, headers={"Retry-After": str(RETRY_AFTER_S)} if retryable else None)


def response_for(error: errors.CitewellError) -> JSONResponse:
    """The response that tells a CitewellError."""
    return error_response(STATUS_OF[type(error)], error.code, error.message, error.hint, retryable=error.retryable)


def response_to(error: Exception, path: str) -> JSONResponse:
    """The response to any error; what is unexpected is logged and told without its inside."""
    if isinstance(error, errors.CitewellError):
        return response_for(error)
    if isinstance(error, (OSError, sqlite3.DatabaseError)):
        _log.error("storage failed at %s", path, exc_info=error)
        return response_for(errors.StorageFailed("the index could not be read or written"))
    _log.error("unexpected error at %s", path, exc_info=error)
    return error_response(
        500, "server.error", "something unexpected went wrong", "See the server's log; run `citewell doctor`."
    )


def install_error_handlers(app: FastAPI) -> None:
    """Makes every error of `app` one shape."""

    @app.exception_handler(errors.CitewellError)
    @app.exception_handler(OSError)
    @app.exception_handler(sqlite3.DatabaseError)
    @app.exception_handler(Exception)
    def known(request: Request, error: Exception) -> JSONResponse:
        return response_to(error, request.url.path)

    @app.exception_handler(RequestValidationError)
    def invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        del request
        problems = "; ".join(f"{'.'.join(str(p) for p in e['loc'])}: {e['msg']}" for e in error.errors())
        return error_response(422, "request.invalid", problems, "See /docs for the fields of this request.")

    @app.exception_handler(HTTPException)
    def plain(request: Request, error: HTTPException) -> JSONResponse:
        phrase = HTTPStatus(error.status_code).phrase.lower()
        return error_response(
            error.status_code,
            f"http.{error.status_code}",
            f"{phrase}: {request.url.path}",
            "See /docs for what there is.",
        )
