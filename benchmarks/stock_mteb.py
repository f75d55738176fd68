"""A benchmark's settings as stock mteb retrieval subsets against our tasks, same encoder."""

import argparse
import logging
import tempfile
import time

import mteb
from mteb.abstasks import AbsTaskRetrieval
from mteb.timing import TimingStack

from xlir_bench.adapters.mteb.registry import register
from xlir_bench.cards.load import task_cards

QUIET = {"show_progress_bar": False, "batch_size": 32}


def stock(model: object, names: list[str], limit: int | None) -> tuple[float, int]:
    """Time stock mteb on the first subsets of each task; return seconds and subsets."""
    seconds, done = 0.0, 0
    for name in names:
        task = mteb.get_task(name)
        task.load_data()
        for subset in list(task.dataset)[:limit]:
            split = task.dataset[subset]["test"]
            data = {key: split[key] for key in split}
            start = time.perf_counter()
            AbsTaskRetrieval._evaluate_subset(  # noqa: SLF001 - the stock scoring of one subset
                task,
                model,
                data,
                encode_kwargs=QUIET,
                hf_split="test",
                hf_subset=subset,
                timer=TimingStack(),
            )
            seconds += time.perf_counter() - start
            done += 1
    return seconds, done


def main() -> None:
    """Print seconds of both, and their ratio; ``--limit`` scales up from some subsets a mode."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-m", "--model", default="char-ngrams")
    parser.add_argument("-t", "--task", default="XQuADR")
    parser.add_argument("--limit", type=int, default=None)
    arguments = parser.parse_args()
    logging.getLogger("mteb").setLevel(logging.ERROR)
    register()
    card = task_cards()[arguments.task]
    names = [card.task_name(mode) for mode in card.modes]
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        mteb.evaluate(
            mteb.get_model(arguments.model),
            mteb.get_task(arguments.task),
            cache=mteb.ResultCache(folder),
            encode_kwargs=dict(QUIET),
            show_progress_bar=False,
        )
        ours = time.perf_counter() - start
    total = len(card.settings())
    seconds, done = 0.0, 0
    for mode, name in zip(card.modes, names, strict=True):
        some, n = stock(mteb.get_model(arguments.model), [name], arguments.limit)
        seconds += some * len(card.settings(mode)) / n
        done += n
    print(f"ours {ours:.1f} s for {total} settings, saving included")
    print(f"stock {seconds:.1f} s for {total} settings (measured on {done}), saving not included")
    print(f"ratio {seconds / ours:.1f}")


if __name__ == "__main__":
    main()
