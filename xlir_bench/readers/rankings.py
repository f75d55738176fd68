"""TREC runs of a benchmark as arrays, and the settings that their lines belong to."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xlir_bench.core.collection import Collection
from xlir_bench.core.language import Language
from xlir_bench.core.mode import RetrievalMode, Setting
from xlir_bench.errors import DataError, UsageError
from xlir_bench.readers.lines import numbered_lines


@dataclass(frozen=True, slots=True)
class RunLines:
    """The lines of a run file, 16 bytes each.

    Attributes:
        path: of the file.
        query_rows: (n,) int64 rows of the collection's queries.
        passage_rows: (n,) int64 rows of its passages.
        scores: (n,) float32, higher is better.
        tag: of the first line, the system's name.
        unknown: ids of queries that the benchmark does not have.

    """

    path: Path
    query_rows: NDArray[np.int64]
    passage_rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    tag: str
    unknown: frozenset[str]


def run_files(paths: Sequence[Path]) -> list[Path]:
    """Return the files, and of each folder its ``run.*.txt`` and ``run.*.txt.gz``.

    Raises:
        DataError: a folder has none.

    """
    found: list[Path] = []
    for path in paths:
        inside = sorted(p for p in path.glob("run.*") if p.name.endswith((".txt", ".txt.gz")))
        if path.is_dir() and not inside:
            msg = f"{path} holds no run: run.de-multi.txt, run.de-de.txt.gz"
            raise DataError(msg)
        found += inside if path.is_dir() else [path]
    return found


def read_lines(path: Path, collection: Collection, setting: Setting | None) -> RunLines:
    """Return a run file; ids may lack the language in front if the file is of one setting.

    Raises:
        DataError: the file is missing, empty or malformed, has a score that is no number, names a
            passage that the benchmark does not have, or ranks one twice.

    """
    queries = {q.query_id: row for row, q in enumerate(collection.queries)}
    passages = {p.passage_id: row for row, p in enumerate(collection.passages)}
    if setting is not None:
        queries |= _short(queries, (setting.query_language,))
        passages |= _short(passages, setting.corpus_languages[:2])
    rows, columns, scores = array("q"), array("q"), array("f")
    unknown: set[str] = set()
    tag = ""
    with numbered_lines(path, "'query Q0 passage rank score tag'") as lines:
        for line in lines:
            if not line.strip():
                continue
            query, _, passage, _, score, tag_of_line = line.split()
            if query not in queries:
                unknown.add(query)
                continue
            if passage not in passages:
                msg = f"the benchmark has no passage {passage!r}"
                raise ValueError(msg)
            rows.append(queries[query])
            columns.append(passages[passage])
            scores.append(float(score))
            tag = tag or tag_of_line
    found = RunLines(
        path,
        np.array(rows, dtype=np.int64),
        np.array(columns, dtype=np.int64),
        np.array(scores, dtype=np.float32),
        tag,
        frozenset(unknown),
    )
    _check(found, collection)
    return found


def _short(rows: Mapping[str, int], languages: Sequence[Language]) -> dict[str, int]:
    """Return ids without the language in front, if the setting has only one such language."""
    if len(languages) != 1:
        return {}
    prefix = f"{languages[0].code}:"
    short = {
        name.removeprefix(prefix): row for name, row in rows.items() if name.startswith(prefix)
    }
    return {name: row for name, row in short.items() if name not in rows}


def _check(lines: RunLines, collection: Collection) -> None:
    if not len(lines.scores):
        odd = f": its queries, such as {min(lines.unknown)!r}, are others" if lines.unknown else ""
        msg = f"{lines.path} ranks nothing for {collection.name}{odd}"
        raise DataError(msg)
    wrong = np.flatnonzero(np.isnan(lines.scores))
    if len(wrong):
        query = collection.queries[lines.query_rows[wrong[0]]].query_id
        msg = f"{lines.path} has a NaN score for query {query!r}"
        raise DataError(msg)
    pairs = lines.query_rows * len(collection.passages) + lines.passage_rows
    distinct, counts = np.unique(pairs, return_counts=True)
    if len(distinct) < len(pairs):
        query, passage = divmod(int(distinct[counts > 1][0]), len(collection.passages))
        msg = (
            f"{lines.path} ranks passage {collection.passages[passage].passage_id!r} twice for"
            f" query {collection.queries[query].query_id!r}"
        )
        raise DataError(msg)


def setting_named(path: Path, settings: Sequence[Setting]) -> Setting | None:
    """Return the setting in a file's name: ``run.de-multi.txt`` is that of "de-multi"."""
    name = path.name.removesuffix(".gz")
    subset = name.removeprefix("run.").removesuffix(".txt")
    if f"run.{subset}.txt" != name:
        return None
    return next((s for s in settings if s.subset == subset), None)


def by_setting(
    lines: RunLines, collection: Collection, settings: Sequence[Setting], named: Setting | None
) -> Iterator[tuple[Setting, NDArray[np.int64]]]:
    """Yield each setting of a run file and the positions of its lines.

    A file that is not named by its setting must be of one mode: then a line's setting is told by
    the languages of its query and, in the cross mode, of its passage.

    Raises:
        UsageError: the settings are of several modes.
        DataError: a line ranks a passage that is not in the setting's pool.

    """
    modes = {s.mode for s in settings}
    if named is None and len(modes) > 1:
        msg = (
            f"{lines.path}: say which mode it is of, as in -t {collection.name}Multi, or name it by"
            " its setting: run.de-de.txt, run.de-en.txt, run.de-multi.txt"
        )
        raise UsageError(msg)
    languages = list(dict.fromkeys((*collection.languages, *_query_languages(collection))))
    number = {x: position for position, x in enumerate(languages)}
    asked = np.array([number[q.language] for q in collection.queries])[lines.query_rows]
    found = np.array([number[p.language] for p in collection.passages])[lines.passage_rows]
    is_cross = RetrievalMode.cross in modes
    left = np.ones(len(asked), dtype=np.bool_)
    for setting in [named] if named else settings:
        pool = np.isin(found, [number[x] for x in setting.corpus_languages])
        mine = asked == number.get(setting.query_language, -1)
        if named is None and is_cross:
            mine &= pool
        if (mine & ~pool).any():
            _complain(lines, collection, setting, int(np.flatnonzero(mine & ~pool)[0]))
        left &= ~mine
        if mine.any():
            yield setting, np.flatnonzero(mine)
    if left.any():
        _complain(lines, collection, named, int(np.flatnonzero(left)[0]))


def _query_languages(collection: Collection) -> Iterator[Language]:
    return (q.language for q in collection.queries)


def _complain(
    lines: RunLines, collection: Collection, setting: Setting | None, position: int
) -> None:
    query = collection.queries[lines.query_rows[position]].query_id
    passage = collection.passages[lines.passage_rows[position]].passage_id
    where = f"in {setting}" if setting else "in any setting of the mode"
    msg = f"{lines.path} ranks passage {passage!r} for query {query!r}: not {where}"
    raise DataError(msg)
