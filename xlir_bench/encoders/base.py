"""What the evaluation asks of an encoder, and the check of what it returns."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from xlir_bench.errors import EncoderError

Vectors = NDArray[np.float32]


class Role(StrEnum):
    """Which side of the search a text is on; encoders have a prompt for each."""

    query = "query"
    passage = "passage"


class Similarity(StrEnum):
    """How two vectors are compared; higher is always better."""

    cosine = "cosine"
    dot = "dot"
    euclidean = "euclidean"


class Encoder(Protocol):
    """Turns texts into vectors that depend on the text, the role and nothing else.

    Attributes:
        name: ``org/name``.
        similarity: how its vectors are compared.

    """

    name: str
    similarity: Similarity

    def fingerprint(self, role: Role) -> str | None:
        """Return what, beside a text, decides its vector; None if that is not known.

        Equal fingerprints mean equal vectors for equal texts, now and in a later process.
        """
        ...

    def encode(self, texts: Sequence[str], role: Role) -> Any:  # noqa: ANN401 - checked after
        """Return (n_texts, dim) vectors, any floating type, numpy or torch."""
        ...


def checked_vectors(vectors: Any, texts: Sequence[str], name: str) -> Vectors:  # noqa: ANN401
    """Return what an encoder gave as (n_texts, dim) finite float32.

    Raises:
        EncoderError: another shape, or NaN or infinite values.

    """
    if hasattr(vectors, "detach"):
        vectors = vectors.detach().float().cpu().numpy()
    try:
        array = np.asarray(vectors)
    except ValueError as error:
        msg = f"{name} returned vectors of different lengths"
        raise EncoderError(msg) from error
    if array.dtype.kind not in "fiu":
        msg = f"{name} returned vectors of type {array.dtype}; expected real numbers"
        raise EncoderError(msg)
    if array.ndim != 2 or array.shape[0] != len(texts) or array.shape[1] == 0:
        msg = f"{name} returned shape {array.shape} for {len(texts)} texts; expected (texts, dim)"
        raise EncoderError(msg)
    with np.errstate(over="ignore"):  # too large for float32 is infinity, refused below
        array = np.ascontiguousarray(array, dtype=np.float32)
    bad = np.flatnonzero(~np.isfinite(array).all(axis=1))
    if bad.size:
        text = texts[int(bad[0])]
        msg = f"{name} returned NaN or infinity for {bad.size} texts, first for {text[:60]!r}"
        raise EncoderError(msg)
    return array


def comparable(vectors: Vectors, role: Role, similarity: Similarity) -> Vectors:
    """Return vectors whose dot product ranks as the similarity does.

    Cosine: unit length (a zero vector stays zero). Euclidean: |q - p|^2 = |q|^2 - 2(q.p - |p|^2/2),
    so one more dimension, 1 for queries and -|p|^2/2 for passages, turns distance into a product.
    """
    match similarity:
        case Similarity.dot:
            return vectors
        case Similarity.cosine:
            norms = np.sqrt(_squared_norms(vectors))
            return vectors / np.where(norms > 0, norms, 1).astype(np.float32)[:, None]
        case Similarity.euclidean:
            half = -0.5 * _squared_norms(vectors)[:, None]
            extra = np.ones_like(half) if role is Role.query else half
            return np.hstack([vectors, extra]).astype(np.float32)


def _squared_norms(vectors: Vectors) -> NDArray[np.float64]:
    """Return (n,) squared lengths, accumulated in float64 without a float64 copy."""
    squared: NDArray[np.float64] = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
    return squared
