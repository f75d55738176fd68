"""Our benchmarks as an evaluator of sentence-transformers, in anybody's training script."""

import csv
from collections.abc import Sequence
from pathlib import Path

from sentence_transformers.base.evaluation.evaluator import BaseEvaluator
from sentence_transformers.base.model import BaseModel

from xlir_bench.cards.load import task_cards
from xlir_bench.core.collection import Collection
from xlir_bench.core.mode import RetrievalMode, Setting, settings_of
from xlir_bench.encoders.base import Encoder, Role, Vectors
from xlir_bench.encoders.sentence_transformer import SentenceTransformerEncoder
from xlir_bench.encoders.store import EmbeddingStore
from xlir_bench.errors import UnknownNameError
from xlir_bench.evaluate import HITS_DEPTH, embed, find_hits, rank, readings, scorecard
from xlir_bench.measures.catalogue import parse_all
from xlir_bench.readers.read import read

MEASURES = ("AP", "P@1", "P@10", "MRD", "OwnFirst")


MODES = (RetrievalMode.mono, RetrievalMode.cross, RetrievalMode.multi)


class _Once:
    """Embeds for one evaluation: the weights are others in the next."""

    def __init__(self) -> None:
        self._stores = {role: EmbeddingStore() for role in Role}

    def embed(self, encoder: Encoder, texts: Sequence[str], role: Role) -> Vectors:
        """Return the vectors of texts, encoding none of them twice."""
        return self._stores[role].embed(encoder, texts, role)


class XLIREvaluator(BaseEvaluator):
    """Scores a model in every mode of a benchmark: macro AP, precision and language bias.

    ``SentenceTransformerTrainer(..., evaluator=XLIREvaluator("XLIRMini"))``; the figures are named
    ``XLIRMini_multi_AP`` and can be a ``metric_for_best_model`` as ``eval_XLIRMini_multi_AP``. They
    are those of ``xlir-bench run``. O(texts) to encode, then one product.

    Args:
        task: name of a benchmark, or a collection of your own.
        measures: ir_measures spelling.
        primary: mode and measure that tell the best model, higher is better.
        batch_size: texts a batch.

    Raises:
        UnknownNameError: there is no such benchmark or measure.

    """

    def __init__(
        self,
        task: str | Collection = "XLIRMini",
        *,
        measures: Sequence[str] = MEASURES,
        primary: str = "multi_AP",
        batch_size: int = 32,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._collection, self._settings = _benchmark(task)
        self._measures = parse_all(measures)
        self._batch_size = batch_size
        self.name = self._collection.name
        self.primary_metric = f"{self.name}_{primary}"
        modes = dict.fromkeys(setting.mode for setting in self._settings)
        known = {f"{self.name}_{mode}_{m.name}" for mode in modes for m in self._measures}
        if self.primary_metric not in known:
            raise UnknownNameError(self.primary_metric, known, kind="figure")

    def __call__(
        self,
        model: BaseModel,
        output_path: str | None = None,
        epoch: int = -1,
        steps: int = -1,
    ) -> dict[str, float]:
        """Return the macro figures of a model, and append them to a file if there is a folder."""
        encoder = SentenceTransformerEncoder(model, self.name, self._batch_size)
        queries, passages = embed(self._collection, encoder, _Once())
        table = rank(self._collection, queries, passages)
        needs_top = any(m.own is not None and m.own.needs_top for m in self._measures)
        hits = find_hits(self._collection, queries, passages, HITS_DEPTH) if needs_top else None
        found = readings(table, self._settings, hits)
        card, _ = scorecard(found, self._measures, resamples=0)
        figures = {f"{self.name}_{f.mode}_{f.measure}": f.value for f in card.figures}
        if output_path is not None:
            _append(Path(output_path) / f"{self.name}_results.csv", epoch, steps, figures)
        if hasattr(model, "model_card_data"):
            self.store_metrics_in_model_card_data(model, figures, epoch, steps)
        return figures


def _benchmark(task: str | Collection) -> tuple[Collection, tuple[Setting, ...]]:
    """Return texts and settings; all modes for a collection that has no card."""
    if isinstance(task, Collection):
        languages = task.languages
        return task, tuple(x for mode in MODES for x in settings_of(mode, languages))
    cards = task_cards()
    if task not in cards:
        raise UnknownNameError(task, cards, kind="task")
    return read(cards[task]), cards[task].settings()


def _append(path: Path, epoch: int, steps: int, figures: dict[str, float]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    is_new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        if is_new:
            writer.writerow(["epoch", "steps", *figures])
        writer.writerow([epoch, steps, *figures.values()])
