"""Models for the contract tests: small, deterministic, countable."""

from collections import Counter
from pathlib import Path
from typing import Any

import mteb
import numpy as np
import pytest
from mteb.models.abs_encoder import AbsEncoder
from mteb.models.model_meta import ModelMeta, ScoringFunction

from xlir_bench.adapters.mteb import front, ranked, registry, session, task
from xlir_bench.encoders import char_ngrams


def meta(name: str, **fields: Any) -> ModelMeta:
    """Return metadata of a model that no hub knows."""
    return ModelMeta.create_empty({"name": name, "revision": "1", **fields})


class CountingEncoder(AbsEncoder):
    """Character n-grams that count how often each (role, text) was encoded."""

    def __init__(
        self, name: str = "test/counting", similarity: ScoringFunction = ScoringFunction.COSINE
    ) -> None:
        self.mteb_model_meta = meta(name, similarity_fn_name=similarity)
        self.seen: Counter[tuple[str, str]] = Counter()

    def encode(self, inputs: Any, **kwargs: Any) -> np.ndarray:
        texts = [text for batch in inputs for text in batch["text"]]
        self.seen.update((str(kwargs["prompt_type"]), text) for text in texts)
        return self.vectors(texts)

    def vectors(self, texts: list[str]) -> np.ndarray:
        return char_ngrams.encode(texts)


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give each test its own caches and its own memory of models."""
    monkeypatch.setenv("XLIR_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("XLIR_CONFIG_DIR", str(tmp_path / "config"))
    fresh = session.Session()
    for module in (session, ranked, registry, task, front):
        monkeypatch.setattr(module, "SESSION", fresh)
    fresh.shows_tables = False
    registry.register()


@pytest.fixture
def cache(tmp_path: Path) -> mteb.ResultCache:
    return mteb.ResultCache(tmp_path / "results")
