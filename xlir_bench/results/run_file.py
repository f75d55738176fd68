"""TREC run files whose order survives trec_eval's re-sorting."""

from collections.abc import Iterable
from pathlib import Path

from xlir_bench.paths import written_whole


def write_run(path: Path, hits: Iterable[tuple[str, list[tuple[str, float]]]], tag: str) -> None:
    """Write ``query Q0 passage rank score tag`` lines, whole or not at all.

    Scores are float32 with nine digits, which name every float32 exactly; trec_eval sorts by score
    and equal scores by id descending, and so are the hits.

    Args:
        path: of the file.
        hits: (query id, best-first (passage id, float32 similarity) pairs).
        tag: name of the system, without spaces.

    Raises:
        ResultError: the file cannot be written.

    """
    with written_whole(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        for query_id, found in hits:
            file.writelines(
                f"{query_id} Q0 {passage_id} {rank} {similarity:.9g} {tag}\n"
                for rank, (passage_id, similarity) in enumerate(found, 1)
            )
