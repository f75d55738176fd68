"""Stream the passages of one shard of a corpus: JSON lines, gzipped or not.

MIRACL's ``{"docid", "title", "text"}`` and BEIR's ``{"_id", "title", "text"}``. A passage is its
title, a space and its text, as mteb and BEIR give it to encoders.
"""

import gzip
import hashlib
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xlir_bench.core.judged import CorpusFile, pooled_id
from xlir_bench.errors import DataError

CHUNK = 4096
"""Passages that are read, encoded, counted and dropped together."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Passages that follow each other in a shard.

    Attributes:
        ids: with the language's prefix.
        texts: as they go to the encoder, before any prompt.

    """

    ids: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)


def read_chunks(shard: CorpusFile, size: int = CHUNK) -> Iterator[Chunk]:
    """Yield the passages of a shard in the order of the file, ``size`` at a time.

    O(size) memory, whatever the length of the shard.

    Raises:
        DataError: the file is missing, cut off or damaged, a line is not a passage, or the shard
            holds none.

    """
    n_lines, chunk = 0, Chunk()
    for n_lines, line in enumerate(_lines(shard.path), start=1):
        name, text = _passage(line, shard.path, n_lines)
        chunk.ids.append(pooled_id(shard.language, name))
        chunk.texts.append(text)
        if len(chunk.ids) == size:
            yield chunk
            chunk = Chunk()
    if chunk.ids:
        yield chunk
    if not n_lines:
        msg = f"{shard.path} is empty; download it again"
        raise DataError(msg)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file as it lies there.

    Raises:
        DataError: it cannot be read.

    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        msg = f"{path} cannot be read: {error.strerror or error}"
        raise DataError(msg) from error


def _lines(path: Path) -> Iterator[bytes]:
    """Yield the lines of a plain or gzipped file."""
    try:
        with path.open("rb") as raw:
            file: Any = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw
            yield from file
    except (OSError, EOFError, zlib.error) as error:
        msg = f"{path} is cut off or damaged ({error}); download it again, the rest is kept"
        raise DataError(msg) from error


def _passage(line: bytes, path: Path, number: int) -> tuple[str, str]:
    """Return the id and the text of a line."""
    try:
        record: dict[str, Any] = json.loads(line)
        name = record["docid"] if "docid" in record else record["_id"]
        title, text = record.get("title") or "", record["text"]
        if not (isinstance(name, str) and isinstance(title, str) and isinstance(text, str)):
            msg = "docid, title and text must be strings"
            raise TypeError(msg)  # noqa: TRY301 - told in one way with what json raises
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        msg = f"{path}, line {number}: not a passage with docid, title and text: {error}"
        raise DataError(msg) from error
    if not name or any(c.isspace() or c == "\0" for c in name):
        msg = f"{path}, line {number}: the docid {name!r} is empty or has white space"
        raise DataError(msg)
    return name, f"{title} {text}".strip()
