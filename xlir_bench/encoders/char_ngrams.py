"""The lexical floor: hashed character n-grams. No download, no training, deterministic."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

DIMENSIONS = 2048
NGRAMS = (2, 4)


def encode(texts: Sequence[str]) -> NDArray[np.float32]:
    """Return (n_texts, 2048) float32 unit vectors of lower-cased character 2- to 4-grams.

    N-grams are taken within words, padded with a space, so that short words count; counts are
    dampened (1 + log tf). An empty text is the zero vector.
    """
    from sklearn.feature_extraction.text import (  # noqa: PLC0415 - 0.5 s that only a run pays
        HashingVectorizer,
        TfidfTransformer,
    )

    hashing = HashingVectorizer(
        analyzer="char_wb",
        ngram_range=NGRAMS,
        n_features=DIMENSIONS,
        norm=None,
        alternate_sign=False,
    )
    weighting = TfidfTransformer(use_idf=False, sublinear_tf=True, norm="l2")
    weights = weighting.fit_transform(hashing.transform(texts))
    return np.asarray(weights.toarray(), dtype=np.float32)
