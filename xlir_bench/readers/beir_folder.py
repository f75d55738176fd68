"""Read BEIR folders: ``corpus.jsonl``, ``queries.jsonl`` and ``qrels/<split>.tsv``.

One folder is one language. Folders of several languages are one collection: queries with the same
id are translations of each other, and the answers in every language are relevant to each of them.
Format: https://github.com/beir-cellar/beir/wiki/Load-your-custom-dataset.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from xlir_bench.cards.task import TaskCard
from xlir_bench.core.collection import Collection
from xlir_bench.core.language import Language
from xlir_bench.core.qrels import Qrels
from xlir_bench.core.text import Passage, Query
from xlir_bench.errors import DataError
from xlir_bench.paths import DATA_DIR_VARIABLE
from xlir_bench.readers.lines import json_records, numbered_lines

BEIR = "beir"
"""The name of the format in cards."""
HEADER = ("query-id", "corpus-id", "score")
"""The first line of a file of judgements; BEIR's own loader skips it unread."""


@dataclass(frozen=True, slots=True)
class BeirFolder:
    """One language's files as they are, before ids of several languages meet.

    Attributes:
        language: of all texts.
        passages: id and text, the title before the text as BEIR's models and mteb put it.
        queries: id, text and topic of the queries that the split judges.
        judgements: query id, passage id and grade, 1 or more.

    """

    language: Language
    passages: list[tuple[str, str]]
    queries: list[tuple[str, str, str]]
    judgements: list[tuple[str, str, int]]


def read_beir(name: str, files: Iterable[tuple[Language, Path]]) -> Collection:
    """Return the collection in one BEIR folder per language.

    Ids stay as they are, unless two languages share one: then each gets its language in front,
    "de:12". A query's topic is its field ``topic``, or its id.

    Args:
        name: of the benchmark.
        files: each language's judgements, ``<folder>/qrels/<split>.tsv``.

    Raises:
        DataError: a file is missing or malformed, an id is repeated, or a judgement names a query
            or passage that is not there.

    """
    return collection_of(name, [read_folder(language, qrels) for language, qrels in files])


def read_folder(language: Language, qrels: Path) -> BeirFolder:
    """Return the files of one BEIR folder, checked against each other.

    Raises:
        DataError: as ``read_beir``.

    """
    folder = qrels.parent.parent
    judgements = list(_judgements(qrels))
    passages = list(json_records(text_file(folder, "corpus"), "a passage", _passage))
    queries = list(json_records(text_file(folder, "queries"), "a query", _query))
    _check_judged(qrels, "query", [q for q, _, _ in judgements], {q for q, _, _ in queries})
    _check_judged(qrels, "passage", [p for _, p, _ in judgements], {p for p, _ in passages})
    asked = {query_id for query_id, _, grade in judgements if grade > 0}
    return BeirFolder(
        language,
        passages,
        [query for query in queries if query[0] in asked],
        [judgement for judgement in judgements if judgement[2] > 0],
    )


def collection_of(name: str, folders: Iterable[BeirFolder]) -> Collection:
    """Return folders as one collection; see ``read_beir``."""
    given = list(folders)
    passage_name = _names(chain.from_iterable({p for p, _ in f.passages} for f in given))
    query_name = _names(chain.from_iterable({q for q, _, _ in f.queries} for f in given))
    passages = [
        Passage(passage_name(f.language, p), text, f.language)
        for f in given
        for p, text in f.passages
    ]
    queries = [
        Query(query_name(f.language, q), text, f.language, topic)
        for f in given
        for q, text, topic in f.queries
    ]
    row_of = {p.passage_id: row for row, p in enumerate(passages)}
    answers: dict[str, dict[int, int]] = {}
    for f in given:
        topic_of = {q: topic for q, _, topic in f.queries}
        for q, p, grade in f.judgements:
            row = row_of[passage_name(f.language, p)]
            of_topic = answers.setdefault(topic_of[q], {})
            of_topic[row] = max(grade, of_topic.get(row, 0))
    rows = [
        (row, passage_row, grade)
        for row, query in enumerate(queries)
        for passage_row, grade in answers[query.topic_id].items()
    ]
    query_rows, passage_rows, grades = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    return Collection(
        name, tuple(passages), tuple(queries), Qrels(query_rows, passage_rows, grades)
    )


class _names:  # noqa: N801 - used as a function
    """Give ids their language in front if any id is in two languages."""

    def __init__(self, ids: Iterable[str]) -> None:
        seen: set[str] = set()
        self.is_shared = any(name in seen or seen.add(name) for name in ids)  # type: ignore[func-returns-value]

    def __call__(self, language: Language, name: str) -> str:
        return f"{language.code}:{name}" if self.is_shared else name


def text_file(folder: Path, name: str) -> Path:
    """Return ``corpus.jsonl`` or ``queries.jsonl``, or the same gzipped."""
    plain = folder / f"{name}.jsonl"
    zipped = folder / f"{name}.jsonl.gz"
    return zipped if zipped.is_file() and not plain.is_file() else plain


def _passage(record: dict[str, Any]) -> tuple[str, str]:
    title, text = record.get("title") or "", _string(record, "text")
    return _string(record, "_id"), f"{title} {text}".strip()


def _query(record: dict[str, Any]) -> tuple[str, str, str]:
    name = _string(record, "_id")
    return name, _string(record, "text"), str(record.get("topic") or name)


def _string(record: dict[str, Any], field: str) -> str:
    value = record.get(field)
    if not isinstance(value, str):
        msg = f"its field {field!r} is missing or not a string"
        raise ValueError(msg)  # noqa: TRY004 - all that is wrong with a line is a ValueError
    return value


def _judgements(path: Path) -> Iterator[tuple[str, str, int]]:
    with numbered_lines(path, "'query-id<TAB>corpus-id<TAB>score'") as lines:
        for line in lines:
            fields = line.rstrip("\r\n").split("\t")
            if lines.number == 1:
                if tuple(fields) != HEADER:
                    msg = f"the first line must be the header {' '.join(HEADER)}, tab-separated"
                    raise ValueError(msg)
            elif any(fields):
                query_id, passage_id, grade = fields
                yield query_id, passage_id, int(grade)


def _check_judged(qrels: Path, kind: str, judged: list[str], known: set[str]) -> None:
    missing = [name for name in judged if name not in known]
    if missing:
        file = "queries" if kind == "query" else "corpus"
        msg = (
            f"{qrels} judges a {kind} that {file}.jsonl does not hold: {missing[0]!r}"
            f" ({len(missing):,} of {len(judged):,} judgements)"
        )
        raise DataError(msg)


def beir_sha256(qrels: Path) -> str:
    """Return one checksum of a folder: SHA-256 of "name sha256" lines of the three files."""
    folder = qrels.parent.parent
    digest = hashlib.sha256()
    for path in (text_file(folder, "corpus"), text_file(folder, "queries"), qrels):
        try:
            with path.open("rb") as file:
                content = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            msg = f"cannot read {path}: {error.strerror or error}"
            raise DataError(msg) from error
        digest.update(f"{path.name} {content}\n".encode())
    return digest.hexdigest()


def beir_file_of(card: TaskCard, code: str) -> Path:
    """Return one language's judgements, in a folder with the card's checksum.

    Looked for beside the card, in ``XLIR_DATA_DIR`` and in the cache, as ``<folder>/<language>/``,
    ``<folder>/<language>-<language>/`` or, for a benchmark of one language, ``<folder>/`` itself.

    Raises:
        DataError: the folder is nowhere to be found, or holds other files than the card says.

    """
    places = beir_places(card, code)
    found = next((path for path in places if path.is_file()), None)
    if found is None:
        msg = (
            f"{card.name}: there is no {places[0]}; set {DATA_DIR_VARIABLE} to a folder that holds"
            f" {card.source.folder}/{code}/"
        )
        raise DataError(msg)
    digest = beir_sha256(found)
    if digest != card.source.sha256[code]:
        msg = (
            f"{found.parent.parent} does not hold the files that {card.name} is scored on: their"
            f" sha256 is {digest}, the card says {card.source.sha256[code]}"
        )
        raise DataError(msg)
    return found


def beir_places(card: TaskCard, code: str) -> list[Path]:
    """Return where a language's judgements may lie, in the order they are tried."""
    names = [code, f"{code}-{code}", *([""] if len(card.languages) == 1 else [])]
    file = f"qrels/{card.split}.tsv"
    return [folder / name / file for folder in card.data_folders for name in names]
