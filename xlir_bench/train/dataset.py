"""The data set that batches of pairs are read from: query of one row, passage of another."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

import datasets
import numpy as np
from numpy.typing import NDArray

Columns = tuple[str, ...]


class PairDataset(datasets.Dataset):  # type: ignore[misc]
    """A memory-mapped data set with two rows in a key: ``query row * rows + passage row``.

    A pair within a language has the same row twice, a cross-lingual one the query of one
    translation and the passage (and hard negative) of another. Nothing is copied for the pairs
    that languages can form, of which there are languages * (languages - 1) for every id.
    """

    names: Columns = ("query", "passage")
    pair_ids: Any = None
    labels: NDArray[np.int64] | None = None
    """For each row of the file what the loss is told of its pair."""

    @classmethod
    def read(cls, path: Path, *, has_negatives: bool) -> Self:
        """Return the data set in an Arrow file of ``pairs.SCHEMA``."""
        names = ("query", "passage", "negative") if has_negatives else ("query", "passage")
        whole = datasets.Dataset.from_file(str(path))
        # The trainer and the model card take every column for text: ids stay outside.
        texts = whole.select_columns(list(names))
        made = cls(texts.data, info=texts.info, split=texts.split)
        made.names, made.pair_ids = names, whole.data.column("pair_id")
        return made

    def select_rows(self, rows: Sequence[int]) -> datasets.Dataset:
        """Return some rows as an ordinary data set, each with its own passage."""
        return datasets.Dataset(self.data, info=self.info, split=self.split).select(rows)

    def ids(self, rows: Sequence[int]) -> list[str]:
        """Return the ids of pairs."""
        found: list[str] = self.pair_ids.take(list(rows)).to_pylist()
        return found

    def key(self, query_row: int, passage_row: int) -> int:
        """Return the key of a pair."""
        return query_row * len(self) + passage_row

    def __getitems__(self, keys: Sequence[int]) -> list[dict[str, Any]]:
        """Return one row for each key, as torch's data loader asks for a batch."""
        pairs = [divmod(key, len(self)) for key in keys]
        queries = self._columns([query for query, _ in pairs])["query"]
        passages = self._columns([passage for _, passage in pairs])
        others = [name for name in self.names if name != "query"]
        found: list[dict[str, Any]] = [
            {"query": query} | {name: passages[name][i] for name in others}
            for i, query in enumerate(queries)
        ]
        if self.labels is not None:
            for row, (query_row, _) in zip(found, pairs, strict=True):
                row["label"] = int(self.labels[query_row])
        return found

    def _columns(self, rows: list[int]) -> dict[str, list[str]]:
        found: dict[str, list[str]] = datasets.Dataset.__getitem__(self, rows)
        return found
