"""2,000 queries against 1M passages: counting, bare product, faiss; time and peak memory."""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from synthetic import vectors

from xlir_bench.retrieve.ranks import Shard, Targets, count_beating
from xlir_bench.retrieve.similarity import canonical

DIM = 384
RELEVANT = 3


def reset_peak() -> float:
    """Start the measurement of the peak anew and return the resident memory now, in MiB."""
    Path("/proc/self/clear_refs").write_text("5")
    return peak_mib()


def peak_mib() -> float:
    """Return this process's peak resident memory since the last reset, in MiB (Linux)."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def count(queries: np.ndarray, passages: np.ndarray) -> float:
    """Time the exact ranks of three relevant passages a query."""
    n_queries, n_passages = len(queries), len(passages)
    rows = np.sort(np.random.default_rng(3).integers(0, n_passages, (n_queries, RELEVANT)))
    query_rows = np.repeat(np.arange(n_queries), RELEVANT)
    keys = np.arange(n_passages)
    start = time.perf_counter()
    similarities = canonical(queries, passages, query_rows, rows.ravel())
    starts = np.arange(0, len(query_rows) + 1, RELEVANT)
    shard = Shard(passages, keys, np.zeros(n_passages, dtype=np.int64))
    count_beating(queries, shard, Targets(starts, similarities, rows.ravel()), 1)
    return time.perf_counter() - start


def product(queries: np.ndarray, passages: np.ndarray) -> float:
    """Time the bare product in blocks."""
    start = time.perf_counter()
    for first in range(0, len(passages), 8192):
        queries @ passages[first : first + 8192].T
    return time.perf_counter() - start


def faiss_search(queries: np.ndarray, passages: np.ndarray) -> float:
    """Time an exact search of the first 1,000, which is not enough for a rank."""
    import faiss

    index = faiss.IndexFlatIP(DIM)
    index.add(passages)
    start = time.perf_counter()
    index.search(queries, 1000)
    return time.perf_counter() - start


WAYS = {"count": count, "product": product, "faiss": faiss_search}


def main() -> None:
    """Run each way in a process of its own, so that its peak memory is its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--passages", type=int, default=1_000_000)
    parser.add_argument("--queries", type=int, default=2_000)
    arguments = parser.parse_args()
    if arguments.way is None:
        for way in WAYS:
            sizes = ["--passages", str(arguments.passages), "--queries", str(arguments.queries)]
            subprocess.run([sys.executable, __file__, "--way", way, *sizes], check=True)
        return
    queries, passages = vectors(arguments.queries, seed=1), vectors(arguments.passages, seed=2)
    WAYS[arguments.way](queries[:64], passages[:4096])  # compiles, starts threads
    inputs = reset_peak()
    seconds = min(WAYS[arguments.way](queries, passages) for _ in range(2))
    flops = 2 * len(queries) * len(passages) * DIM
    print(
        f"{arguments.way:8} {seconds:6.2f} s  {flops / seconds / 1e9:6.1f} GFLOP/s"
        f"  peak above inputs {peak_mib() - inputs:7.1f} MiB"
    )


if __name__ == "__main__":
    main()
