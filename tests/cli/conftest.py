"""The command line in this process, with folders of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from xlir_bench.cli.main import status


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
