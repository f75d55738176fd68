"""The hybrid sampler against a training step, and our trainer against the stock one.

``python benchmarks/training.py BASE`` with the folder of a sentence-transformers model.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from datasets import Dataset
from sentence_transformers import (
    SentenceTransformer,
    SentenceTransformerTrainer,
    SentenceTransformerTrainingArguments,
)
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from transformers import set_seed

from xlir_bench.cards.recipe import Optimisation, PairSource, Recipe
from xlir_bench.core.language import language
from xlir_bench.train.batches import HybridBatchSampler
from xlir_bench.train.dataset import PairDataset
from xlir_bench.train.fit import make_trainer
from xlir_bench.train.pairs import Pairs, build_pairs
from xlir_bench.train.start import Start

CODES, IDS, STEPS, BATCH, ROUNDS = ["de", "en", "es"], 2000, 6, 32, 3


def main() -> None:
    """Print the sampler's share of a step, and pairs per second of both trainers."""
    base = sys.argv[1]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pairs = _pairs(folder)
        sampler = _seconds_per_batch(pairs)
        ratios, steps = [], []
        for _ in range(ROUNDS):
            ours, stock = _ours(base, pairs, folder), _stock(base, pairs, folder)
            ratios.append(stock / ours)
            steps.append(ours / STEPS)
        step = float(np.median(steps))
        print(f"sampler and reading {sampler * 1e3:.2f} ms of a step of {step * 1e3:,.0f} ms:"
              f" {sampler / step:.2%}")  # fmt: skip
        print(f"pairs per second against stock sentence-transformers: {np.median(ratios):.3f} x")


def _pairs(folder: Path) -> Pairs:
    rng = np.random.default_rng(0)
    words = [f"word{i}" for i in range(5000)]
    for code in CODES:
        lines = [
            json.dumps({"id": str(i), "query": f"{code} {i} {' '.join(rng.choice(words, 8))}",
                        "passage": f"{code} {i} {' '.join(rng.choice(words, 30))}"})
            for i in range(IDS)
        ]  # fmt: skip
        (folder / f"{code}.jsonl").write_text("\n".join(lines))
    source = PairSource("synthetic", "jsonl", "{language}.jsonl")
    return build_pairs([source], CODES, folder / "pairs.arrow", beside=folder)


def _seconds_per_batch(pairs: Pairs) -> float:
    dataset = PairDataset.read(pairs.path, has_negatives=False)
    sampler = HybridBatchSampler(dataset, BATCH, pairs=pairs, alpha=0.5)
    start = time.perf_counter()
    for keys in sampler:
        dataset.__getitems__(keys)
    return (time.perf_counter() - start) / len(sampler)


def _ours(base: str, pairs: Pairs, folder: Path) -> float:
    """Return the seconds of a few steps, the same rows as the stock trainer's: alpha 1."""
    recipe = Recipe(
        name="benchmark", path=folder / "none.toml", base=base,
        languages=tuple(map(language, CODES)), alpha=1.0, prompts=("", ""), sources=(),
        validation=(), holdout=0.0,
        optimisation=Optimisation(steps=STEPS, batch_size=BATCH, max_query_tokens=512,
                                  max_passage_tokens=512),
    )  # fmt: skip
    start = Start(SentenceTransformer(base), None, {})
    trainer = make_trainer(start, recipe, pairs, folder / "ours")
    before = time.perf_counter()
    trainer.train()
    return time.perf_counter() - before


def _stock(base: str, pairs: Pairs, folder: Path) -> float:
    """Return the seconds of the stock trainer on the very batches that ours draws."""
    dataset = PairDataset.read(pairs.path, has_negatives=False)
    sampler = HybridBatchSampler(dataset, BATCH, pairs=pairs, alpha=1.0)
    keys = [key for batch, _ in zip(sampler, range(STEPS), strict=False) for key in batch]
    rows = dataset.__getitems__(keys)
    set_seed(0)
    model = SentenceTransformer(base)
    trainer = SentenceTransformerTrainer(
        model=model,
        args=SentenceTransformerTrainingArguments(
            output_dir=str(folder / "stock"), max_steps=STEPS, per_device_train_batch_size=BATCH,
            learning_rate=3e-5, weight_decay=0.01, warmup_steps=0.1, disable_tqdm=True,
            report_to=[], save_strategy="steps", save_steps=STEPS, logging_steps=10,
        ),
        train_dataset=Dataset.from_list(rows),
        loss=MultipleNegativesRankingLoss(model, scale=20.0),
    )  # fmt: skip
    start = time.perf_counter()
    trainer.train()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
