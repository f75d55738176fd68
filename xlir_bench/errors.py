"""Errors a user can fix. The command line prints them in one line, without a traceback.

XlirError                exit status 1
├── UsageError           exit status 2: a wrong name or a wrong combination of options
│   └── UnknownNameError a task, model, mode, language or measure that nobody registered
├── CardError            a TOML card with a wrong or missing field
├── DataError            a data file that is missing, altered, malformed or inconsistent
├── EncoderError         an encoder that cannot be loaded or returns unusable vectors
├── ResultError          results that cannot be written, read or trusted
├── EngineError          workers that cannot be started or were lost
├── TrainError           training that cannot start, go on or be resumed
└── StoppedError         exit status 130: the user stopped what can be resumed

Anything else that escapes is a bug and keeps its traceback.
"""

import difflib
from collections.abc import Iterable


class XlirError(Exception):
    """Base class of every error whose message is written for the user."""

    exit_code = 1


class UsageError(XlirError):
    """The command was called with arguments that do not fit together."""

    exit_code = 2


class UnknownNameError(UsageError):
    """A task, model, mode, language or measure that nobody registered."""

    def __init__(self, name: str, known: Iterable[str], *, kind: str, hint: str = "") -> None:
        by_folded = {other.casefold(): other for other in known}
        near = difflib.get_close_matches(name.casefold(), by_folded, n=3)
        offer = f"; did you mean {' or '.join(by_folded[key] for key in near)}?" if near else ""
        if not near and len(by_folded) <= 30:
            offer = f"; known: {', '.join(by_folded.values())}"
        super().__init__(f"unknown {kind} {name!r}{offer}{f' ({hint})' if hint else ''}")


class CardError(XlirError):
    """A TOML card with a wrong or missing field."""


class DataError(XlirError):
    """A data file that is missing, altered, malformed or inconsistent."""


class EncoderError(XlirError):
    """An encoder that cannot be loaded or returns unusable vectors."""


class ResultError(XlirError):
    """Results that cannot be written, read or trusted."""


class EngineError(XlirError):
    """Workers that cannot be started or were lost."""


class TrainError(XlirError):
    """Training that cannot start, go on or be resumed."""


class StoppedError(XlirError):
    """The user stopped what can be resumed."""

    exit_code = 130
