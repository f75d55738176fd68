"""All measures of XQuAD-R's 132 settings from a rank table, against trec_eval on full rankings.

trec_eval gets the same rankings as dictionaries, in full depth, of a sample of queries in every
mode; its time is scaled up to all queries. It computes nine measures, we all of the card.
"""

import time
from collections.abc import Mapping, Sequence

import ir_measures
import numpy as np
from synthetic import XQUAD, vectors, xquad_sized

from xlir_bench.cards.load import task_cards
from xlir_bench.core.collection import Collection
from xlir_bench.core.language import language
from xlir_bench.core.mode import RetrievalMode, Setting, settings_of
from xlir_bench.core.ranking import Ranks
from xlir_bench.evaluate import (
    HITS_DEPTH,
    find_hits,
    id_order,
    per_query,
    rank,
    readings,
    scorecard,
)
from xlir_bench.measures.catalogue import parse_all
from xlir_bench.measures.significance import Column

SAMPLED_SETTINGS, EVERY = 3, 40
TREC_EVAL = ["AP", "P@1", "P@5", "P@10", "R@1", "R@10", "R@100", "nDCG@10", "RR"]


def main() -> None:
    """Print seconds and ratios; the sampled means must agree to 1e-9."""
    collection = xquad_sized()
    queries, passages = vectors(len(collection.queries), 64), vectors(len(collection.passages), 64)
    table = rank(collection, queries, passages)
    hits = find_hits(collection, queries, passages, HITS_DEPTH)
    measures = parse_all(task_cards()["XQuADR"].measures)
    languages = [language(code) for code in XQUAD]
    settings = [s for mode in ("mono", "cross", "multi")
                for s in settings_of(RetrievalMode(mode), languages)]  # fmt: skip

    per_query(readings(table, settings, hits), measures)  # imports scipy
    start = time.perf_counter()
    found = readings(table, settings, hits)
    columns, _ = per_query(found, measures)
    ours = time.perf_counter() - start
    start = time.perf_counter()
    scorecard(found, measures)
    sure = time.perf_counter() - start - ours

    theirs = sum(
        _trec_eval(collection, (queries, passages), columns, found.ranks, mode, settings)
        for mode in ("mono", "cross", "multi")
    )
    print(f"from the rank table: {len(measures)} measures, 132 settings  {ours:8.2f} s")
    print(f"10,000 resamples of all {len(columns):,} figures             {sure:8.2f} s")
    print(f"trec_eval on dictionaries, {len(TREC_EVAL)} measures (scaled up)  {theirs:8.1f} s")
    print(f"ratio                                             {theirs / ours:8.1f} x")


def _trec_eval(
    collection: Collection,
    embedded: tuple[np.ndarray, np.ndarray],
    columns: dict[tuple[Setting, str], Column],
    ranks: Mapping[Setting, Ranks],
    mode: str,
    settings: Sequence[Setting],
) -> float:
    """Return the seconds that trec_eval needs for a mode, from every 40th query of 3 settings."""
    chosen = [s for s in settings if s.mode == mode]
    seconds = 0.0
    for setting in chosen[:: max(1, len(chosen) // SAMPLED_SETTINGS)][:SAMPLED_SETTINGS]:
        rows = collection.query_rows(setting.query_language)[::EVERY]
        qrels, run = _dictionaries(collection, embedded, setting, rows)
        asked = [ir_measures.parse_measure(name) for name in TREC_EVAL]
        start = time.perf_counter()
        theirs = ir_measures.pytrec_eval.calc_aggregate(asked, qrels, run)
        seconds += time.perf_counter() - start
        sampled = np.isin(ranks[setting].queries, rows)
        for measure in asked:
            value = columns[setting, str(measure)].values[sampled].mean()
            if abs(value - theirs[measure]) > 1e-9:
                msg = f"{setting} {measure}: {value} and {theirs[measure]}"
                raise SystemExit(msg)
    return seconds * EVERY * len(chosen) / SAMPLED_SETTINGS


def _dictionaries(
    collection: Collection,
    embedded: tuple[np.ndarray, np.ndarray],
    setting: Setting,
    rows: list[int],
) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, float]]]:
    """Return qrels and full rankings by canonical similarity; scores are places, so none tie."""
    pool = np.array(
        [r for r, p in enumerate(collection.passages) if p.language in setting.corpus_languages]
    )
    keys = id_order(collection.passages)[pool]
    ids = [collection.passages[r].passage_id for r in pool]
    in_pool = set(pool.tolist())
    queries, passages = embedded[0][rows].astype(float), embedded[1][pool].astype(float)
    products = (queries @ passages.T).astype(np.float32)
    run, qrels = {}, {}
    for row, similarities in zip(rows, products, strict=True):
        order = np.lexsort((keys, similarities))
        scores = np.empty(len(pool))
        scores[order] = np.arange(len(pool))
        name = collection.queries[row].query_id
        run[name] = dict(zip(ids, scores.tolist(), strict=True))
        judged = collection.qrels.passage_rows[collection.qrels.query_rows == row]
        qrels[name] = {collection.passages[p].passage_id: 1 for p in judged if p in in_pool}
    return qrels, run


if __name__ == "__main__":
    main()
