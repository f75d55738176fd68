"""Parallel pairs on disk: texts in a memory-mapped Arrow file, numbers about them in memory.

10 million pairs are 300 MB of numbers; their texts are read when a batch asks for them.
"""

import hashlib
import re
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xlir_bench.cards.recipe import PairSource
from xlir_bench.errors import DataError
from xlir_bench.paths import written_whole
from xlir_bench.train.sources import PairRow, check_there, rows

_CHUNK = 10_000
"""Rows written at a time."""
SCHEMA = pa.schema([(name, pa.string()) for name in ("pair_id", "query", "passage", "negative")])
Integers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Report:
    """What was read, and what became of it.

    Attributes:
        rows: read, by source and language code.
        empty: rows without a query or a passage; left out.
        duplicates: rows that repeat query and passage of another in the same language; left out.
        one_language: ids in one language only; they serve monolingual batches.
        held_out: ids kept for validation.
        sha256: of all rows in their order.

    """

    rows: Mapping[str, Mapping[str, int]]
    empty: int
    duplicates: int
    one_language: int
    held_out: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Pairs:
    """Pairs that training draws from; a row is a position in the Arrow file.

    Attributes:
        path: of the Arrow file with the columns of ``SCHEMA``.
        codes: language codes.
        rows: (n,) int64 rows that may be drawn, rising.
        groups: (n,) int64 equal for translations of one pair, 0 to n_groups - 1.
        documents: (n,) int64 equal for pairs of one document, in every language.
        languages: (n,) int64 into ``codes``.
        query_hashes: (n,) int64, equal for equal queries.
        passage_hashes: (n,) int64, equal for equal passages.
        repeats: (n,) uint8, how often a pair comes in one pass through all of them.
        validation: (m,) int64 rows kept for the validation loss.
        has_negatives: whether every row has a hard negative.
        report: counts.

    """

    path: Path
    codes: tuple[str, ...]
    rows: Integers
    groups: Integers
    documents: Integers
    languages: Integers
    query_hashes: Integers
    passage_hashes: Integers
    repeats: NDArray[np.uint8]
    validation: Integers
    has_negatives: bool
    report: Report

    def __len__(self) -> int:
        """Return the number of pairs that may be drawn."""
        return len(self.rows)


@dataclass
class _Numbers:
    """What is remembered of each row while texts go to disk."""

    groups: "array[int]"
    documents: "array[int]"
    languages: "array[int]"
    queries: "array[int]"
    passages: "array[int]"
    repeats: "array[int]"


def build_pairs(
    sources: Sequence[PairSource],
    codes: Sequence[str],
    path: Path,
    *,
    beside: Path,
    holdout: float = 0.0,
) -> Pairs:
    """Read sources into one Arrow file.

    O(rows) time; memory O(rows * 41 bytes), whatever the length of texts.

    Args:
        sources: to read, in order.
        codes: of the languages to use.
        path: of the Arrow file to write, whole or not at all.
        beside: folder that relative paths of sources start from.
        holdout: share of the documents whose English pairs are kept for validation and whose
            other pairs are not used.

    Raises:
        DataError: a source is missing or malformed, or nothing usable is in it.

    """
    for source in sources:
        check_there(source, list(codes), beside)
    read: dict[str, Counter[str]] = {source.name: Counter() for source in sources}
    numbers = _Numbers(*(array(kind) for kind in "qqqqqB"))
    digest, empty, negatives = hashlib.sha256(), 0, 0
    with (
        written_whole(path) as temporary,
        pa.OSFile(str(temporary), "wb") as file,
        pa.ipc.new_stream(file, SCHEMA) as stream,
    ):
        chunk: list[PairRow] = []
        for source, column, row in _all_rows(sources, codes, beside):
            read[source.name][codes[column]] += 1
            if not row.query.strip() or not row.passage.strip():
                empty += 1
                continue
            _remember(numbers, source, column, row)
            digest.update(f"{source.name}\t{codes[column]}\t{row}\n".encode())
            negatives += bool(_negative(row))
            chunk.append(row)
            if len(chunk) == _CHUNK:
                stream.write_batch(_batch(chunk))
                chunk = []
        stream.write_batch(_batch(chunk))
    absent = [name for name, counts in read.items() if not counts]
    if absent:
        path.unlink()
        msg = f"the source {absent[0]!r} has no pair in any of {', '.join(codes)}"
        raise DataError(msg)
    return _pairs(path, tuple(codes), numbers, holdout, {
        "rows": {name: dict(counts) for name, counts in read.items()},
        "empty": empty,
        "sha256": digest.hexdigest(),
        "has_negatives": 0 < negatives == len(numbers.groups),
    })  # fmt: skip


def _all_rows(
    sources: Sequence[PairSource], codes: Sequence[str], beside: Path
) -> Iterator[tuple[PairSource, int, PairRow]]:
    for source in sources:
        for column, code in enumerate(codes):
            for row in rows(source, code, beside):
                yield source, column, row


def _batch(chunk: Sequence[PairRow]) -> pa.RecordBatch:
    return pa.record_batch(
        [
            pa.array([row.pair_id for row in chunk], pa.string()),
            pa.array([row.query for row in chunk], pa.string()),
            pa.array([row.passage for row in chunk], pa.string()),
            pa.array([_negative(row) for row in chunk], pa.string()),
        ],
        schema=SCHEMA,
    )


def _negative(row: PairRow) -> str | None:
    """Return the first hard negative that is not blank."""
    return next((text for text in row.negatives if text.strip()), None)


def _remember(numbers: _Numbers, source: PairSource, column: int, row: PairRow) -> None:
    found = re.search(source.document, row.pair_id) if source.document else None
    document = found[1] if found and found[1] is not None else row.pair_id
    numbers.groups.append(_hash(f"{source.name}\t{row.pair_id}"))
    numbers.documents.append(_hash(f"{source.name}\t{document}"))
    numbers.languages.append(column)
    numbers.queries.append(_hash(row.query.strip()))
    numbers.passages.append(_hash(row.passage.strip()))
    numbers.repeats.append(source.repeat)


def _hash(text: str) -> int:
    """Return 64 bits: among 10 million texts two differ with equal bits once in 370,000 tries."""
    raw = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(raw, "big", signed=True)


def _pairs(
    path: Path, codes: tuple[str, ...], numbers: _Numbers, holdout: float, facts: dict[str, Any]
) -> Pairs:
    """Leave out duplicates and what is held out, and number the groups."""
    groups, documents, languages, queries, passages, repeats = (
        np.frombuffer(column, dtype=column.typecode) if len(column) else np.zeros(0, np.int64)
        for column in vars(numbers).values()
    )
    if not len(groups):
        msg = f"the sources hold no pair in {', '.join(codes)}"
        raise DataError(msg)
    texts = np.stack([languages, queries, passages], axis=1)
    first = np.sort(np.unique(texts, axis=0, return_index=True)[1])
    # The upper half of a hash is uniform: the same documents are held out in every run.
    held = (documents[first] >> np.int64(32)) + 2**31 < holdout * 2**32
    kept, validation = first[~held], first[held]
    english = codes.index("en") if "en" in codes else 0
    distinct, numbered = np.unique(groups[kept], return_inverse=True)
    if not len(kept):
        msg = "every pair is held out for validation"
        raise DataError(msg)
    several = np.zeros(len(distinct), dtype=np.int64)
    np.add.at(several, np.unique(np.stack([numbered, languages[kept]]), axis=1)[0], 1)
    return Pairs(
        path=path,
        codes=codes,
        rows=kept,
        groups=numbered.astype(np.int64),
        documents=documents[kept],
        languages=languages[kept],
        query_hashes=queries[kept],
        passage_hashes=passages[kept],
        repeats=repeats[kept].astype(np.uint8),
        validation=validation[languages[validation] == english],
        has_negatives=bool(facts["has_negatives"]),
        report=Report(
            rows=facts["rows"],
            empty=facts["empty"],
            duplicates=len(groups) - len(first),
            one_language=int((several == 1).sum()),
            held_out=len(np.unique(groups[validation])),
            sha256=facts["sha256"],
        ),
    )
