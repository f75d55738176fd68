"""Parallel pairs as they are published: one stream of rows for each source and language.

Formats:
    jsonl: ``{"id", "query", "passage"}`` and optionally ``"negatives": [...]``, gzipped or not.
    squad: SQuAD JSON; the question is the query, its paragraph the passage.
    triples: ``query<TAB>positive<TAB>negative`` lines as in mMARCO; the line number is the id, so
        the files of all languages must be parallel line by line.
    hub: rows of a hub data set (or of a local folder that ``datasets`` can load), streamed.
"""

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xlir_bench.cards.recipe import COLUMNS, PairSource
from xlir_bench.core.language import language
from xlir_bench.errors import DataError
from xlir_bench.paths import DATA_DIR_VARIABLE, user_data_folder


@dataclass(frozen=True, slots=True)
class PairRow:
    """One query with a passage that answers it.

    Attributes:
        pair_id: shared by the translations of a pair.
        query: without any prompt.
        passage: without any prompt.
        negatives: passages that do not answer it, hard to tell from one that does.

    """

    pair_id: str
    query: str
    passage: str
    negatives: tuple[str, ...] = ()


def rows(source: PairSource, code: str, beside: Path) -> Iterator[PairRow]:
    """Yield the pairs of a source in one language; nothing if it has no file in that language.

    Args:
        source: where they are.
        code: of the language.
        beside: folder that relative paths start from.

    Raises:
        DataError: a file or a line is not of the source's format.

    """
    if source.format == "hub":
        yield from _hub(source, code, beside)
        return
    path = _path(source, code, beside)
    if path is None:
        return
    try:
        yield from {"jsonl": _jsonl, "squad": _squad, "triples": _triples}[source.format](path)
    except (OSError, EOFError, UnicodeDecodeError, zlib.error) as error:
        msg = f"{path}: cannot be read: {error}"
        raise DataError(msg) from error


def _path(source: PairSource, code: str, beside: Path) -> Path | None:
    """Return the file of a language, with or without ".gz", None if there is none."""
    relative = Path(_named(source.path, code)).expanduser()
    folders = [beside, *filter(None, [user_data_folder()])]
    for folder in folders:
        for path in (folder / relative, folder / f"{relative}.gz"):
            if path.is_file():
                return path
    return None


def _named(text: str, code: str) -> str:
    """Fill in the code of a language, "de", or its English name, "german"."""
    return text.format(language=code, name=language(code).name.lower())


def check_there(source: PairSource, codes: list[str], beside: Path) -> None:
    """Raise a DataError if a source has a file in none of the languages."""
    if source.format != "hub" and all(_path(source, code, beside) is None for code in codes):
        msg = (
            f"the source {source.name!r} has no file {source.path} in any language of the recipe;"
            f" looked in {beside} and in {DATA_DIR_VARIABLE} ({user_data_folder() or 'not set'})"
        )
        raise DataError(msg)


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield number, line


def _jsonl(path: Path) -> Iterator[PairRow]:
    for number, line in _lines(path):
        try:
            record = json.loads(line)
            texts = (record["query"], record["passage"], *list(record.get("negatives", [])))
            _check_texts(record.get("negatives", []), texts)
            yield PairRow(str(record["id"]), texts[0], texts[1], texts[2:])
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            msg = f"{path}, line {number}: not a pair with id, query and passage ({error})"
            raise DataError(msg) from error


def _check_texts(negatives: object, texts: Sequence[object]) -> None:
    """Raise a TypeError or ValueError for what is no text, or half a character in one."""
    if not isinstance(negatives, list) or not all(isinstance(text, str) for text in texts):
        msg = "a text is not a string"
        raise TypeError(msg)
    "".join(map(str, texts)).encode()


def _squad(path: Path) -> Iterator[PairRow]:
    try:
        data = json.loads("".join(line for _, line in _lines(path)))
        for article in data["data"]:
            for paragraph in article["paragraphs"]:
                for qa in paragraph["qas"]:
                    _check_texts([], (qa["question"], paragraph["context"]))
                    yield PairRow(str(qa["id"]), qa["question"], paragraph["context"])
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{path}: not a SQuAD file: {type(error).__name__}: {error}"
        raise DataError(msg) from error


def _triples(path: Path) -> Iterator[PairRow]:
    for number, line in _lines(path):
        fields = line.rstrip("\r\n").split("\t")
        if len(fields) not in {2, 3}:
            msg = f"{path}, line {number}: {len(fields)} fields, not 'query passage negative'"
            raise DataError(msg)
        yield PairRow(str(number), fields[0], fields[1], tuple(fields[2:]))


def _hub(source: PairSource, code: str, beside: Path) -> Iterator[PairRow]:
    """Yield the rows of a hub data set; none if it has no configuration of the language."""
    import datasets  # noqa: PLC0415 - a second that only training pays

    config = _named(source.config, code) or None
    path = _named(source.path, code)
    local = beside / path
    if path != source.path and local.parent.is_dir() and not local.is_dir():
        return  # a local data set with a folder for each language, but none for this one
    name = {key: source.columns.get(key, key) for key in COLUMNS}
    try:
        where = str(local) if local.is_dir() else path
        found = datasets.load_dataset(where, config, split=source.split, streaming=True)
        for number, record in enumerate(found):
            yield _hub_row(source, name, number, record)
    except DataError:
        raise
    except Exception as error:
        if "BuilderConfig" in str(error):  # there is no configuration of the language
            return
        reason = (str(error) or type(error).__name__).splitlines()[0]
        msg = f"cannot load the data set {source.path!r} ({config}): {reason}"
        raise DataError(msg) from error


def _hub_row(
    source: PairSource, name: dict[str, str], number: int, record: dict[str, Any]
) -> PairRow:
    missing = [name[key] for key in ("query", "passage") if name[key] not in record]
    if missing:
        msg = f"the data set {source.path!r} has no column {missing[0]!r}, only {list(record)}"
        raise DataError(msg)
    negative = record.get(name["negative"])
    negatives = (negative,) if isinstance(negative, str) else tuple(negative or ())
    query, passage = (str(record[name[key]] or "") for key in ("query", "passage"))
    return PairRow(str(record.get(name["id"], number)), query, passage, negatives)
