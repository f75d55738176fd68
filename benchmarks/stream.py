"""Streamed corpora: memory against size, counting against the bare product, engines against a loop.

    python benchmarks/stream.py                       # 100k and 1M passages
    python benchmarks/stream.py --passages 10000000   # 10M: about 3 GB of files, below --folder
    python benchmarks/stream.py --engines             # 16 shards through every engine

The encoder is cheap (random projections of hashed words), so that what is measured is ours.
"""

import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from million import peak_mib, reset_peak
from synthetic import vectors

from xlir_bench.core.judged import CorpusFile, Judged
from xlir_bench.core.language import language
from xlir_bench.core.qrels import Qrels
from xlir_bench.core.text import Query
from xlir_bench.encoders.base import Encoder, Role, Similarity, Vectors
from xlir_bench.engines.base import Engine
from xlir_bench.engines.local import LocalEngine
from xlir_bench.engines.ray import RayEngine
from xlir_bench.stream import count as counting
from xlir_bench.stream import run as streaming
from xlir_bench.stream.count import Asked, Worker, count_shard
from xlir_bench.stream.run import Plan, rank_streamed

DIM = 384
SHARD = 500_000
WORDS = 4096


class Cheap:
    """Sums of random word vectors: 200,000 short texts a second."""

    name = "benchmark/cheap"
    similarity = Similarity.cosine

    def __init__(self) -> None:
        self._words = vectors(WORDS, DIM, seed=5)

    def fingerprint(self, role: Role) -> str | None:
        return None

    def encode(self, texts: Sequence[str], role: Role) -> Vectors:
        rows = np.array([[int(word) for word in text.split()[:4]] for text in texts])
        return self._words[rows].sum(axis=1)

    def embed(self, encoder: Encoder, texts: Sequence[str], role: Role) -> Vectors:
        return self.encode(texts, role)


def setup(device: str | None) -> Cheap:
    """Make the encoder in a worker."""
    return Cheap()


def write_corpus(folder: Path, n_passages: int, shard: int = SHARD) -> list[CorpusFile]:
    """Write passages of 200 characters as MIRACL's shards; those that are there stay."""
    files = []
    for number, first in enumerate(range(0, n_passages, shard)):
        path = folder / f"docs-{number}.jsonl.gz"
        files.append(CorpusFile(language("sw"), path))
        if path.exists():
            continue
        rng = np.random.default_rng(number)
        words = rng.integers(0, WORDS, (min(shard, n_passages - first), 4))
        folder.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(".tmp")
        with gzip.open(temporary, "wt", compresslevel=1) as file:
            for i, row in enumerate(words, start=first):
                text = " ".join(map(str, row)) + " " + "lorem ipsum " * 15
                file.write(json.dumps({"docid": f"{i}#0", "title": "", "text": text}) + "\n")
        temporary.replace(path)
    return files


def benchmark(files: list[CorpusFile], n_passages: int, n_queries: int) -> Judged:
    """Return queries with one relevant passage each."""
    rng = np.random.default_rng(7)
    rows = np.sort(rng.choice(n_passages, n_queries, replace=False))
    relevant = sorted((f"sw:{row}#0" for row in rows), key=str.encode)
    texts = [" ".join(map(str, rng.integers(0, WORDS, 4))) for _ in range(n_queries)]
    queries = tuple(Query(f"sw:{i}", t, language("sw"), str(i)) for i, t in enumerate(texts))
    ones = np.ones(n_queries, dtype=np.int64)
    qrels = Qrels(np.arange(n_queries), np.arange(n_queries), ones)
    return Judged("stream", queries, (None,) * n_queries, tuple(relevant), qrels, tuple(files))


@dataclass
class Clock:
    """Times counting, and beside each chunk the bare product of the same size."""

    counted: float = 0
    product: float = 0
    real: Callable[..., Any] = field(default=counting.count_beating)

    def __call__(self, queries: Vectors, shard: Any, targets: Any, n_columns: int) -> Any:
        start = time.perf_counter()
        queries @ shard.vectors.T
        middle = time.perf_counter()
        found = self.real(queries, shard, targets, n_columns)
        self.product += middle - start
        self.counted += time.perf_counter() - middle
        return found


def stream(folder: Path, n_passages: int, n_queries: int) -> None:
    """Print one row of the first table."""
    files = write_corpus(folder / str(n_passages), n_passages)
    judged = benchmark(files, n_passages, n_queries)
    clock, model = Clock(), Cheap()
    counting.count_beating = clock  # type: ignore[assignment]
    streaming._progress = lambda *_: tqdm_off()  # noqa: SLF001 - the table is the output
    plan = Plan(model, None, model, LocalEngine(), None, 0, None)
    before = reset_peak()
    start = time.perf_counter()
    found = rank_streamed(judged, plan)
    seconds = time.perf_counter() - start - clock.product
    flops = 2 * n_queries * n_passages * DIM
    print(
        f"| {n_passages:,} | {found.facts['seconds']['read']:.1f} | {seconds:.1f} |"
        f" {n_passages / seconds:,.0f} | {flops / clock.counted / 1e9:.0f} |"
        f" {clock.product / clock.counted:.2f} | {peak_mib() - before:.0f} |",
        flush=True,
    )


def tqdm_off() -> Any:
    """Return a bar that shows nothing."""
    from tqdm import tqdm

    return tqdm(disable=True)


def engines(folder: Path, n_queries: int) -> None:
    """Print what each engine takes for the same 16 shards, beside a bare loop."""
    n_passages = 16 * 100_000
    files = write_corpus(folder / "engines", n_passages, 100_000)
    judged = benchmark(files, n_passages, n_queries)
    streaming._progress = lambda *_: tqdm_off()  # noqa: SLF001 - the table is the output
    model = Cheap()
    asked: list[Asked] = []
    real = streaming._asked  # noqa: SLF001 - what the loop below must be given
    streaming._asked = lambda *a: asked.append(real(*a)) or asked[-1]  # noqa: SLF001

    def run(engine: Engine) -> float:
        plan = Plan(model, None, model, engine, setup, 0, None)
        return float(rank_streamed(judged, plan).facts["seconds"]["stream"])

    run(LocalEngine())  # reads, compiles
    start = time.perf_counter()
    for shard in files:
        count_shard(Worker(model, None, asked[0]), shard)
    bare = time.perf_counter() - start
    for name, engine in (
        ("local", LocalEngine()),
        ("local, two processes", LocalEngine(("cpu", "cpu"))),
        ("ray, two workers", RayEngine(2)),
        ("ray, two workers again", RayEngine(2)),
    ):
        seconds = run(engine)
        print(f"{name:24} {seconds:6.2f} s  {seconds / bare:5.2f} of a bare loop", flush=True)


def main() -> None:
    """Run each size in a process of its own, so that its peak memory is its own."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--queries", type=int, default=2_000)
    parser.add_argument("--engines", action="store_true")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "xlir-stream")
    parser.add_argument("--child", action="store_true")
    asked = parser.parse_args()
    os.environ["XLIR_CACHE_DIR"] = str(asked.folder / "cache")
    if asked.engines:
        engines(asked.folder, asked.queries)
    elif asked.child:
        stream(asked.folder, asked.passages[0], asked.queries)
    else:
        print(
            "| passages | first reading, s | all, s | passages/s | counting, GFLOP/s |"
            " of the bare product | peak above start, MiB |\n|---|---|---|---|---|---|---|"
        )
        for n in asked.passages:
            line = [sys.executable, __file__, "--child", "--passages", str(n)]
            line += ["--queries", str(asked.queries), "--folder", str(asked.folder)]
            subprocess.run(line, check=True)


if __name__ == "__main__":
    main()
