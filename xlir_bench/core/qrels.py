"""Relevance judgements as parallel arrays of row numbers."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Qrels:
    """Which passages are relevant to which queries.

    Attributes:
        query_rows: (n_judgements,) int64 rows of the collection's queries.
        passage_rows: (n_judgements,) int64 rows of the collection's passages.
        grades: (n_judgements,) int64, 1 or more (trec_eval: relevance level; higher is better).

    """

    query_rows: NDArray[np.int64]
    passage_rows: NDArray[np.int64]
    grades: NDArray[np.int64]

    def __len__(self) -> int:
        """Return the number of judgements."""
        return len(self.query_rows)
