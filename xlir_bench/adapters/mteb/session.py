"""What one process remembers: vectors, rank tables, and where results go.

mteb calls a task once per subset and never says what comes next. So the first subset of a
benchmark makes the rank table of all its settings and the others read it.
"""

import hashlib
import json
import logging
import time
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from mteb.models.model_meta import ModelMeta

from xlir_bench.adapters.mteb.encoder import MtebEncoder, similarity_of
from xlir_bench.cards.task import TaskCard
from xlir_bench.core.collection import Collection
from xlir_bench.core.hits import Hits
from xlir_bench.core.language import Language
from xlir_bench.core.mode import RetrievalMode, Setting
from xlir_bench.core.ranking import Ranks, RankTable
from xlir_bench.core.score import Scorecard
from xlir_bench.encoders.base import Encoder, Role, Similarity, Vectors
from xlir_bench.encoders.debias import Debias
from xlir_bench.encoders.store import EmbeddingStore, checkpoint_folder
from xlir_bench.errors import DataError, ResultError
from xlir_bench.evaluate import (
    HITS_DEPTH,
    Readings,
    embed,
    find_hits,
    rank,
    readings,
    scorecard,
)
from xlir_bench.measures.catalogue import parse_all
from xlir_bench.paths import cache_folder, written_whole
from xlir_bench.results.hits_file import (
    hits_beside,
    hits_path,
    read_hits,
    read_hits_provenance,
    write_hits,
)
from xlir_bench.results.provenance import provenance_of
from xlir_bench.results.rank_file import read_provenance, read_rank_table, write_rank_table

logger = logging.getLogger(__name__)


@dataclass
class ModelStores:
    """The vectors of one model, by what decides them; the embedder that ``evaluate`` asks."""

    _stores: dict[str, EmbeddingStore] = field(default_factory=dict)

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


@dataclass
class Evaluation:
    """One model on one benchmark, in some or all of its languages.

    Attributes:
        card: the benchmark.
        languages: that were asked for, in card order.
        encoder: the model.
        stores: its vectors.
        collection: the texts.
        table: the ranks.
        hits: the first passages in the pool of all languages; None if no mode has that pool.
        provenance: how they came about.
        written: where the rank table lies, once it does.

    """

    card: TaskCard
    languages: tuple[Language, ...]
    encoder: MtebEncoder
    stores: ModelStores
    collection: Collection
    table: RankTable
    hits: Hits | None
    provenance: dict[str, Any]
    written: Path | None = None
    _cards: dict[RetrievalMode, Scorecard] = field(default_factory=dict)

    def scorecard(self, mode: RetrievalMode) -> Scorecard:
        """Return the scores of all settings of a mode, computed once."""
        if mode not in self._cards:
            found = readings(self.table, self.card.settings(mode), self.hits)
            self._cards[mode], _ = scorecard(found, parse_all(self.card.measures))
        return self._cards[mode]

    def ranks(self, setting: Setting) -> Ranks:
        """Return the ranks of one setting.

        Raises:
            DataError: no query of the setting has a relevant passage in its pool.

        """
        found = self.table.ranks(setting)
        if not len(found.queries):
            msg = (
                f"no query of {self.card.name} {setting} has a relevant passage in its pool;"
                " leave the setting out"
            )
            raise DataError(msg)
        return found

    def vectors(self) -> tuple[Vectors, Vectors]:
        """Return the vectors of queries and passages, encoding what this process has not seen."""
        return embed(self.collection, self.encoder, self.stores, self.encoder.debias)

    def write(self, folder: Path) -> None:
        """Write rank table, hits and provenance beside mteb's result, unless they are there."""
        path = rank_table_path(folder, self.card, self.languages)
        if self.written != path:
            if self.hits is not None:
                write_hits(self.hits, hits_path(path), self.provenance)
            write_rank_table(self.table, path, self.provenance)
            record = path.with_name(path.name.replace(".ranks.parquet", ".provenance.jsonl"))
            with written_whole(record) as temporary:
                temporary.write_text(json.dumps(self.provenance) + "\n", encoding="utf-8")
            self.written = path

    def discard_checkpoints(self) -> None:
        """Delete the vectors kept for a resumed run: the table they were for is made."""
        for role in Role:
            self.stores.store(self.encoder, role).discard_checkpoints()


def rank_table_path(folder: Path, card: TaskCard, languages: Sequence[Language]) -> Path:
    """Return the name of a rank table: "XQuADR.ranks.parquet", "XQuADR.de+en.ranks.parquet"."""
    some = (
        "" if len(languages) == len(card.languages) else f".{'+'.join(x.code for x in languages)}"
    )
    return folder / f"{card.name}{some}.ranks.parquet"


class Session:
    """The process-wide memory behind mteb's task objects."""

    def __init__(self) -> None:
        self._stores: weakref.WeakKeyDictionary[Any, ModelStores] = weakref.WeakKeyDictionary()
        self._evaluations: weakref.WeakKeyDictionary[Any, dict[str, Evaluation]] = (
            weakref.WeakKeyDictionary()
        )
        self._similarities: weakref.WeakKeyDictionary[Any, Similarity | None] = (
            weakref.WeakKeyDictionary()
        )
        self._latest: dict[tuple[str, str], Evaluation] = {}
        self._folders: dict[str, Path] = {}
        self._own: dict[tuple[str, str], dict[Setting, Ranks]] = {}
        self._current = ""
        self._warned: set[str] = set()
        self.shows_tables = True
        self.parts: set[str] = set()

    def warn_once(self, line: str) -> None:
        """Warn about something that would repeat for every subset."""
        if line not in self._warned:
            self._warned.add(line)
            logger.warning("%s", line)

    def similarity(self, model: Any) -> Similarity | None:
        """Return how a model compares vectors, found out once; None if it searches for itself."""
        if model not in self._similarities:
            self._similarities[model] = similarity_of(model)
        return self._similarities[model]

    def remember_folder(self, meta: ModelMeta, folder: Path) -> None:
        """Note where a model's results lie, so that its rank tables are found beside them."""
        self._current = model_key(meta)
        self._folders[self._current] = folder

    def stores(self, model: Any) -> ModelStores:
        """Return the vectors of a model that this process remembers."""
        return self._stores.setdefault(model, ModelStores())

    def evaluation(
        self, encoder: MtebEncoder, card: TaskCard, collection: Collection
    ) -> Evaluation:
        """Return the evaluation of a model on a collection: remembered, read back, or made now."""
        present = set(collection.languages)
        languages = tuple(x for x in card.languages if x in present)
        model = encoder.model
        known = self._evaluations.setdefault(model, {})
        key = f"{card.name} {card.data_sha256} {' '.join(x.code for x in languages)}"
        if encoder.debias is not None:
            key += f" {encoder.debias.sha256}"
        if key not in known:
            stores = self.stores(model)
            identity = _identity(encoder, key)
            folder = self._folders.get(model_key(model.mteb_model_meta))
            path = rank_table_path(folder, card, languages) if folder else None
            found = _read_back(path, identity, card)
            if found is None:
                found = _make(encoder, card, collection, stores)
                found[2]["identity"] = identity
                path = None
            known[key] = Evaluation(
                card, languages, encoder, stores, collection, *found, written=path
            )
            if folder is not None:
                known[key].write(folder)
            known[key].discard_checkpoints()
        evaluation = known[key]
        self._current = model_key(model.mteb_model_meta)
        self._latest[self._current, card.name] = evaluation
        return evaluation

    def remember_ranks(
        self, meta: ModelMeta, card: TaskCard, setting: Setting, ranks: Ranks
    ) -> None:
        """Keep what a model that searches for itself ranked, for the macro averages."""
        self._current = model_key(meta)
        self._own.setdefault((self._current, card.name), {})[setting] = ranks

    def scorecard(self, card: TaskCard, mode: RetrievalMode) -> Scorecard | None:
        """Return the scores of the model at work in a mode, None if its ranks are not at hand.

        mteb does not tell an aggregate whose results it combines: it is the model whose results
        were last asked for.
        """
        evaluation = self._latest.get((self._current, card.name))
        if evaluation is not None and len(evaluation.languages) == len(card.languages):
            return evaluation.scorecard(mode)
        own = self._own.get((self._current, card.name), {})
        ranks = {setting: own[setting] for setting in card.settings(mode) if setting in own}
        if ranks and len(ranks) == len(card.settings(mode)):
            n_topics = 1 + max(int(r.topics.max()) for r in ranks.values())
            return scorecard(Readings(ranks, n_topics), parse_all(card.measures))[0]
        folder = self._folders.get(self._current)
        path = rank_table_path(folder, card, card.languages) if folder else None
        if path is None or not path.exists():
            return None
        found = readings(read_rank_table(path), card.settings(mode), hits_beside(path))
        return scorecard(found, parse_all(card.measures))[0]

    def latest(self, meta: ModelMeta, card: TaskCard) -> Evaluation | None:
        """Return the evaluation that a result being saved was computed from."""
        return self._latest.get((model_key(meta), card.name))


def model_key(meta: ModelMeta) -> str:
    """Return what names a model's results folder."""
    return f"{meta.name} {meta.revision} {meta.experiment_name}"


def _identity(encoder: MtebEncoder, benchmark: str) -> str | None:
    """Return a checksum of everything that decides a rank table, None if that is not known."""
    prints = [encoder.fingerprint(role) for role in Role]
    if None in prints:
        return None
    return hashlib.sha256(json.dumps([benchmark, encoder.similarity, *prints]).encode()).hexdigest()


Made = tuple[RankTable, Hits | None, dict[str, Any]]
"""What an evaluation makes and keeps on disk: ranks, first passages, provenance."""


def _read_back(path: Path | None, identity: str | None, card: TaskCard) -> Made | None:
    """Return what an earlier run left if it is of the same model, data and versions."""
    if path is None or identity is None or not path.exists():
        return None
    try:
        provenance = read_provenance(path)
        if provenance.get("identity") != identity:
            return None
        hits = None
        if RetrievalMode.multi in card.modes:
            if read_hits_provenance(hits_path(path)).get("identity") != identity:
                return None
            hits = read_hits(hits_path(path))
        return read_rank_table(path), hits, provenance
    except ResultError as error:
        logger.warning("%s", error)
        return None


def _make(
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
    provenance = provenance_of(card) | {
        "model": encoder.name,
        "revision": encoder.revision,
        "similarity": encoder.similarity.value,
        "dimensions": int(queries.shape[1]),
        "training_datasets": seen_by(encoder.model.mteb_model_meta),
        "debias": None if encoder.debias is None else _debias_record(encoder.debias),
        "prompts": {role.value: encoder.prompt(role) for role in Role},
        **encoder.hardware(),
        "languages": [x.code for x in collection.languages],
        "texts_encoded": {role.value: stores.store(encoder, role).n_encoded for role in Role},
        "texts_resumed": {role.value: stores.store(encoder, role).n_resumed for role in Role},
        "seconds": {
            "encode": round(embedded - start, 3),
            "rank": round(ranked - embedded, 3),
            "hits": round(found - ranked, 3),
        },
        "date": datetime.now(tz=UTC).isoformat(timespec="seconds"),
    }
    return table, hits, provenance


def seen_by(meta: ModelMeta) -> list[str] | None:
    """Return mteb's names of what a model and those it was trained from have seen, or None."""
    found = meta.get_training_datasets()
    return None if found is None else sorted(found)


def _debias_record(debias: Debias) -> dict[str, str]:
    return {"method": debias.method.value, "statistics_sha256": debias.sha256}


SESSION = Session()
"""The one memory of this process; mteb's task objects come and go."""
