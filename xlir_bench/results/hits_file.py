"""The first passages of every query as one parquet file: a row for each query and rank."""

from pathlib import Path
from typing import Any

import numpy as np

from xlir_bench.core.collection import topic_numbers
from xlir_bench.core.hits import NO_LANGUAGE, NO_PASSAGE, Hits
from xlir_bench.core.language import language
from xlir_bench.errors import ResultError
from xlir_bench.results import columns
from xlir_bench.results.columns import Kind
from xlir_bench.results.rank_file import read_provenance

HITS = Kind("hits", 1)
_NONE = "-"
"""The language of a query that has no corpus in its own."""


def write_hits(hits: Hits, path: Path, provenance: dict[str, Any]) -> None:
    """Write hits whole or not at all; the first 100 of XQuAD-R's queries take about 8 MB.

    Raises:
        ResultError: the file cannot be written.

    """
    query_rows, ranks = np.nonzero(hits.passages != NO_PASSAGE)
    passages = hits.passages[query_rows, ranks]
    codes = [x.code for x in hits.languages]
    labels = [*codes, _NONE]
    fields = {
        "query_id": columns.dictionary(query_rows, hits.query_ids),
        "topic_id": columns.dictionary(hits.topics[query_rows], hits.topic_ids),
        "query_language": columns.dictionary(
            hits.query_languages[query_rows] % len(labels), labels
        ),
        "rank": columns.smallest(ranks + 1),
        "passage_id": columns.dictionary(passages, hits.passage_ids),
        "passage_language": columns.dictionary(
            hits.passage_languages[passages] % len(labels), labels
        ),
        "similarity": hits.similarities[query_rows, ranks],
    }
    columns.write(path, HITS, fields, {"languages": codes, "provenance": provenance})


def read_hits_provenance(path: Path) -> dict[str, Any]:
    """Return the provenance of a hits file.

    Raises:
        ResultError: the file is missing, broken or of another format.

    """
    return columns.read_provenance(path, HITS)


def hits_path(ranks: Path) -> Path:
    """Return the name of the hits beside a rank table: "XQuADR.hits.parquet"."""
    return ranks.with_name(ranks.name.replace(".ranks.parquet", ".hits.parquet"))


def hits_beside(ranks: Path) -> Hits | None:
    """Return the hits beside a rank table, None if there are none of the same run.

    Raises:
        ResultError: the rank table cannot be read.

    """
    provenance = read_provenance(ranks)
    try:
        if read_hits_provenance(hits_path(ranks)) != provenance:
            return None
        return read_hits(hits_path(ranks))
    except ResultError:
        return None


def read_hits(path: Path) -> Hits:
    """Return the hits in a file.

    Raises:
        ResultError: the file is missing, broken or of another format.

    """
    with columns.readable(path, HITS):
        arrow, header = columns.read(path, HITS)
        codes: list[str] = header["languages"]
        labels = [*codes, _NONE]
        query_ids, query_rows = columns.values(arrow["query_id"])
        passage_ids, passage_rows = columns.values(arrow["passage_id"])
        names, name_rows = columns.values(arrow["topic_id"])
        first = np.unique(query_rows, return_index=True)[1]
        first_passage = np.unique(passage_rows, return_index=True)[1]
        topic_ids, topics = topic_numbers(names[name] for name in name_rows[first])
        query_columns = columns.positions(arrow["query_language"], labels)[first]
        passage_columns = columns.positions(arrow["passage_language"], labels)[first_passage]
        places = columns.integers(arrow["rank"]) - 1
        if places.min() < 0:
            msg = "a rank below 1"
            raise ValueError(msg)
        passages = np.full((len(query_ids), int(places.max()) + 1), NO_PASSAGE, dtype=np.int64)
        similarities = np.full(passages.shape, -np.inf, dtype=np.float32)
        passages[query_rows, places] = passage_rows
        similarities[query_rows, places] = arrow["similarity"].to_numpy()
        return Hits(
            languages=tuple(language(code) for code in codes),
            query_ids=query_ids,
            topic_ids=topic_ids,
            topics=topics,
            query_languages=np.where(query_columns < len(codes), query_columns, NO_LANGUAGE),
            passage_ids=passage_ids,
            passage_languages=np.where(passage_columns < len(codes), passage_columns, NO_LANGUAGE),
            passages=passages,
            similarities=similarities,
        )
