"""``mteb run`` less imports against one pass of ``SentenceTransformer.encode``, same texts."""

import argparse
import logging
import tempfile
import time
from pathlib import Path

import mteb
from sentence_transformers import SentenceTransformer

from xlir_bench.adapters.mteb.models import folder_meta
from xlir_bench.adapters.mteb.registry import register
from xlir_bench.cards.load import task_cards
from xlir_bench.readers.read import read


def plain(folder: Path, task: str) -> float:
    """Time loading the model and encoding every distinct text once, as a script would."""
    collection = read(task_cards()[task])
    start = time.perf_counter()
    model = SentenceTransformer(str(folder))
    queries = list(dict.fromkeys(q.text for q in collection.queries))
    passages = list(dict.fromkeys(p.text for p in collection.passages))
    model.encode_query(queries, batch_size=32, show_progress_bar=False)
    model.encode_document(passages, batch_size=32, show_progress_bar=False)
    return time.perf_counter() - start


def evaluated(folder: Path, task: str) -> float:
    """Time what ``mteb run`` does after its imports."""
    with tempfile.TemporaryDirectory() as output:
        start = time.perf_counter()
        mteb.evaluate(
            folder_meta(folder, "benchmark/model").load_model(),
            mteb.get_task(task),
            cache=mteb.ResultCache(output),
            encode_kwargs={"batch_size": 32},
            show_progress_bar=False,
        )
        return time.perf_counter() - start


def main() -> None:
    """Print both times and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="a sentence-transformers folder")
    parser.add_argument("-t", "--task", default="XQuADR")
    arguments = parser.parse_args()
    logging.getLogger("mteb").setLevel(logging.ERROR)
    register()
    once = plain(arguments.model, arguments.task)
    whole = evaluated(arguments.model, arguments.task)
    print(f"encode {once:.1f} s, mteb run {whole:.1f} s, ratio {whole / once:.3f}")


if __name__ == "__main__":
    main()
