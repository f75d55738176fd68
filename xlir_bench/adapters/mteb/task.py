"""Task cards as mteb tasks: one generic class for a mode, one for a whole benchmark."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

from mteb.abstasks import AbsTaskRetrieval
from mteb.abstasks.aggregate_task_metadata import AggregateTaskMetadata
from mteb.abstasks.aggregated_task import AbsTaskAggregate
from mteb.abstasks.task_metadata import TaskMetadata
from mteb.results import TaskResult
from mteb.timing import TimingStack
from pydantic import ValidationError

from xlir_bench.adapters.mteb.encoder import MtebEncoder
from xlir_bench.adapters.mteb.own_search import SPLIT_PARTS, LexicalFloor, own_ranks, split_part
from xlir_bench.adapters.mteb.scores import (
    FALLBACK_MAIN,
    eval_langs,
    macro_scores,
    main_key,
    read_scores,
    setting_scores,
)
from xlir_bench.adapters.mteb.session import SESSION, EncoderEvaluation, Evaluation
from xlir_bench.cards.task import TaskCard
from xlir_bench.core.collection import Collection
from xlir_bench.core.judged import Judged
from xlir_bench.core.mode import RetrievalMode, Setting, languages_of
from xlir_bench.core.ranking import Ranks
from xlir_bench.core.score import Figure, Score, macro
from xlir_bench.errors import CardError, DataError, UnknownNameError
from xlir_bench.evaluate import Readings, scorecard, search
from xlir_bench.measures.catalogue import parse_all
from xlir_bench.readers.read import read_any

logger = logging.getLogger(__name__)


class _Lazy(Mapping[str, Any]):
    """A mapping whose values are made when asked for, and kept."""

    def __init__(self, keys: Iterable[str], make: Callable[[str], Any]) -> None:
        self._keys, self._make = tuple(keys), make
        self._made: dict[str, Any] = {}

    def __getitem__(self, key: str) -> Any:
        if key not in self._keys:
            raise KeyError(key)
        if key not in self._made:
            self._made[key] = self._make(key)
        return self._made[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __len__(self) -> int:
        return len(self._keys)


class XlirModeTask(AbsTaskRetrieval):
    """One benchmark in one mode; a subset is a setting ("de-de", "de-en", "de-multi").

    Encoders are scored from exact full-depth ranks, computed once for all modes. Models that search
    for themselves are scored from their own ranking, without the measures it is too shallow for.
    """

    card: ClassVar[TaskCard]
    mode: ClassVar[RetrievalMode]
    texts: Collection | Judged
    floor: LexicalFloor
    is_part = False

    @property
    def settings(self) -> dict[str, Setting]:
        """Return the settings that are to be scored, by subset."""
        every = {s.subset: s for s in self.card.settings(self.mode)}
        return {name: s for name, s in every.items() if name in self.hf_subsets}

    def load_data(
        self,
        num_proc: int | None = None,
        *,
        timer: TimingStack | None = None,
        **kwargs: Any,
    ) -> None:
        """Read the languages of the chosen subsets; mteb's data sets are made only if asked for."""
        if self.data_loaded:
            return
        settings = self.settings
        self.texts = read_any(self.card, languages_of(settings.values()))
        if isinstance(self.texts, Collection):
            self.floor = LexicalFloor(self.texts)
        self.dataset = _Lazy(  # type: ignore[assignment]
            settings,
            lambda subset: _Lazy(self.eval_splits, lambda _: self._split(settings[subset])),
        )
        self.data_loaded = True

    def _split(self, setting: Setting) -> Mapping[str, Any]:
        return _Lazy(SPLIT_PARTS, lambda part: split_part(self._collection, setting, part))

    @property
    def _collection(self) -> Collection:
        if isinstance(self.texts, Judged):
            msg = f"{self.card.full_name} is streamed: only encoders can be run on it"
            raise DataError(msg)
        return self.texts

    def _evaluate_subset(  # type: ignore[override]
        self,
        model: Any,
        data_split: Mapping[str, Any],
        *,
        encode_kwargs: dict[str, Any],
        hf_split: str,
        hf_subset: str,
        prediction_folder: Path | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        (SESSION.parts.add if self.is_part else SESSION.parts.discard)(self.metadata.name)
        setting = self.settings[hf_subset]
        evaluation = self._evaluation(model, encode_kwargs)
        if evaluation is None:
            self._check_searchable(model.mteb_model_meta.name)
            ranks, found = own_ranks(
                model, self.floor, setting, data_split, self.metadata, encode_kwargs
            )
            SESSION.remember_ranks(model.mteb_model_meta, self.card, setting, ranks)
            scores = self._own_scores(ranks, setting, model.mteb_model_meta.name)
        else:
            ranks = evaluation.ranks(setting)
            scores = [s for s in evaluation.scorecard(self.mode).scores if s.setting == setting]
            found = None
            if prediction_folder and isinstance(evaluation, EncoderEvaluation):
                hits = search(self._collection, setting, *evaluation.vectors(), self._top_k)
                found = {query: dict(best) for query, best in hits}
        if prediction_folder and found is not None:
            self._save_task_predictions(
                found, model, prediction_folder, hf_subset=hf_subset, hf_split=hf_split
            )
        return setting_scores(ranks, setting, scores)

    def _check_searchable(self, name: str) -> None:
        if isinstance(self.texts, Judged):
            msg = (
                f"{name} ranks for itself, but the corpora of {self.card.full_name} are streamed:"
                " only encoders can be run on it"
            )
            raise DataError(msg)

    def _evaluation(self, model: Any, encode_kwargs: dict[str, Any]) -> Evaluation | None:
        """Return a model's exact ranks; None if it must search for itself."""
        known = SESSION.adopted(model, self.card)
        if known is not None:
            return known
        encoder = encoder_of(model, self.card, encode_kwargs)
        return SESSION.evaluation(encoder, self.card, self.texts) if encoder else None

    def _own_scores(self, ranks: Ranks, setting: Setting, name: str) -> list[Score]:
        """Score a model's own ranking, and name the measures that need a deeper one."""
        n_topics = int(ranks.topics.max()) + 1
        found, too_shallow = scorecard(
            Readings({setting: ranks}, n_topics), parse_all(self.card.measures)
        )
        if too_shallow:
            names = [m for m in self.card.measures if m in too_shallow]
            SESSION.warn_once(
                f"{name} ranks only {ranks.depth:,} passages on {self.metadata.name}:"
                f" {', '.join(names)} need more and are left out"
            )
        return list(found.scores)

    def _add_main_score(self, scores: dict[str, Any]) -> None:  # type: ignore[override]
        scores["main_score"] = scores[main_key([scores], self.metadata.main_score)]


class XlirTask(AbsTaskAggregate):
    """A whole benchmark: all of its modes; the main score is the mean of the modes.

    An mteb aggregate, because mteb averages a task's main score over its subsets, and 110
    cross-lingual settings would outweigh 11 monolingual ones.
    """

    card: ClassVar[TaskCard]
    mode_tasks: ClassVar[tuple[type[XlirModeTask], ...]]

    def __init__(self, **kwargs: Any) -> None:
        # Tasks of its own: mteb shares those of the class between all instances.
        tasks = [task() for task in self.mode_tasks]
        for task in tasks:
            task.is_part = True
        self.metadata = type(self).metadata.model_copy(update={"tasks": tasks})
        super().__init__(**kwargs)

    def filter_languages(
        self,
        languages: Sequence[str] | None,
        *args: Any,
        **kwargs: Any,
    ) -> Self:
        """Keep all languages: a macro average over some would be saved as that over all."""
        if languages:
            names = ", ".join(self.taskname_to_task)
            logger.warning(
                "%s is always scored in all of its languages; to choose some, run %s",
                self.metadata.name, names,
            )  # fmt: skip
        return super().filter_languages(None, *args[1:], **kwargs)

    def task_results_to_scores(self, task_results: list[TaskResult]) -> dict[str, Any]:
        """Return the macro averages of every mode, and their mean as the main score."""
        mine = [r for r in task_results if r.task_name in self.taskname_to_task]
        by_name = {self.card.task_name(mode): mode for mode in self.card.modes}
        names = [*self.card.measures, *FALLBACK_MAIN]
        scores = [
            s
            for result in mine
            for s in read_scores(result, self.card.settings(by_name[result.task_name]), names)
        ]
        entries = [entry for r in mine for part in r.scores.values() for entry in part]
        main = main_key(entries, self.card.main_measure)
        entry = macro_scores(self._figures(scores, main), main)
        if len(mine) < len(self.taskname_to_task):
            entry["main_score"] = None
        return {split: {"default": entry} for split in self.metadata.eval_splits}

    def _figures(self, scores: Sequence[Score], main: str) -> list[Figure]:
        """Return the macro averages of the scores, with intervals where the ranks are at hand."""
        found = []
        for mode in self.card.modes:
            known = SESSION.scorecard(self.card, mode)
            for measure in dict.fromkeys((*self.card.measures, main)):
                figure = macro(scores, mode, measure)
                if figure is not None:
                    sure = known.figure(mode, measure) if known else None
                    found.append(replace(figure, interval=sure.interval if sure else None))
        return found


def make_tasks(card: TaskCard) -> list[type[XlirModeTask] | type[XlirTask]]:
    """Return the mteb task classes of a card: one per mode, then the whole benchmark.

    Raises:
        CardError: a value of the card that only mteb or ir_measures can judge is wrong.

    """
    try:
        parse_all(card.measures)
        modes = tuple(_mode_task(card, mode) for mode in card.modes)
    except (UnknownNameError, ValidationError) as error:
        reason = "; ".join(str(error).splitlines()[:3])
        msg = f"{card.path}: {reason}"
        raise CardError(msg) from error
    metadata = AggregateTaskMetadata(
        name=card.full_name,
        description=f"{card.about.summary} All modes; the main score is the mean of the modes.",
        tasks=[task() for task in modes],
        main_score=card.main_measure,
        type="Retrieval",
        eval_splits=[card.split],
        eval_langs=[x.mteb_code for x in card.languages],
        reference=card.about.reference or None,
        bibtex_citation=card.about.bibtex or None,
        dataset={"path": card.source.folder, "revision": card.source.revision},
    )
    fields = {"card": card, "mode_tasks": modes, "metadata": metadata}
    return [*modes, type(card.full_name, (XlirTask,), fields | {"__module__": __name__})]


def encoder_of(model: Any, card: TaskCard, encode_kwargs: dict[str, Any]) -> MtebEncoder | None:
    """Return a model as our encoder of a benchmark's texts; None if it searches for itself.

    It sees the same metadata in every mode, so that prompts are the same.
    """
    similarity = SESSION.similarity(model)
    if similarity is None:
        return None
    metadata = _metadata(card, card.full_name, card.about.summary, card.settings())
    return MtebEncoder(model, metadata, similarity, encode_kwargs)


_DESCRIBED = {
    RetrievalMode.mono: "Monolingual: queries search the corpus in their own language.",
    RetrievalMode.cross: "Cross-lingual: queries search the corpus in one other language.",
    RetrievalMode.multi: "Multilingual: queries search one pool of the corpora of all languages.",
}


def _mode_task(card: TaskCard, mode: RetrievalMode) -> type[XlirModeTask]:
    name = card.task_name(mode)
    description = f"{card.about.summary} {_DESCRIBED[mode]}"
    metadata = _metadata(card, name, description, card.settings(mode))
    fields = {"card": card, "mode": mode, "metadata": metadata, "__module__": __name__}
    return type(name, (XlirModeTask,), fields)


def _metadata(
    card: TaskCard, name: str, description: str, settings: Sequence[Setting]
) -> TaskMetadata:
    about = card.about
    fields: dict[str, Any] = {
        "dataset": {"path": card.source.folder, "revision": card.source.revision},
        "name": name,
        "description": description,
        "prompt": {"query": about.instruction},
        "type": "Retrieval",
        "category": "t2t",
        "reference": about.reference or None,
        "eval_splits": [card.split],
        "eval_langs": eval_langs(settings),
        "main_score": card.main_measure,
        "date": tuple(about.dates),
        "domains": list(about.domains),
        "task_subtypes": ["Question answering"],
        "license": about.license,
        "annotations_creators": about.annotations,
        "dialect": [],
        "sample_creation": about.creation,
        "bibtex_citation": about.bibtex or None,
    }
    return TaskMetadata(**fields)
