"""From judged queries and corpus files to the same rank table that a corpus in memory gives.

Two readings: one finds the relevant passages, then every shard is read, encoded, counted and
dropped. Cost: one encoding of each passage, and one matrix product |queries| x |passages| x dim for
all settings together. Memory: O(queries + relevant passages + one chunk), whatever the corpus.
"""

import hashlib
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from xlir_bench.core.hits import Hits
from xlir_bench.core.judged import CorpusFile, Judged, byte_ids
from xlir_bench.core.language import Language
from xlir_bench.core.ranking import RankTable
from xlir_bench.encoders.base import Encoder, Role, comparable
from xlir_bench.engines.base import Engine, Setup
from xlir_bench.errors import DataError
from xlir_bench.evaluate import Embedder
from xlir_bench.paths import cache_folder
from xlir_bench.retrieve.running_top import RunningTop
from xlir_bench.retrieve.similarity import canonical
from xlir_bench.stream.count import Adjust, Asked, Counted, Worker, count_shard
from xlir_bench.stream.kept import Kept, key_of
from xlir_bench.stream.scan import Scan, Scanned
from xlir_bench.stream.table import first_passages, judgement_order, rank_table


@dataclass(frozen=True, slots=True)
class Streamed:
    """What a run over streamed corpora gives.

    Attributes:
        table: exact, full-depth ranks.
        hits: first passages in the pool of all languages; None if none were asked for.
        facts: for provenance: passages and checksums of every corpus, shards, seconds.
        kept: finished shards on disk, to discard once the table is there.

    """

    table: RankTable
    hits: Hits | None
    facts: dict[str, Any]
    kept: Kept


@dataclass(frozen=True, slots=True)
class Plan:
    """How a run is done.

    Attributes:
        encoder: the model.
        adjust: what is done to its vectors.
        embedder: that encodes queries and relevant passages.
        engine: where shards are counted.
        setup: makes an encoder for a worker elsewhere, given its device; None if all is done here.
        depth: first passages of each query to keep; 0 for none.
        identity: of what decides the counts beside the shards; None to keep no finished shards.

    """

    encoder: Encoder
    adjust: Adjust | None
    embedder: Embedder
    engine: Engine
    setup: Setup[Encoder] | None
    depth: int
    identity: str | None


def rank_streamed(judged: Judged, plan: Plan) -> Streamed:
    """Return ranks and first passages; a run that was stopped goes on at the shard it was at.

    Raises:
        DataError: shards are broken, or do not hold every relevant passage.
        EncoderError: the encoder returned unusable vectors.
        EngineError: workers were lost.

    """
    start = time.perf_counter()
    scanned = _scan(judged, plan.engine)
    read = time.perf_counter()
    asked = _asked(judged, plan, _texts(judged, scanned))
    embedded = time.perf_counter()
    kept = Kept(_counts_folder(judged, plan))
    beaten_by = np.zeros((len(judged.qrels), len(judged.languages)), dtype=np.int64)
    top = RunningTop(len(judged.queries), plan.depth)
    total = sum(x.n_passages for x in scanned.values())
    for shard, counted in _counted(judged, plan, asked, kept, total):
        if counted.n_passages != scanned[shard].n_passages:
            msg = f"{shard.path} changed while it was read; run the same command again"
            raise DataError(msg)
        beaten_by[:, judged.languages.index(shard.language)] += counted.counts
        if plan.depth:
            rows, places = np.nonzero(np.isfinite(counted.top_similarities))
            top.add(rows, counted.top_ids[rows, places], counted.top_similarities[rows, places])
    table = rank_table(judged, asked, beaten_by, _sizes(judged, scanned))
    seconds = {
        "read": round(read - start, 3),
        "encode": round(embedded - read, 3),
        "stream": round(time.perf_counter() - embedded, 3),
    }
    facts = {"corpora": _corpora(judged, scanned), "seconds": seconds, "engine": plan.engine.name}
    return Streamed(table, first_passages(judged, top) if plan.depth else None, facts, kept)


def _scan(judged: Judged, engine: Engine) -> Mapping[CorpusFile, Scanned]:
    """Return what every shard holds; what an earlier run has read is not read again."""
    kept = Kept(cache_folder() / "scans" / key_of(judged.relevant))
    found = {shard: kept.scanned(shard) for shard in judged.files}
    left = [shard for shard, scanned in found.items() if scanned is None]
    broken = []
    scan = Scan(frozenset(judged.relevant))
    with _progress(sum(x.path.stat().st_size for x in left), "Reading", "B", left) as bar:
        for position, result in engine.map(_nothing, scan, left):
            shard = left[position]
            if isinstance(result, DataError):
                broken.append(result)
            else:
                kept.keep_scanned(shard, result)
                found[shard] = result
            bar.update(shard.path.stat().st_size)
    _raise_broken(broken)
    return {shard: scanned for shard, scanned in found.items() if scanned is not None}


def _nothing(device: str | None) -> None:
    """Set up a worker that needs nothing."""


def _texts(judged: Judged, scanned: Mapping[CorpusFile, Scanned]) -> list[str]:
    """Return the texts of the relevant passages."""
    texts: dict[str, str] = {}
    for shard, found in scanned.items():
        repeated = texts.keys() & found.relevant.keys()
        if repeated:
            msg = f"{shard.path} repeats the docid {min(repeated)!r} of another shard"
            raise DataError(msg)
        texts |= found.relevant
    missing = [name for name in judged.relevant if name not in texts]
    if missing:
        msg = (
            f"{judged.name}: {len(missing):,} of {len(judged.relevant):,} relevant passages are not"
            f" in the corpus, first {missing[0]!r}: a shard is missing, or it is another version"
        )
        raise DataError(msg)
    return [texts[name] for name in judged.relevant]


def _asked(judged: Judged, plan: Plan, texts: Sequence[str]) -> Asked:
    """Encode queries and relevant passages, and compare them."""
    queries = plan.embedder.embed(plan.encoder, [q.text for q in judged.queries], Role.query)
    relevant = plan.embedder.embed(plan.encoder, texts, Role.passage)
    if plan.adjust is not None:
        codes = [name.partition(":")[0] for name in judged.relevant]
        queries = plan.adjust(queries, [q.language.code for q in judged.queries], Role.query)
        relevant = plan.adjust(relevant, codes, Role.passage)
    queries = comparable(queries, Role.query, plan.encoder.similarity)
    relevant = comparable(relevant, Role.passage, plan.encoder.similarity)
    order = judgement_order(judged)
    query_rows, passage_rows = judged.qrels.query_rows[order], judged.qrels.passage_rows[order]
    return Asked(
        queries=queries,
        starts=np.searchsorted(query_rows, np.arange(len(judged.queries) + 1)),
        passage_rows=passage_rows,
        similarities=canonical(queries, relevant, query_rows, passage_rows),
        ids=byte_ids(judged.relevant),
        relevant=relevant,
        depth=plan.depth,
    )


@dataclass(frozen=True, slots=True)
class _MakeWorker:
    """Sets up a worker; it may be sent elsewhere, so it holds only what must be."""

    setup: Setup[Encoder]
    adjust: Adjust | None
    asked: Asked
    tell: Callable[[int], object] | None = None

    def __call__(self, device: str | None) -> Worker:
        return Worker(self.setup(device), self.adjust, self.asked, self.tell)


@dataclass(frozen=True, slots=True)
class _Given:
    """Sets up the encoder that is loaded already, whatever the device."""

    encoder: Encoder

    def __call__(self, device: str | None) -> Encoder:  # noqa: ARG002 - it has a device
        return self.encoder


def _counted(
    judged: Judged, plan: Plan, asked: Asked, kept: Kept, total: int
) -> Iterator[tuple[CorpusFile, Counted]]:
    """Yield every shard with what it contributes, kept ones first."""
    left = []
    with _progress(total, "Counting", "passages", judged.files) as bar:
        for shard in judged.files:
            counted = kept.counted(shard)
            if counted is None:
                left.append(shard)
            else:
                bar.initial += counted.n_passages
                bar.update(counted.n_passages)
                yield shard, counted
        is_here = plan.engine.is_here
        make = _MakeWorker(plan.setup or _Given(plan.encoder), plan.adjust, asked)
        if is_here:
            make = replace(make, setup=_Given(plan.encoder), tell=bar.update)
        broken = []
        for position, result in plan.engine.map(make, count_shard, left):
            if isinstance(result, DataError):
                broken.append(result)
                continue
            kept.keep_counted(left[position], result)
            if not is_here:
                bar.update(result.n_passages)
            yield left[position], result
    _raise_broken(broken)


def _raise_broken(broken: Sequence[DataError]) -> None:
    if broken:
        more = f" (and {len(broken) - 1} shards more)" if len(broken) > 1 else ""
        msg = f"{broken[0]}{more}; every other shard is done and kept"
        raise DataError(msg)


def _progress(total: int, what: str, unit: str, shards: Sequence[CorpusFile]) -> "tqdm[Any]":
    return tqdm(
        total=total,
        desc=f"{what} {len(shards)} shards",
        unit=unit if unit == "B" else f" {unit}",
        unit_scale=True,
        file=sys.stderr,
        mininterval=1,
        disable=not shards,
    )


def _counts_folder(judged: Judged, plan: Plan) -> Path | None:
    if plan.identity is None:
        return None
    texts = [f"{q.query_id} {q.text}" for q in judged.queries]
    key = key_of([plan.identity, str(plan.depth), *texts, *judged.relevant])
    return cache_folder() / "unfinished" / f"shards-{key}"


def _sizes(judged: Judged, scanned: Mapping[CorpusFile, Scanned]) -> dict[Language, int]:
    sizes = dict.fromkeys(judged.languages, 0)
    for shard, found in scanned.items():
        sizes[shard.language] += found.n_passages
    return sizes


def _corpora(judged: Judged, scanned: Mapping[CorpusFile, Scanned]) -> dict[str, Any]:
    """Return passages, shards and one checksum of every language's corpus."""
    corpora = {}
    for language, n_passages in _sizes(judged, scanned).items():
        sums = [found.sha256 for shard, found in scanned.items() if shard.language == language]
        digest = hashlib.sha256("\n".join(sums).encode()).hexdigest()
        corpora[language.code] = {"passages": n_passages, "shards": len(sums), "sha256": digest}
    return corpora
