"""Texts to BM25's terms, and scores as trec_eval orders them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from xlir_bench.bm25.terms import analyzer
from xlir_bench.core.language import language
from xlir_bench.runs import first_places, trec_places


@pytest.mark.parametrize(
    ("code", "text", "terms"),
    [
        ("en", "Running DOGS, 2 runs!", ["run", "dog", "2", "run"]),
        ("hi", "किताबें", ["किताब"]),
        ("vi", "tiếng Việt", ["tiếng", "việt"]),
        ("th", "แมวดี 2 ตัว", ["แมว", "มวด", "วดี", "ตัว", "2"]),
        ("zh", "中国人 ABC 日", ["中国", "国人", "日", "abc"]),
        ("ja", "ｶﾅ", ["カナ"]),
        ("sw", "Watoto", ["watoto"]),
    ],
)
def test_terms(code: str, text: str, terms: list[str]) -> None:
    pytest.importorskip("bm25s")
    assert analyzer(language(code)).terms(text) == terms


scores = arrays(np.float32, 20, elements=st.sampled_from([0.0, -0.0, 1e-40, 0.5, 1.0, 3e38]))


@given(scores=scores, k=st.integers(1, 20))
def test_places_are_in_trec_evals_order(scores: np.ndarray, k: int) -> None:
    keys = np.random.default_rng(0).permutation(20)
    expected = np.lexsort((keys, scores))[::-1][:k]
    assert first_places(trec_places(scores, keys), k).tolist() == expected.tolist()
