"""Hashed character n-grams: deterministic unit vectors."""

import numpy as np
import pytest

from xlir_bench.encoders.char_ngrams import DIMENSIONS, encode

TEXTS = ["Wo liegt Mombasa?", "Mombasa iko wapi?", "東京はどこですか", "a", "where is it?"]


def test_vectors_are_float32_rows() -> None:
    vectors = encode(TEXTS)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(TEXTS), DIMENSIONS)


def test_vectors_have_unit_length() -> None:
    assert np.linalg.norm(encode(TEXTS), axis=1) == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("text", ["", "   ", "\n\t"], ids=repr)
def test_a_text_without_characters_is_the_zero_vector(text: str) -> None:
    assert not encode([text]).any()


def test_the_same_text_has_the_same_vector_in_any_company() -> None:
    alone = np.vstack([encode([text]) for text in TEXTS])
    assert encode(TEXTS).tobytes() == alone.tobytes()
    assert encode(TEXTS[::-1])[::-1].tobytes() == alone.tobytes()


def test_case_does_not_matter() -> None:
    assert encode(["MOMBASA"]).tobytes() == encode(["mombasa"]).tobytes()


def test_a_shared_name_makes_texts_similar() -> None:
    german, swahili, japanese, *_ = encode(TEXTS)
    assert german @ swahili > german @ japanese + 0.2


def test_an_n_gram_count_is_dampened() -> None:
    """The word aaa holds aa twice and its other n-grams once: 1 + ln 2 against 1."""
    once, twice = sorted(set(encode(["aaa"])[0].tolist()) - {0.0})
    assert twice / once == pytest.approx(1 + np.log(2), rel=1e-5)
