"""Make a loaded model's vectors language-neutral with statistics from training pairs."""

import hashlib
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from xlir_bench.adapters.mteb.encoder import DEBIAS, MtebEncoder
from xlir_bench.adapters.mteb.session import SESSION
from xlir_bench.cards.load import find_recipe
from xlir_bench.cards.recipe import PairSource
from xlir_bench.encoders.base import Role, Vectors
from xlir_bench.encoders.debias import Debias, Key, Method, learn, read_debias
from xlir_bench.errors import DataError, UsageError
from xlir_bench.train.sources import check_there, rows

MOST_PAIRS = 1000
"""Pairs of a language that are encoded: a mean of 1,000 vectors moves by 3 % of their spread."""


def debiased(
    encoder: MtebEncoder,
    methods: Iterable[Method],
    pairs: str,
    codes: Sequence[str],
    rank: int,
) -> list[Debias]:
    """Learn several methods from the same vectors; each training text is encoded once.

    Args:
        encoder: whose vectors are changed.
        methods: to learn.
        pairs: a recipe, a folder of ``<language>.jsonl`` files, gzipped or not, or the ``.npz`` of
            statistics that an earlier run has left.
        codes: of the languages that are evaluated.
        rank: principal directions that ``lir`` takes out.

    Raises:
        DataError: the pairs are missing, malformed, or lack a language.
        UsageError: the statistics are of another method.

    """
    if pairs.endswith(".npz"):
        found = read_debias(Path(pairs))
        if list(methods) != [found.method]:
            msg = f"{pairs} holds statistics of {found.method}: --debias {found.method}"
            raise UsageError(msg)
        return [found]
    texts, ids = _texts(pairs, codes)
    vectors: dict[Key, Vectors] = {}
    for role in Role:
        together = [text for code in codes for text in texts[code, role]]
        encoded = SESSION.stores(encoder.model).embed(encoder, together, role)
        ends = np.cumsum([len(texts[code, role]) for code in codes])
        parts = np.split(encoded, ends[:-1])
        vectors |= {(code, role): part for code, part in zip(codes, parts, strict=True)}
    return [learn(method, vectors, ids, rank) for method in methods]


def apply(model: Any, meta: Any, debias: Debias, folder: Path) -> Path:
    """Give a loaded model a method and a name of its own; return where its statistics lie."""
    setattr(model, DEBIAS, debias)
    name = f"{meta.name}-{debias.method}"
    revision = f"{meta.revision}-{debias.sha256[:8]}"
    model.mteb_model_meta = meta.model_copy(update={"name": name, "revision": revision})
    path = folder / "debias" / f"{name.replace('/', '__')}-{debias.sha256[:16]}.npz"
    debias.write(path)
    sys.stderr.write(f"xlir-bench: statistics of {debias.method}: {path}\n")
    return path


def _texts(pairs: str, codes: Sequence[str]) -> tuple[dict[Key, list[str]], dict[Key, list[str]]]:
    """Return texts and ids by language and role, the same ids in every language where possible."""
    sources, beside = _sources(pairs)
    for source in sources:
        check_there(source, list(codes), beside)
    texts: dict[Key, list[str]] = {}
    ids: dict[Key, list[str]] = {}
    for code in codes:
        found = {
            f"{source.name} {row.pair_id}": row
            for source in sources
            for row in rows(source, code, beside)
            if row.query.strip() and row.passage.strip()
        }
        if not found:
            msg = f"{pairs} has no pairs in {code!r}, a language that is evaluated"
            raise DataError(msg)
        # By a checksum of the id: the same choice of parallel texts in every language.
        chosen = sorted(found, key=lambda name: hashlib.sha256(name.encode()).digest())
        chosen = chosen[:MOST_PAIRS]
        for role in Role:
            texts[code, role] = [
                found[name].query if role is Role.query else found[name].passage for name in chosen
            ]
            ids[code, role] = chosen
    return texts, ids


def _sources(pairs: str) -> tuple[Sequence[PairSource], Path]:
    folder = Path(pairs).expanduser()
    if folder.is_dir():
        return [PairSource(folder.name, "jsonl", "{language}.jsonl")], folder
    recipe = find_recipe(pairs)
    return recipe.sources, recipe.path.parent
