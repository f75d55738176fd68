"""What the untouched base says of the English texts that training draws from, encoded once."""

import hashlib

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

from xlir_bench.cards.recipe import Recipe
from xlir_bench.errors import EncoderError
from xlir_bench.paths import cache_folder, written_whole
from xlir_bench.train.dataset import PairDataset
from xlir_bench.train.device import uses_bf16
from xlir_bench.train.losses import NO_TEACHER, Taught
from xlir_bench.train.pairs import Pairs

PIVOT = "en"
_BATCH = 64
_FORMAT = "1"


def english_rows(pairs: Pairs) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which rows the teacher reads, and which of them speaks for each row.

    Returns:
        (n_taught,) rows of English pairs, rising, one for each group that has one; and
        (n_rows of the file,) position in it of the English parallel of a row, ``NO_TEACHER`` for
        none.

    """
    is_english = pairs.languages == (pairs.codes.index(PIVOT) if PIVOT in pairs.codes else -1)
    groups, first = np.unique(pairs.groups[is_english], return_index=True)
    rows = pairs.rows[is_english][first]
    of_group = np.full(int(pairs.groups.max()) + 1, NO_TEACHER)
    of_group[groups] = np.arange(len(groups))
    of_row = np.full(int(pairs.rows.max()) + 1, NO_TEACHER)
    of_row[pairs.rows] = of_group[pairs.groups]
    return rows, of_row


def teach(
    model: SentenceTransformer,
    recipe: Recipe,
    pairs: Pairs,
    dataset: PairDataset,
    prompts: tuple[str, str],
) -> tuple[Taught, NDArray[np.int64]]:
    """Return the teacher's vectors, from the cache if these texts were encoded before.

    O(English texts) to encode; memory-mapped, so that memory does not grow with them.

    Args:
        model: the untouched base.
        recipe: how texts are cut.
        pairs: that are drawn from.
        dataset: with their texts.
        prompts: put before queries and passages.

    Returns:
        (n_taught, 2, dim) float16 vectors of queries and passages, and for each row of the file
        the position of its English parallel, ``NO_TEACHER`` for none.

    Raises:
        EncoderError: a vector is not finite.

    """
    rows, of_row = english_rows(pairs)
    path = cache_folder() / "teachers" / f"{_key(model, recipe, pairs, prompts)}.npy"
    if not path.is_file():
        texts = dataset.select_rows(rows.tolist())
        how = recipe.optimisation
        limits = (how.max_query_tokens, how.max_passage_tokens)
        with torch.autocast(model.device.type, torch.bfloat16, enabled=uses_bf16(how.precision)):
            found = [
                _encode(model, texts[column], prompt, limit)
                for column, prompt, limit in zip(("query", "passage"), prompts, limits, strict=True)
            ]
        with written_whole(path) as temporary, temporary.open("wb") as file:
            np.save(file, np.stack(found, axis=1))
    taught: Taught = np.load(path, mmap_mode="r")
    return taught, of_row


def _encode(model: SentenceTransformer, texts: list[str], prompt: str, limit: int) -> Taught:
    """Return (n, dim) float16 vectors of texts that are cut as in training."""
    before = model.max_seq_length
    model.max_seq_length = min(limit, before or limit)
    try:
        vectors = model.encode(
            list(texts), prompt=prompt, batch_size=_BATCH, show_progress_bar=True
        )
    finally:
        model.max_seq_length = before
    if not np.isfinite(vectors).all():
        msg = "the base model gives vectors that are not finite: it cannot be a teacher"
        raise EncoderError(msg)
    found: Taught = np.asarray(vectors, dtype=np.float16)
    return found


def _key(model: SentenceTransformer, recipe: Recipe, pairs: Pairs, prompts: tuple[str, str]) -> str:
    """Return what tells the vectors of one base, pairs, prompts and lengths from another's."""
    how = recipe.optimisation
    digest = hashlib.sha256(
        f"{_FORMAT} {pairs.report.sha256} {recipe.holdout} {prompts}"
        f" {how.max_query_tokens} {how.max_passage_tokens} {uses_bf16(how.precision)}"
        f" {torch.__version__}".encode()
    )
    for name, weights in sorted(model.state_dict().items()):
        if "pooler" not in name:  # BERT's is drawn at random when a base lacks it
            digest.update(f"{name} {tuple(weights.shape)}".encode())
            digest.update(weights.detach().cpu().contiguous().view(torch.uint8).numpy())
    return digest.hexdigest()[:32]
