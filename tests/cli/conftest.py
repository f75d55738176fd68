"""The command line in this process, with folders of its own."""

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, NoReturn

import numba
import pytest

from xlir_bench.cli.main import status
from xlir_bench.encoders import char_ngrams


class Outcome(NamedTuple):
    """What a command left behind."""

    status: int
    out: str
    err: str


Call = Callable[..., Outcome]


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the user's cache and cards out of these tests, and their traces out of his."""
    monkeypatch.setenv("XLIR_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("XLIR_CONFIG_DIR", str(tmp_path / "config"))


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Return a function that runs a command line and captures what it prints."""

    def run(*arguments: str) -> Outcome:
        capsys.readouterr()
        exit_status = status(list(arguments))
        return Outcome(exit_status, *capsys.readouterr())

    return run


@contextlib.contextmanager
def own_process(patch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget what this process knows of models and results, and leave no trace in it.

    One thread counts: on a busy machine numba's threads wait for each other.
    """
    from xlir_bench.adapters.mteb import debias, front, ranked, registry, runs, session, task

    memory = session.Session()
    for module in (debias, front, ranked, registry, runs, task):
        patch.setattr(module, "SESSION", memory)
    patch.setenv("TOKENIZERS_PARALLELISM", "false")
    level, threads = logging.getLogger("mteb").level, numba.get_num_threads()
    numba.set_num_threads(1)
    yield
    numba.set_num_threads(threads)
    logging.getLogger("mteb").setLevel(level)


@pytest.fixture
def fresh_process(own_folders: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give a test a memory of models and results of its own."""
    with own_process(monkeypatch):
        yield


@pytest.fixture
def no_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail where the lexical floor is asked to encode."""

    def refuse(texts: Sequence[str]) -> NoReturn:
        msg = f"{len(texts)} texts were encoded again"
        raise AssertionError(msg)

    monkeypatch.setattr(char_ngrams, "encode", refuse)
