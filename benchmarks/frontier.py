"""What averaging with the base does: quality within a language against bias, on held-out pairs.

    python benchmarks/frontier.py RECIPE MODEL... --shares 0 0.25 0.5

MODEL is a folder that ``xlir-bench train`` made with ``base_share = 0``.
"""

import argparse
from pathlib import Path

import torch
from sentence_transformers import SentenceTransformer

from xlir_bench.cards.load import find_recipe
from xlir_bench.train.development import development
from xlir_bench.train.evaluator import XLIREvaluator
from xlir_bench.train.run import WORK
from xlir_bench.train.start import BASE, average

FIGURES = ("mono_AP", "mono_P@1", "cross_AP", "cross_P@1", "multi_AP", "multi_P@10", "multi_MRD")


def main() -> None:
    """Print one row for each model and share."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("recipe")
    parser.add_argument("models", nargs="+", type=Path)
    parser.add_argument("--shares", nargs="+", type=float, default=[0.0, 0.25, 0.5, 0.75, 1.0])
    parser.add_argument("--topics", type=int, default=300)
    parser.add_argument("--bf16", action="store_true", help="faster; figures move by 1e-3")
    asked = parser.parse_args()
    recipe = find_recipe(asked.recipe)
    score = XLIREvaluator(development(recipe, asked.topics))
    print("| model | base share |", " | ".join(FIGURES), "|")
    print("|---|---|" + "---|" * len(FIGURES))
    for folder in asked.models:
        for share in asked.shares:
            model = SentenceTransformer(str(folder))
            cut = folder / WORK / f"{BASE}.0"  # a base with a smaller vocabulary
            base = SentenceTransformer(str(cut) if cut.is_dir() else recipe.base)
            average(model, dict(base.named_parameters()), share)
            with torch.autocast("cpu", torch.bfloat16, enabled=asked.bf16):
                found = score(model)
            values = (found[f"{score.name}_{name}"] for name in FIGURES)
            print(
                f"| {folder} | {share:g} |", " | ".join(f"{v:.4f}" for v in values), "|", flush=True
            )


if __name__ == "__main__":
    main()
