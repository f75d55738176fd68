"""Rank a benchmark with a model: everything that an evaluation keeps on disk."""

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from mteb.models.model_meta import ModelMeta

from xlir_bench.adapters.mteb.encoder import MtebEncoder
from xlir_bench.cards.task import TaskCard
from xlir_bench.core.collection import Collection
from xlir_bench.core.hits import Hits
from xlir_bench.core.judged import Judged
from xlir_bench.core.mode import RetrievalMode
from xlir_bench.core.ranking import RankTable
from xlir_bench.encoders.base import Encoder, Role, Vectors
from xlir_bench.encoders.debias import Debias
from xlir_bench.encoders.store import EmbeddingStore, checkpoint_folder
from xlir_bench.engines.base import Engine, Setup
from xlir_bench.engines.local import LocalEngine
from xlir_bench.evaluate import HITS_DEPTH, embed, find_hits, rank
from xlir_bench.paths import cache_folder
from xlir_bench.results.provenance import provenance_of
from xlir_bench.stream.kept import Kept
from xlir_bench.stream.run import Plan, rank_streamed

logger = logging.getLogger(__name__)

STREAMED_DEPTH = 20
"""First passages of each query that are kept of a streamed pool: a shard's take a few MB."""


@dataclass
class ModelStores:
    """What is kept of one model until its ranks are on disk: vectors, and counts of shards.

    The embedder that ``evaluate`` asks.
    """

    _stores: dict[str, EmbeddingStore] = field(default_factory=dict)
    _shards: list[Kept] = field(default_factory=list)

    def store(self, encoder: MtebEncoder, role: Role) -> EmbeddingStore:
        """Return the store of an encoder's vectors in a role."""
        key = encoder.memo_key(role)
        if key not in self._stores:
            fingerprint = encoder.fingerprint(role)
            unfinished = cache_folder() / "unfinished"
            folder = checkpoint_folder(unfinished, fingerprint) if fingerprint else None
            self._stores[key] = EmbeddingStore(folder)
        return self._stores[key]

    def embed(self, encoder: Encoder, texts: Sequence[str], role: Role) -> Vectors:
        """Return the vectors of texts, encoding none twice in this process."""
        if not isinstance(encoder, MtebEncoder):
            msg = f"expected an MtebEncoder, not {type(encoder).__name__}"
            raise TypeError(msg)
        return self.store(encoder, role).embed(encoder, texts, role)

    def counts(self, encoder: MtebEncoder) -> dict[str, dict[str, int]]:
        """Return how many texts of each role were encoded, and resumed, in this process so far."""
        found = {role.value: self.store(encoder, role) for role in Role}
        return {
            "texts_encoded": {role: store.n_encoded for role, store in found.items()},
            "texts_resumed": {role: store.n_resumed for role, store in found.items()},
        }

    def keep_shards(self, kept: Kept) -> None:
        """Remember the files of finished shards."""
        self._shards.append(kept)

    def discard_checkpoints(self, encoder: MtebEncoder) -> None:
        """Delete what was kept for a resumed run: the table it was for is on disk."""
        for role in Role:
            self.store(encoder, role).discard_checkpoints()
        while self._shards:
            self._shards.pop().discard()


@dataclass(frozen=True, slots=True)
class Place:
    """Where the shards of streamed corpora are worked on.

    Attributes:
        engine: of this machine or of a cluster.
        setup: makes the encoder for a worker elsewhere; None if all is done in this process.

    """

    engine: Engine = field(default_factory=LocalEngine)
    setup: Setup[Encoder] | None = None


Made = tuple[RankTable, Hits | None, dict[str, Any]]
"""What an evaluation makes and keeps on disk: ranks, first passages, provenance."""


def make(
    encoder: MtebEncoder,
    card: TaskCard,
    texts: Collection | Judged,
    stores: ModelStores,
    place: Place,
    identity: str | None,
) -> Made:
    """Return ranks, first passages and provenance, encoding what the stores do not have.

    Args:
        encoder: the model.
        card: the benchmark.
        texts: all of them, or queries and the files of corpora that are streamed.
        stores: the model's vectors.
        place: where shards are worked on.
        identity: checksum of what decides the ranks, under which finished shards are kept.

    """
    before = stores.counts(encoder)
    if isinstance(texts, Judged):
        table, hits, facts = _make_streamed(encoder, card, texts, stores, place, identity)
    else:
        table, hits, facts = _make_whole(encoder, card, texts, stores)
    for what, now in stores.counts(encoder).items():  # of this benchmark, not of those before it
        facts[what] = {role: count - before[what][role] for role, count in now.items()}
    return table, hits, facts


def _make_whole(
    encoder: MtebEncoder, card: TaskCard, collection: Collection, stores: ModelStores
) -> Made:
    start = time.perf_counter()
    queries, passages = embed(collection, encoder, stores, encoder.debias)
    embedded = time.perf_counter()
    table = rank(collection, queries, passages)
    ranked = time.perf_counter()
    is_pooled = RetrievalMode.multi in card.modes
    hits = find_hits(collection, queries, passages, HITS_DEPTH) if is_pooled else None
    found = time.perf_counter()
    seconds = {
        "encode": round(embedded - start, 3),
        "rank": round(ranked - embedded, 3),
        "hits": round(found - ranked, 3),
    }
    facts = {"dimensions": int(queries.shape[1]), "seconds": seconds}
    return table, hits, _provenance(encoder, card, collection) | facts


def _make_streamed(
    encoder: MtebEncoder,
    card: TaskCard,
    judged: Judged,
    stores: ModelStores,
    place: Place,
    identity: str | None,
) -> Made:
    """Rank corpora that are read as streams, and say where they are not those of the card."""
    is_pooled = RetrievalMode.multi in card.modes
    plan = Plan(
        encoder=encoder,
        adjust=encoder.debias,
        embedder=stores,
        engine=place.engine,
        setup=place.setup,
        depth=STREAMED_DEPTH if is_pooled else 0,
        identity=identity,
    )
    found = rank_streamed(judged, plan)
    stores.keep_shards(found.kept)
    for code, corpus in found.facts["corpora"].items():
        expected = card.counts.passages.get(code, corpus["passages"])
        if corpus["passages"] != expected:
            logger.warning(
                "%s/%s: %s passages, but the published corpus has %s: these scores compare with"
                " nobody else's",
                card.full_name, code, f"{corpus['passages']:,}", f"{expected:,}",
            )  # fmt: skip
    return found.table, found.hits, _provenance(encoder, card, judged) | found.facts


def _provenance(encoder: MtebEncoder, card: TaskCard, texts: Collection | Judged) -> dict[str, Any]:
    """Return what decides a result."""
    return provenance_of(card) | {
        "model": encoder.name,
        "revision": encoder.revision,
        "similarity": encoder.similarity.value,
        "training_datasets": seen_by(encoder.model.mteb_model_meta),
        "debias": None if encoder.debias is None else _debias_record(encoder.debias),
        "prompts": {role.value: encoder.prompt(role) for role in Role},
        **encoder.hardware(),
        "languages": [x.code for x in texts.languages],
        "date": datetime.now(tz=UTC).isoformat(timespec="seconds"),
    }


def seen_by(meta: ModelMeta) -> list[str] | None:
    """Return mteb's names of what a model and those it was trained from have seen, or None."""
    found = meta.get_training_datasets()
    return None if found is None else sorted(found)


def _debias_record(debias: Debias) -> dict[str, str]:
    return {"method": debias.method.value, "statistics_sha256": debias.sha256}
