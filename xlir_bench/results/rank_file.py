"""The rank table as one parquet file, with its provenance in the header."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xlir_bench.core.collection import topic_numbers
from xlir_bench.core.language import language
from xlir_bench.core.ranking import NOT_COUNTED, RankTable, RunRanks
from xlir_bench.results import columns
from xlir_bench.results.columns import Kind

RANKS = Kind("rank table", 2)
_WITHIN = "within"


def write_rank_table(table: RankTable, path: Path, provenance: dict[str, Any]) -> None:
    """Write a rank table whole or not at all; XQuAD-R takes about 2 MB.

    Raises:
        ResultError: the file cannot be written.

    """
    codes = [x.code for x in table.languages]
    only = table.confined_to
    confined = {} if only is None else {"confined_to": columns.smallest(only[table.query_rows] + 1)}
    fields = {
        "query_id": columns.dictionary(table.query_rows, table.query_ids),
        "topic_id": columns.dictionary(table.topics[table.query_rows], table.topic_ids),
        "passage_id": columns.dictionary(table.passage_rows, table.passage_ids),
        "query_language": columns.dictionary(table.query_languages, codes),
        "passage_language": columns.dictionary(table.passage_languages, codes),
        "grade": columns.smallest(table.grades),
        "similarity": table.similarities,
        **_counts(table, codes),
        **confined,
    }
    header = {
        "languages": codes,
        "n_passages": table.n_passages.tolist(),
        "n_queries": table.n_queries.tolist(),
        "provenance": provenance,
        "depths": None if table.run is None else dict(table.run.depths),
    }
    columns.write(path, RANKS, fields, header)


def _counts(table: RankTable, codes: list[str]) -> dict[str, pa.Array]:
    """Return the counts as columns; those of runs by other names and one higher, 0 for none."""
    if table.run is None:
        named = zip(codes, table.beaten_by.T, strict=True)
        return {f"beaten_by_{x}": columns.smallest(c) for x, c in named}
    named = zip((*codes, _WITHIN), (*table.beaten_by.T, table.run.within), strict=True)
    return {f"above_{x}": columns.smallest(c - NOT_COUNTED) for x, c in named}


def _read_counts(arrow: pa.Table, names: list[str], *, is_run: bool) -> NDArray[np.int64]:
    prefix, shift = ("above_", NOT_COUNTED) if is_run else ("beaten_by_", 0)
    return np.stack([columns.integers(arrow[f"{prefix}{x}"]) + shift for x in names], axis=1)


def _run(arrow: pa.Table, depths: dict[str, int]) -> RunRanks:
    return RunRanks(depths, _read_counts(arrow, [_WITHIN], is_run=True)[:, 0])


def read_provenance(path: Path) -> dict[str, Any]:
    """Return the provenance of a rank table file.

    Raises:
        ResultError: the file is missing, broken or of another format.

    """
    return columns.read_provenance(path, RANKS)


def read_rank_table(path: Path) -> RankTable:
    """Return the rank table in a file.

    Raises:
        ResultError: the file is missing, broken or of another format.

    """
    with columns.readable(path, RANKS):
        arrow, header = columns.read(path, RANKS)
        codes: list[str] = header["languages"]
        queries, query_rows = columns.values(arrow["query_id"])
        passages, passage_rows = columns.values(arrow["passage_id"])
        depths: dict[str, int] | None = header.get("depths")
        counts = _read_counts(arrow, codes, is_run=depths is not None)
        names, name_rows = columns.values(arrow["topic_id"])
        first_row = np.unique(query_rows, return_index=True)[1]
        topic_ids, topics = topic_numbers(names[name] for name in name_rows[first_row])
        return RankTable(
            languages=tuple(language(code) for code in codes),
            n_passages=np.array(header["n_passages"], dtype=np.int64),
            n_queries=np.array(header["n_queries"], dtype=np.int64),
            query_ids=queries,
            topic_ids=topic_ids,
            topics=topics,
            passage_ids=passages,
            query_rows=query_rows,
            passage_rows=passage_rows,
            query_languages=columns.positions(arrow["query_language"], codes),
            passage_languages=columns.positions(arrow["passage_language"], codes),
            grades=columns.integers(arrow["grade"]),
            similarities=arrow["similarity"].to_numpy().astype(np.float32),
            beaten_by=counts,
            confined_to=(
                columns.integers(arrow["confined_to"])[first_row] - 1
                if "confined_to" in arrow.column_names
                else None
            ),
            run=None if depths is None else _run(arrow, depths),
        )
