"""Four measures of one ranking: from ranks here, from the ranking in ir_measures and ranx."""

import time

import ir_measures
import numpy as np

from xlir_bench.core.ranking import grouped_ranks
from xlir_bench.measures.catalogue import parse_all

QUERIES, DEPTH, RELEVANT = 2_000, 1_000, 5
NAMES = ["AP", "P@10", "R@100", "nDCG@10"]


def main() -> None:
    """Print seconds and means of each way; the means must agree."""
    rng = np.random.default_rng(0)
    ranks = np.sort(
        np.array([rng.choice(DEPTH, RELEVANT, replace=False) + 1 for _ in range(QUERIES)])
    )
    rows = np.repeat(np.arange(QUERIES), RELEVANT)
    start = time.perf_counter()
    table = grouped_ranks(
        rows, ranks.ravel(), np.ones(len(rows), dtype=np.int64), n_passages=DEPTH, n_unanswered=0
    )
    ours = {m.name: float(m.per_query(table).mean()) for m in parse_all(NAMES)}
    seconds = {"from ranks": time.perf_counter() - start}

    qrels = {str(q): {f"d{r}": 1 for r in ranks[q]} for q in range(QUERIES)}
    run = {str(q): {f"d{r}": float(DEPTH - r) for r in range(1, DEPTH + 1)} for q in range(QUERIES)}
    start = time.perf_counter()
    theirs = ir_measures.calc_aggregate(map(ir_measures.parse_measure, NAMES), qrels, run)
    seconds["ir_measures"] = time.perf_counter() - start
    if any(abs(theirs[ir_measures.parse_measure(n)] - ours[n]) > 1e-9 for n in NAMES):
        msg = f"the means differ: {ours} and {theirs}"
        raise SystemExit(msg)

    try:
        import ranx
    except ImportError:
        ranx = None
    if ranx:
        names = ["map", "precision@10", "recall@100", "ndcg@10"]
        ranx.evaluate(ranx.Qrels(qrels), ranx.Run(run), names)  # compiles
        start = time.perf_counter()
        ranx.evaluate(ranx.Qrels(qrels), ranx.Run(run), names)
        seconds["ranx"] = time.perf_counter() - start
    for name, value in seconds.items():
        print(f"{name:12} {value:8.4f} s  {value / seconds['from ranks']:8.1f} x")
    print(ours)


if __name__ == "__main__":
    main()
