"""TREC qrels and run files, and the languages of their ids, with errors that name the line."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ir_measures

from xlir_bench.errors import DataError, UsageError
from xlir_bench.readers.lines import numbered_lines

_ID_FIELDS = ("_id", "id", "docid", "doc_id", "qid", "query_id")
_LANGUAGE_FIELDS = ("language", "lang")


def read_qrels(path: Path) -> dict[str, dict[str, int]]:
    """Return grades by query and passage, from ``query iteration passage grade`` lines.

    Raises:
        DataError: the file is missing, empty, malformed, or judges a passage twice.

    """
    with numbered_lines(path, "'query iteration passage grade'") as lines:
        rows = ((r.query_id, r.doc_id, r.relevance) for r in ir_measures.read_trec_qrels(lines))
        return _by_query(rows, path, "judges")


def read_run(path: Path) -> dict[str, dict[str, float]]:
    """Return scores by query and passage, from ``query Q0 passage rank score tag`` lines.

    Raises:
        DataError: the file is missing, empty, malformed, has a NaN score or ranks a passage twice.

    """
    with numbered_lines(path, "'query Q0 passage rank score tag'") as lines:
        rows = ((r.query_id, r.doc_id, r.score) for r in ir_measures.read_trec_run(lines))
        return _by_query(rows, path, "ranks")


def _by_query(
    rows: Iterable[tuple[str, str, Any]], path: Path, verb: str
) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for query_id, passage_id, value in rows:
        of_query = found.setdefault(query_id, {})
        if passage_id in of_query:
            msg = f"{path} {verb} passage {passage_id!r} twice for query {query_id!r}"
            raise DataError(msg)
        if value != value:  # noqa: PLR0124 - NaN is not itself
            msg = f"{path} has a NaN score for passage {passage_id!r} of query {query_id!r}"
            raise DataError(msg)
        of_query[passage_id] = value
    if not found:
        msg = f"{path} is empty"
        raise DataError(msg)
    return found


@dataclass
class IdLanguages:
    """Languages of passages and queries, and topics of queries, by id."""

    languages: dict[str, str] = field(default_factory=dict)
    topics: dict[str, str] = field(default_factory=dict)

    def read(self, path: Path) -> None:
        """Take over a file: ``id<TAB>language[<TAB>topic]`` lines, or JSON lines of a corpus.

        JSON lines need an id (``_id``, ``id``, ``docid``, ...) and a ``language`` or ``lang``.

        Raises:
            DataError: the file is missing, empty or malformed, or an id has two languages.

        """
        count = 0
        with numbered_lines(path, "'id<TAB>language' or JSON with an id and a language") as lines:
            for line in lines:
                if line.strip():
                    self._add(*_parsed(line), path)
                    count += 1
        if not count:
            msg = f"{path} is empty"
            raise DataError(msg)

    def _add(self, name: str, language: str, topic: str | None, path: Path) -> None:
        if self.languages.setdefault(name, language) != language:
            before = self.languages[name]
            msg = f"{path} says that {name!r} is in {language!r}, but it was in {before!r} before"
            raise DataError(msg)
        if topic is not None:
            self.topics[name] = topic

    def match(self, pattern: str, ids: Iterable[str]) -> None:
        """Take languages from a pattern over ids, where no file has named one.

        The group ``lang`` is the language. A query's topic is the group ``topic`` if there is one,
        else its id without what the pattern matched: "de:12" and "en:12" are parallel.

        Raises:
            UsageError: not a pattern, without the group, or without a match in any id.

        """
        try:
            compiled = re.compile(pattern)
        except re.error as error:
            msg = f"--language-pattern {pattern!r} is not a regular expression: {error}"
            raise UsageError(msg) from error
        if "lang" not in compiled.groupindex:
            msg = f"--language-pattern {pattern!r} has no group (?P<lang>...)"
            raise UsageError(msg)
        count = 0
        for name in ids:
            found = compiled.search(name)
            if found and found["lang"]:
                count += 1
                self.languages.setdefault(name, found["lang"])
                rest = name[: found.start()] + name[found.end() :]
                has_topic = "topic" in compiled.groupindex and found["topic"] is not None
                self.topics.setdefault(name, found["topic"] if has_topic else rest)
        if not count:
            msg = f"--language-pattern {pattern!r} matches no id of the qrels or the run"
            raise UsageError(msg)


def _parsed(line: str) -> tuple[str, str, str | None]:
    """Return id, language and topic of a line."""
    if not line.lstrip().startswith("{"):
        fields = line.rstrip("\r\n").split("\t" if "\t" in line else None)
        if len(fields) not in {2, 3} or not all(fields):
            msg = f"{len(fields)} fields"
            raise ValueError(msg)
        return fields[0], fields[1], fields[2] if len(fields) == 3 else None
    record: Mapping[str, Any] = json.loads(line)
    name = _first(record, _ID_FIELDS)
    topic = record.get("topic")
    return name, _first(record, _LANGUAGE_FIELDS), None if topic is None else str(topic)


def _first(record: Mapping[str, Any], names: Iterable[str]) -> str:
    get: Callable[[str], Any] = record.get
    value = next((get(name) for name in names if get(name)), None)
    if value is None:
        msg = f"no field {' or '.join(names)}"
        raise ValueError(msg)
    return str(value)
