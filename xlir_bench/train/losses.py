"""The training loss: InfoNCE with in-batch negatives, and a teacher that holds the geometry.

InfoNCE alone pulls languages together and, within minutes, the base's own fine distinctions apart.
The teacher is the untouched base where it is strongest: every text is drawn towards the vector that
the base gives its English parallel. Source of that idea: Reimers, Gurevych 2020, Making
Monolingual Sentence Embeddings Multilingual, https://arxiv.org/abs/2004.09813 (there with squared
distance and the source language's own vector).
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer
from sentence_transformers.sentence_transformer.losses import (
    CachedMultipleNegativesRankingLoss,
    MultipleNegativesRankingLoss,
)
from torch import Tensor

from xlir_bench.cards.recipe import Optimisation

NO_TEACHER = -1
"""Label of a pair without an English parallel."""
Taught = NDArray[np.float16]


def make_loss(
    model: SentenceTransformer, how: Optimisation, taught: Taught | None = None
) -> torch.nn.Module:
    """Return the loss of a recipe, in mini-batches if the recipe says so.

    Args:
        model: to train.
        how: of the recipe.
        taught: (n, 2, dim) vectors of English queries and passages that labels are rows of.

    """
    gather = torch.distributed.is_available() and torch.distributed.is_initialized()
    given: dict[str, Any] = {"scale": how.scale, "gather_across_devices": gather}
    if how.mini_batch_size:
        given["mini_batch_size"] = how.mini_batch_size
        if taught is None:
            return CachedMultipleNegativesRankingLoss(model, **given)
        return CachedTaughtLoss(model, _Teacher(taught, how.teacher), **given)
    if taught is None:
        return MultipleNegativesRankingLoss(model, **given)
    return TaughtLoss(model, _Teacher(taught, how.teacher), **given)


def teacher_loss(queries: Tensor, passages: Tensor, taught: Tensor) -> Tensor:
    """Return the mean of 1 - cosine between texts and what the teacher says of them.

    Args:
        queries: (n, dim) of the model in training.
        passages: (n, dim) of the model in training.
        taught: (n, 2, dim) of the teacher's queries and passages.

    Returns:
        A scalar, 0 to 2; lower is better.

    """
    found = torch.stack([queries, passages], dim=1).float()
    return 1 - torch.nn.functional.cosine_similarity(found, taught.float(), dim=2).mean()


class _Teacher:
    """The teacher's term of a loss, for the pairs of a batch that have an English parallel."""

    def __init__(self, taught: Taught, weight: float) -> None:
        self._taught, self._weight = taught, weight

    def __call__(self, embeddings: list[Tensor], labels: Tensor | None) -> Tensor | None:
        """Return the weighted term, None where there is nothing to say."""
        if labels is None:  # of validation pairs
            return None
        known = labels != NO_TEACHER
        if not known.any():
            return None
        rows = labels[known].cpu().numpy()
        taught = torch.from_numpy(np.asarray(self._taught[rows])).to(embeddings[0].device)
        return self._weight * teacher_loss(embeddings[0][known], embeddings[1][known], taught)


class _Taught(torch.nn.Module):
    """What both losses below need beside the one that each extends."""

    def __init__(
        self,
        model: SentenceTransformer,
        teacher: _Teacher,
        **kwargs: Any,  # noqa: ANN401 - of the loss that this one extends
    ) -> None:
        super().__init__(model, **kwargs)
        self._teacher = teacher


class TaughtLoss(_Taught, MultipleNegativesRankingLoss):
    """InfoNCE with in-batch negatives, and the teacher's term for labelled batches."""

    def compute_loss_from_embeddings(self, embeddings: list[Tensor], labels: Tensor) -> Tensor:
        """Return InfoNCE plus the teacher's term."""
        loss = super().compute_loss_from_embeddings(embeddings, labels)
        term = self._teacher(embeddings, labels)
        return loss if term is None else loss + term


class CachedTaughtLoss(_Taught, CachedMultipleNegativesRankingLoss):
    """The same in mini-batches, for batches that are too large for the device's memory."""

    def calculate_loss(
        self, reps: list[list[Tensor]], labels: Tensor | None = None, *, with_backward: bool = False
    ) -> Tensor:
        """Return InfoNCE plus the teacher's term, of cached vectors."""
        loss = super().calculate_loss(reps, labels, with_backward=with_backward)
        term = self._teacher([torch.cat(part) for part in reps[:2]], labels)
        if term is None:
            return loss
        if with_backward:
            term.backward()  # type: ignore[no-untyped-call]  # torch's
            term = term.detach()
        return loss + term
