"""The training loss: InfoNCE with in-batch negatives, and a teacher that holds the geometry.

InfoNCE alone pulls languages together and, within minutes, the base's own fine distinctions apart.
The teacher is the untouched base where it is strongest, in English. It can say where a text should
lie (Reimers, Gurevych 2020, Making Monolingual Sentence Embeddings Multilingual,
https://arxiv.org/abs/2004.09813, there with squared distance and the source language's own
vector), or how near to others it should lie, which leaves the text room to move (Passalis, Tefas
2018, Learning Deep Representations with Probabilistic Knowledge Transfer,
https://arxiv.org/abs/1803.10837; with anchors, Koohpayegani et al. 2020, CompRess,
https://arxiv.org/abs/2010.14713).
"""

import itertools
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
from torch.nn.functional import cosine_similarity, kl_div, normalize

from xlir_bench.cards.recipe import Optimisation

NO_TEACHER = -1
"""Label of a pair without an English parallel."""
MOST_ANCHORS = 20_000
"""Taught pairs that a batch is compared with: 60 MB of 384 dimensions."""
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
    teacher = None if taught is None else _Teacher(taught, how)
    if how.mini_batch_size:
        return CachedTaughtLoss(
            model, teacher, how.contrast, mini_batch_size=how.mini_batch_size, **given
        )
    return TaughtLoss(model, teacher, how.contrast, **given)


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
    return 1 - cosine_similarity(found, taught.float(), dim=2).mean()


def distillation_loss(
    queries: Tensor, passages: Tensor, taught: Tensor, anchors: Tensor, scale: float
) -> Tensor:
    """Return how differently the model and the teacher see what is near a text.

    The mean over queries and passages of two Kullback-Leibler divergences, in nats: of a text's
    distribution over the other side of the batch, where the model places both sides, and over the
    teacher's anchors, which stay where they are. A distribution is the softmax of ``scale`` times
    cosine similarity. O(n * (n + anchors) * dim).

    Args:
        queries: (n, dim) of the model in training.
        passages: (n, dim) of the model in training.
        taught: (n, 2, dim) of the teacher's queries and passages.
        anchors: (m, 2, dim) of the teacher's, of any pairs.
        scale: of the similarities, 1 / temperature.

    Returns:
        A scalar, 0 or more; lower is better.

    """
    found = [normalize(side.float(), dim=1) for side in (queries, passages)]
    said = normalize(taught.float(), dim=2).unbind(dim=1)
    fixed = normalize(anchors.float(), dim=2).unbind(dim=1)
    total = found[0].new_zeros(())
    for mine, other in ((0, 1), (1, 0)):
        total = total + _divergence(found[mine] @ found[other].T, said[mine] @ said[other].T, scale)
        total = total + _divergence(
            found[mine] @ fixed[other].T, said[mine] @ fixed[other].T, scale
        )
    return total / 2


def _divergence(found: Tensor, said: Tensor, scale: float) -> Tensor:
    """Return the mean over rows of KL(teacher, model) of two tables of similarities."""
    return kl_div(
        (scale * found).log_softmax(1), (scale * said).log_softmax(1),
        reduction="batchmean", log_target=True,
    )  # fmt: skip


class _Teacher:
    """The teacher's terms of a loss, for the pairs of a batch that have an English parallel."""

    def __init__(self, taught: Taught, how: Optimisation) -> None:
        self._taught, self._how = taught, how
        # The same in every run and after every resumption: evenly from all taught pairs.
        chosen = np.linspace(0, len(taught) - 1, min(len(taught), MOST_ANCHORS)).astype(np.int64)
        self._anchors = torch.from_numpy(np.asarray(taught[chosen])) if how.distil else None

    def __call__(self, embeddings: list[Tensor], labels: Tensor | None) -> Tensor | None:
        """Return the weighted terms, None where there is nothing to say."""
        if labels is None:  # of validation pairs
            return None
        known = labels != NO_TEACHER
        if not known.any():
            return None
        rows = labels[known].cpu().numpy()
        queries, passages = (side[known] for side in embeddings[:2])
        taught = torch.from_numpy(np.asarray(self._taught[rows])).to(queries.device)
        total = self._how.teacher * teacher_loss(queries, passages, taught)
        if self._anchors is not None:
            self._anchors = self._anchors.to(queries.device)
            total = total + self._how.distil * distillation_loss(
                queries, passages, taught, self._anchors, self._how.scale
            )
        return total


class _Taught(torch.nn.Module):
    """What both losses below need beside the one that each extends."""

    def __init__(
        self,
        model: SentenceTransformer,
        teacher: _Teacher | None,
        contrast: float = 1.0,
        **kwargs: Any,  # noqa: ANN401 - of the loss that this one extends
    ) -> None:
        super().__init__(model, **kwargs)
        self._teacher, self._contrast = teacher, contrast

    def _taught(
        self, embeddings: list[Tensor], labels: Tensor | None
    ) -> tuple[float, Tensor | None]:
        """Return the weight of InfoNCE and the teacher's terms; 1 and None for validation pairs."""
        term = self._teacher(embeddings, labels) if self._teacher else None
        return (1.0 if labels is None else self._contrast), term


class TaughtLoss(_Taught, MultipleNegativesRankingLoss):
    """InfoNCE with in-batch negatives, and the teacher's terms for labelled batches.

    In float32, also where the model runs in bf16: that has 8 bits, so that a cosine near 1 times a
    scale of 100 would be off by up to 0.4.
    """

    def compute_loss_from_embeddings(self, embeddings: list[Tensor], labels: Tensor) -> Tensor:
        """Return weighted InfoNCE plus the teacher's terms."""
        with torch.autocast(embeddings[0].device.type, enabled=False):
            embeddings = [side.float() for side in embeddings]
            weight, term = self._taught(embeddings, labels)
            loss = weight * super().compute_loss_from_embeddings(embeddings, labels)
        return loss if term is None else loss + term


class CachedTaughtLoss(_Taught, CachedMultipleNegativesRankingLoss):
    """The same in mini-batches, for batches that are too large for the device's memory."""

    def calculate_loss(
        self, reps: list[list[Tensor]], labels: Tensor | None = None, *, with_backward: bool = False
    ) -> Tensor:
        """Return weighted InfoNCE plus the teacher's terms, of cached vectors."""
        with torch.autocast(reps[0][0].device.type, enabled=False):
            loss = super().calculate_loss(reps, labels, with_backward=with_backward)
            weight, term = self._taught([torch.cat(part).float() for part in reps[:2]], labels)
        loss = weight * loss
        if with_backward and weight != 1:  # the gradients of InfoNCE are there already
            for rep in itertools.chain.from_iterable(reps):
                if rep.grad is not None:
                    rep.grad.mul_(weight)
        if term is None:
            return loss
        if with_backward:
            term.backward()  # type: ignore[no-untyped-call]  # torch's
            term = term.detach()
        return loss + term
