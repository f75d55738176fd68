"""One value for each query, setting and measure, as one parquet file."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xlir_bench.results import columns
from xlir_bench.results.columns import Kind

PER_QUERY = Kind("per-query values", 1)

Rows = tuple[str, str, list[str], NDArray[np.float64]]
"""Setting, measure, ids of queries and the value of each, NaN where undefined."""


def write_per_query(path: Path, rows: Iterable[Rows], provenance: dict[str, Any]) -> None:
    """Write values whole or not at all; an undefined value is null.

    Raises:
        ResultError: the file cannot be written.

    """
    given = list(rows)
    lengths = [len(ids) for _, _, ids, _ in given]
    values = np.concatenate([value for _, _, _, value in given])
    fields = {
        "setting": _repeated([setting for setting, _, _, _ in given], lengths),
        "measure": _repeated([measure for _, measure, _, _ in given], lengths),
        "query_id": pa.array([x for _, _, ids, _ in given for x in ids]).dictionary_encode(),
        "value": pa.array(values, mask=np.isnan(values)),
    }
    columns.write(path, PER_QUERY, fields, {"provenance": provenance})


def _repeated(names: list[str], lengths: list[int]) -> pa.DictionaryArray:
    distinct = list(dict.fromkeys(names))
    rows = np.repeat([distinct.index(name) for name in names], lengths)
    return columns.dictionary(rows, distinct)
