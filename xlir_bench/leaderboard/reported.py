"""Figures that papers report: shown apart from measured ones, never tested, never best."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlir_bench.errors import ResultError


@dataclass(frozen=True, slots=True)
class Reported:
    """One row of a paper.

    Attributes:
        benchmark: name of the card.
        model: as the paper calls it.
        source: "arXiv:2408.10536".
        title: of the paper.
        where: its tables.
        figures: by column, "mono/AP".

    """

    benchmark: str
    model: str
    source: str
    title: str
    where: str
    figures: Mapping[str, float]

    def has_any(self, keys: Iterable[str]) -> bool:
        """Say whether the row has a figure in one of the columns."""
        return any(key in self.figures for key in keys)


def read_reported(folder: Path) -> tuple[Reported, ...]:
    """Return the rows of every paper in a folder of JSON files.

    Raises:
        ResultError: a file is broken.

    """
    rows: list[Reported] = []
    for path in sorted(folder.glob("*.json")):
        try:
            paper = json.loads(path.read_bytes())
            rows += [_row(paper, row) for row in paper["rows"]]
        except (OSError, ValueError, KeyError, TypeError) as error:
            msg = f"cannot read the reported figures {path}: {type(error).__name__} {error}"
            raise ResultError(msg) from error
    return tuple(rows)


def _row(paper: Mapping[str, Any], row: Mapping[str, Any]) -> Reported:
    return Reported(
        benchmark=row["benchmark"],
        model=row["model"],
        source=paper["source"],
        title=paper["title"],
        where=row["where"],
        figures={str(key): float(value) for key, value in row["figures"].items()},
    )
