"""What one process remembers: vectors, rank tables, and where results go.

mteb calls a task once per subset and never says what comes next. So the first subset of a
benchmark makes the rank table of all its settings and the others read it.
"""

import hashlib
import json
import logging
import weakref
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mteb.models.model_meta import ModelMeta

from xlir_bench.adapters.mteb.encoder import MtebEncoder, similarity_of
from xlir_bench.adapters.mteb.make import Made, ModelStores, Place, make
from xlir_bench.cards.task import TaskCard
from xlir_bench.core.collection import Collection
from xlir_bench.core.hits import Hits
from xlir_bench.core.judged import Judged
from xlir_bench.core.language import Language
from xlir_bench.core.mode import RetrievalMode, Setting
from xlir_bench.core.ranking import Ranks, RankTable
from xlir_bench.core.score import Scorecard
from xlir_bench.encoders.base import Role, Similarity, Vectors
from xlir_bench.errors import DataError, ResultError
from xlir_bench.evaluate import (
    Readings,
    embed,
    readings,
    scorecard,
)
from xlir_bench.measures.catalogue import parse_all
from xlir_bench.paths import written_whole
from xlir_bench.results.hits_file import (
    hits_beside,
    hits_path,
    read_hits,
    read_hits_provenance,
    write_hits,
)
from xlir_bench.results.rank_file import read_provenance, read_rank_table, write_rank_table

logger = logging.getLogger(__name__)


@dataclass
class Evaluation:
    """One system on one benchmark, in some or all of its languages.

    Attributes:
        card: the benchmark.
        languages: that were asked for, in card order.
        texts: all of them, or queries and the files of corpora that are streamed.
        table: the ranks.
        hits: the first passages in the pool of all languages; None if no mode has that pool.
        provenance: how they came about.
        written: where the rank table lies, once it does.

    """

    card: TaskCard
    languages: tuple[Language, ...]
    texts: Collection | Judged
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
                f"no query of {self.card.full_name} {setting} has a relevant passage in its pool;"
                " leave the setting out"
            )
            raise DataError(msg)
        return found

    @property
    def collection(self) -> Collection:
        """Return the texts.

        Raises:
            DataError: the corpora are streamed.

        """
        if isinstance(self.texts, Judged):
            msg = (
                f"the corpora of {self.card.full_name} are never in memory: there are no run files"
                f" of it, only the first passages in {self.card.full_name}.hits.parquet"
            )
            raise DataError(msg)
        return self.texts

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


@dataclass
class EncoderEvaluation(Evaluation):
    """One encoder on one benchmark.

    Attributes:
        encoder: the model.
        stores: its vectors.

    """

    encoder: MtebEncoder = field(kw_only=True)
    stores: ModelStores = field(kw_only=True)

    def vectors(self) -> tuple[Vectors, Vectors]:
        """Return the vectors of queries and passages, encoding what this process has not seen."""
        return embed(self.collection, self.encoder, self.stores, self.encoder.debias)


def rank_table_path(folder: Path, card: TaskCard, languages: Sequence[Language]) -> Path:
    """Return the name of a rank table: "XQuADR.ranks.parquet", "XQuADR.de+en.ranks.parquet"."""
    some = (
        "" if len(languages) == len(card.languages) else f".{'+'.join(x.code for x in languages)}"
    )
    return folder / f"{card.full_name}{some}.ranks.parquet"


class Session:
    """The process-wide memory behind mteb's task objects."""

    def __init__(self) -> None:
        self._stores: weakref.WeakKeyDictionary[Any, ModelStores] = weakref.WeakKeyDictionary()
        self._evaluations: weakref.WeakKeyDictionary[Any, dict[str, EncoderEvaluation]] = (
            weakref.WeakKeyDictionary()
        )
        self._similarities: weakref.WeakKeyDictionary[Any, Similarity | None] = (
            weakref.WeakKeyDictionary()
        )
        self._latest: dict[tuple[str, str], Evaluation] = {}
        self._adopted: dict[tuple[str, str], Evaluation] = {}
        self._folders: dict[str, Path] = {}
        self._own: dict[tuple[str, str], dict[Setting, Ranks]] = {}
        self._current = ""
        self._warned: set[str] = set()
        self.shows_tables = True
        self.place = Place()
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
        self, encoder: MtebEncoder, card: TaskCard, texts: Collection | Judged
    ) -> EncoderEvaluation:
        """Return the evaluation of a model on a benchmark: remembered, read back, or made now."""
        present = set(texts.languages)
        languages = tuple(x for x in card.languages if x in present)
        model = encoder.model
        known = self._evaluations.setdefault(model, {})
        key = f"{card.full_name} {card.data_sha256} {' '.join(x.code for x in languages)}"
        if encoder.debias is not None:
            key += f" {encoder.debias.sha256}"
        if key not in known:
            stores = self.stores(model)
            identity = _identity(encoder, key)
            folder = self._folders.get(model_key(model.mteb_model_meta))
            path = rank_table_path(folder, card, languages) if folder else None
            found = _read_back(path, identity, card)
            if found is None:
                found = make(encoder, card, texts, stores, self.place, identity)
                found[2]["identity"] = identity
                path = None
            known[key] = EncoderEvaluation(
                card,
                languages,
                texts,
                *found,
                written=path,
                encoder=encoder,
                stores=stores,
            )
            if folder is not None:
                known[key].write(folder)
            stores.discard_checkpoints(encoder)
        evaluation = known[key]
        self._current = model_key(model.mteb_model_meta)
        self._latest[self._current, card.full_name] = evaluation
        return evaluation

    def adopt(self, meta: ModelMeta, evaluation: Evaluation) -> None:
        """Take over what a system that is not asked here has ranked."""
        self._current = model_key(meta)
        self._adopted[self._current, evaluation.card.full_name] = evaluation
        self._latest[self._current, evaluation.card.full_name] = evaluation

    def adopted(self, model: Any, card: TaskCard) -> Evaluation | None:
        """Return what was taken over for a model, None if it must be asked."""
        return self._adopted.get((model_key(model.mteb_model_meta), card.full_name))

    def remember_ranks(
        self, meta: ModelMeta, card: TaskCard, setting: Setting, ranks: Ranks
    ) -> None:
        """Keep what a model that searches for itself ranked, for the macro averages."""
        self._current = model_key(meta)
        self._own.setdefault((self._current, card.full_name), {})[setting] = ranks

    def scorecard(self, card: TaskCard, mode: RetrievalMode) -> Scorecard | None:
        """Return the scores of the model at work in a mode, None if its ranks are not at hand.

        mteb does not tell an aggregate whose results it combines: it is the model whose results
        were last asked for.
        """
        evaluation = self._latest.get((self._current, card.full_name))
        if evaluation is not None and len(evaluation.languages) == len(card.languages):
            return evaluation.scorecard(mode)
        own = self._own.get((self._current, card.full_name), {})
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
        return self._latest.get((model_key(meta), card.full_name))


def model_key(meta: ModelMeta) -> str:
    """Return what names a model's results folder."""
    return f"{meta.name} {meta.revision} {meta.experiment_name}"


def _identity(encoder: MtebEncoder, benchmark: str) -> str | None:
    """Return a checksum of everything that decides a rank table, None if that is not known."""
    prints = [encoder.fingerprint(role) for role in Role]
    if None in prints:
        return None
    return hashlib.sha256(json.dumps([benchmark, encoder.similarity, *prints]).encode()).hexdigest()


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


SESSION = Session()
"""The one memory of this process; mteb's task objects come and go."""
