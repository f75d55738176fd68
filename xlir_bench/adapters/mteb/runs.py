"""TREC runs of an encoder, setting by setting."""

from collections.abc import Sequence
from pathlib import Path

from xlir_bench.adapters.mteb.front import quiet_mteb
from xlir_bench.adapters.mteb.load import load_model
from xlir_bench.adapters.mteb.session import SESSION
from xlir_bench.adapters.mteb.task import encoder_of
from xlir_bench.cards.task import TaskCard
from xlir_bench.core.collection import Collection
from xlir_bench.core.mode import Setting
from xlir_bench.errors import EncoderError
from xlir_bench.evaluate import embed, search
from xlir_bench.results.run_file import write_run


def write_runs(
    model: str,
    benchmark: tuple[TaskCard, Collection],
    settings: Sequence[Setting],
    folder: Path,
    depth: int,
    how: tuple[str | None, int],
) -> None:
    """Write ``run.<subset>.txt`` of each setting: the first passages of every query.

    Args:
        model: as in ``xlir-bench run``.
        benchmark: card and texts.
        settings: of it.
        folder: to write into.
        depth: passages of each query.
        how: device, and texts a batch.

    Raises:
        XlirError: the model cannot be loaded, or searches for itself.

    """
    card, collection = benchmark
    quiet_mteb()
    loaded = load_model(model, None, how[0])
    encoder = encoder_of(loaded, card, {"batch_size": how[1]})
    if encoder is None:
        msg = f"{model} ranks for itself: runs are those of encoders; --no-runs leaves them out"
        raise EncoderError(msg)
    queries, passages = embed(collection, encoder, SESSION.stores(loaded), encoder.debias)
    for setting in settings:
        hits = search(collection, setting, queries, passages, depth)
        write_run(folder / f"run.{setting.subset}.txt", hits, encoder.name.replace("/", "__"))
