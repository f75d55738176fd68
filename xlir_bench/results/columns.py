"""Parquet files with a checked header, written whole; ids and languages as dictionaries."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from xlir_bench.errors import ResultError, UnknownNameError
from xlir_bench.paths import written_whole

_HEADER = b"xlir_bench"
_LEVEL = 9  # of zstd: written once, read often
_BROKEN = (
    OSError, pa.ArrowException, KeyError, ValueError, IndexError, TypeError, AttributeError,
    UnknownNameError,
)  # fmt: skip
"""What reading a damaged file may raise; broken JSON and text are ValueErrors."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What a file holds, as its header and messages name it."""

    name: str
    format: int


def write(path: Path, kind: Kind, columns: dict[str, pa.Array], header: dict[str, Any]) -> None:
    """Write columns with a header, whole or not at all.

    Raises:
        ResultError: the file cannot be written.

    """
    arrow = pa.table(columns)
    full = {"kind": kind.name, "format": kind.format, "rows": arrow.num_rows, **header}
    arrow = arrow.replace_schema_metadata({_HEADER: json.dumps(full)})
    # Numbers hardly repeat: with their bytes side by side they take less than as a dictionary.
    numbers = [x.name for x in arrow.schema if pa.types.is_primitive(x.type)]
    with written_whole(path) as temporary:
        pq.write_table(
            arrow,
            temporary,
            compression="zstd",
            compression_level=_LEVEL,
            use_byte_stream_split=numbers,
            use_dictionary=[name for name in arrow.column_names if name not in numbers],
            write_page_checksum=True,
        )


def read(path: Path, kind: Kind) -> tuple[pa.Table, dict[str, Any]]:
    """Return the columns and the header of a file; call it within ``readable``."""
    arrow = pq.read_table(path, page_checksum_verification=True)
    header = _header(arrow.schema.metadata or {}, path, kind)
    if header["rows"] != arrow.num_rows:
        msg = f"{arrow.num_rows} rows of {header['rows']}"
        raise ValueError(msg)
    return arrow, header


def read_provenance(path: Path, kind: Kind) -> dict[str, Any]:
    """Return the provenance in a file's header.

    Raises:
        ResultError: the file is missing, broken or of another kind.

    """
    with readable(path, kind):
        header = _header(pq.read_schema(path).metadata or {}, path, kind)
        provenance: dict[str, Any] = header["provenance"]
    return provenance


@contextmanager
def readable(path: Path, kind: Kind) -> Iterator[None]:
    """Turn whatever a damaged file raises into one line.

    Raises:
        ResultError: the block failed to read.

    """
    try:
        yield
    except _BROKEN as error:
        msg = f"cannot read the {kind.name} {path}: {error}; delete it and run again"
        raise ResultError(msg) from error


def _header(metadata: dict[bytes, bytes], path: Path, kind: Kind) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(metadata.get(_HEADER, b"{}"))
    if (header.get("kind"), header.get("format")) != (kind.name, kind.format):
        msg = f"{path} is not a {kind.name} of format {kind.format}; delete it and run again"
        raise ResultError(msg)
    return header


def dictionary(rows: NDArray[np.int64], values: Sequence[str]) -> pa.DictionaryArray:
    """Return strings as positions in the distinct ones."""
    return pa.DictionaryArray.from_arrays(pa.array(rows.astype(np.int32)), pa.array(list(values)))


def smallest(values: NDArray[np.int64]) -> pa.Array:
    """Return counts in the smallest unsigned integers that hold them."""
    return pa.array(values.astype(np.min_scalar_type(int(values.max(initial=0)))))


def integers(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Return a column of whole numbers."""
    values: NDArray[np.int64] = column.to_numpy().astype(np.int64)
    return values


def values(column: pa.ChunkedArray) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return the distinct values in order of first appearance, and each row's position."""
    coded = column.combine_chunks().cast(pa.string()).dictionary_encode()
    return tuple(coded.dictionary.to_pylist()), integers(pa.chunked_array([coded.indices]))


def positions(column: pa.ChunkedArray, codes: Sequence[str]) -> NDArray[np.int64]:
    """Return the position of each row's value among the codes."""
    distinct, rows = values(column)
    places = np.array([codes.index(value) for value in distinct], dtype=np.int64)
    return np.take(places, rows)
