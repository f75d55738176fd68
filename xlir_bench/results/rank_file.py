"""The rank table as one parquet file, with its provenance in the header."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xlir_bench.core.language import language
from xlir_bench.core.ranking import RankTable
from xlir_bench.errors import ResultError, UnknownNameError
from xlir_bench.paths import written_whole

FORMAT = 1
_HEADER = b"xlir_bench"
_BROKEN = (OSError, pa.ArrowException, KeyError, ValueError, UnknownNameError)
"""What reading a damaged file may raise; broken JSON and text are ValueErrors."""


def write_rank_table(table: RankTable, path: Path, provenance: dict[str, Any]) -> None:
    """Write a rank table whole or not at all; XQuAD-R takes about 2 MB.

    Raises:
        ResultError: the file cannot be written.

    """
    codes = [x.code for x in table.languages]
    columns = {
        "query_id": _dictionary(table.query_rows, table.query_ids),
        "passage_id": _dictionary(table.passage_rows, table.passage_ids),
        "query_language": _dictionary(table.query_languages, codes),
        "passage_language": _dictionary(table.passage_languages, codes),
        "grade": pa.array(_smallest(table.grades)),
        "similarity": pa.array(table.similarities),
        **{
            f"beaten_by_{x}": pa.array(_smallest(c))
            for x, c in zip(codes, table.beaten_by.T, strict=True)
        },
    }
    header = {
        "format": FORMAT,
        "languages": codes,
        "n_passages": table.n_passages.tolist(),
        "n_queries": table.n_queries.tolist(),
        "provenance": provenance,
    }
    arrow = pa.table(columns).replace_schema_metadata({_HEADER: json.dumps(header)})
    with written_whole(path) as temporary:
        pq.write_table(arrow, temporary, compression="zstd", write_page_checksum=True)


def read_provenance(path: Path) -> dict[str, Any]:
    """Return the provenance of a rank table file.

    Raises:
        ResultError: the file is missing, broken or of another format.

    """
    try:
        header = _header(pq.read_schema(path).metadata or {}, path)
        provenance: dict[str, Any] = header["provenance"]
    except _BROKEN as error:
        msg = f"cannot read the rank table {path}: {error}; delete it and run again"
        raise ResultError(msg) from error
    return provenance


def read_rank_table(path: Path) -> RankTable:
    """Return the rank table in a file.

    Raises:
        ResultError: the file is missing, broken or of another format.

    """
    try:
        arrow = pq.read_table(path, page_checksum_verification=True)
        header = _header(arrow.schema.metadata or {}, path)
        codes: list[str] = header["languages"]
        queries, query_rows = _values(arrow["query_id"])
        passages, passage_rows = _values(arrow["passage_id"])
        return RankTable(
            languages=tuple(language(code) for code in codes),
            n_passages=np.array(header["n_passages"], dtype=np.int64),
            n_queries=np.array(header["n_queries"], dtype=np.int64),
            query_ids=queries,
            passage_ids=passages,
            query_rows=query_rows,
            passage_rows=passage_rows,
            query_languages=_positions(arrow["query_language"], codes),
            passage_languages=_positions(arrow["passage_language"], codes),
            grades=_integers(arrow["grade"]),
            similarities=arrow["similarity"].to_numpy().astype(np.float32),
            beaten_by=np.stack([_integers(arrow[f"beaten_by_{x}"]) for x in codes], axis=1),
        )
    except _BROKEN as error:
        msg = f"cannot read the rank table {path}: {error}; delete it and run again"
        raise ResultError(msg) from error


def _header(metadata: dict[bytes, bytes], path: Path) -> dict[str, Any]:
    header: dict[str, Any] = json.loads(metadata.get(_HEADER, b"{}"))
    if header.get("format") != FORMAT:
        msg = f"{path} is not a rank table of format {FORMAT}; delete it and run again"
        raise ResultError(msg)
    return header


def _dictionary(rows: np.ndarray[Any, np.dtype[np.int64]], values: Any) -> pa.DictionaryArray:  # noqa: ANN401
    return pa.DictionaryArray.from_arrays(pa.array(rows.astype(np.int32)), pa.array(list(values)))


def _smallest(values: np.ndarray[Any, np.dtype[np.int64]]) -> np.ndarray[Any, Any]:
    """Return counts in the smallest unsigned integers that hold them."""
    return values.astype(np.min_scalar_type(int(values.max(initial=0))))


def _integers(column: pa.ChunkedArray) -> np.ndarray[Any, np.dtype[np.int64]]:
    values: np.ndarray[Any, np.dtype[np.int64]] = column.to_numpy().astype(np.int64)
    return values


def _values(column: pa.ChunkedArray) -> tuple[tuple[str, ...], np.ndarray[Any, np.dtype[np.int64]]]:
    """Return the distinct values in order of first appearance, and each row's position."""
    coded = column.combine_chunks().cast(pa.string()).dictionary_encode()
    return tuple(coded.dictionary.to_pylist()), _integers(pa.chunked_array([coded.indices]))


def _positions(column: pa.ChunkedArray, codes: list[str]) -> np.ndarray[Any, np.dtype[np.int64]]:
    values, rows = _values(column)
    positions = np.array([codes.index(value) for value in values], dtype=np.int64)
    return np.take(positions, rows)
