"""Queries and judgements whose corpora are too large to hold: they are read as streams."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xlir_bench.core.collection import check_judged, check_unique
from xlir_bench.core.language import Language
from xlir_bench.core.qrels import Qrels
from xlir_bench.core.text import Query
from xlir_bench.errors import DataError


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """One shard of a language's corpus as it is published.

    Attributes:
        language: of its passages.
        path: of a file of JSON lines, gzipped if its name ends in ".gz".

    """

    language: Language
    path: Path

    @property
    def name(self) -> str:
        """Return what messages and file names call it: "sw/docs-0"."""
        return f"{self.language.code}/{self.path.name.split('.')[0]}"


@dataclass(frozen=True, slots=True)
class Judged:
    """Queries, judgements and corpus files of some languages of a benchmark.

    Attributes:
        name: of the benchmark.
        queries: grouped by language.
        confined_to: the only corpus that each query may search; None for a query that may search
            any. A translated query is confined to the corpus in which it was judged: in a pool
            nothing says what is relevant in other languages.
        relevant: ids of the relevant passages, language prefix included ("sw:12#3"), in ascending
            order as bytes (trec_eval).
        qrels: judgements with grade 1 or more; passage rows are rows of ``relevant``.
        files: of all corpora, grouped by language.

    Raises:
        DataError: nothing to search or to ask, a repeated id, a judgement of what does not exist.

    """

    name: str
    queries: tuple[Query, ...]
    confined_to: tuple[Language | None, ...]
    relevant: tuple[str, ...]
    qrels: Qrels
    files: tuple[CorpusFile, ...]

    def __post_init__(self) -> None:
        """Check what every reader must guarantee."""
        if not self.queries or not self.files or not len(self.qrels):
            msg = (
                f"{self.name} is empty: {len(self.queries)} queries, {len(self.qrels)} judgements,"
                f" {len(self.files)} corpus files"
            )
            raise DataError(msg)
        check_unique(self.name, "query", [q.query_id for q in self.queries])
        ids = [x.encode() for x in self.relevant]
        if any(a >= b for a, b in pairwise(ids)):
            msg = f"{self.name}: ids of relevant passages must rise and not repeat"
            raise DataError(msg)
        check_judged(self.name, self.qrels, len(self.queries), len(self.relevant))

    @property
    def languages(self) -> tuple[Language, ...]:
        """Return the corpus languages, in the order of the files."""
        return tuple(dict.fromkeys(file.language for file in self.files))


def pooled_id(language: Language, passage_id: str) -> str:
    """Return an id that is unique over languages: docids of two Wikipedias collide."""
    return f"{language.code}:{passage_id}"


def byte_ids(ids: Iterable[str]) -> NDArray[np.bytes_]:
    """Return ids as the bytes that trec_eval compares."""
    return np.array([x.encode() for x in ids], dtype=np.bytes_)
