"""Our tasks under the real mteb: what it lists, what it scores, what it leaves on disk."""

import json
from pathlib import Path
from typing import Any

import mteb
import numpy as np
import pytest
from mteb.abstasks import AbsTaskRetrieval
from mteb.models.model_meta import ModelMeta, ScoringFunction
from mteb.timing import TimingStack

from tests.contract.conftest import CountingEncoder, meta
from xlir_bench.adapters.mteb import registry
from xlir_bench.adapters.mteb.encoder import similarity_of
from xlir_bench.cards.load import task_cards
from xlir_bench.errors import EncoderError
from xlir_bench.paths import data_folder
from xlir_bench.readers.read import read
from xlir_bench.results.rank_file import read_rank_table

QUIET = {"show_progress_bar": False, "co2_tracker": False}


def scores_of(result: Any, number: int = 0) -> dict[str, dict[str, Any]]:
    return {entry["hf_subset"]: entry for entry in result.task_results[number].scores["test"]}


def test_a_benchmark_has_a_task_for_each_mode_and_one_for_all() -> None:
    names = {card.task_name(mode) for card in task_cards().values() for mode in card.modes}
    assert {"XQuADRMono", "MLQARCross", "XLIRMiniMulti"} <= names
    for name in names | set(task_cards()):
        assert mteb.get_task(name).metadata.name == name


def test_registering_twice_changes_nothing() -> None:
    module: Any = registry._get_tasks()
    before = len(module.TASK_LIST)
    registry.register()
    assert len(module.TASK_LIST) == before


def test_a_wrong_card_of_the_user_is_one_warning_and_the_others_are_known(tmp_path: Path) -> None:
    cards = tmp_path / "config" / "tasks"
    cards.mkdir(parents=True)
    (cards / "Broken.toml").write_text('name = "Broken"\n')
    text = (data_folder("tasks") / "XLIRMini.toml").read_text()
    good = text.replace('name = "XLIRMini"', 'name = "MyMini"')
    (cards / "MyMini.toml").write_text(good)
    wrong = good.replace("MyMini", "OddMini").replace('"Encyclopaedic"', '"Nowhere"')
    (cards / "OddMini.toml").write_text(wrong)
    with pytest.warns(RuntimeWarning, match="leaves out a card") as caught:
        registry.register()
    said = [str(warning.message) for warning in caught]
    assert len(said) == 2
    assert "Broken.toml: the field 'languages' is missing" in said[0]
    assert "OddMini.toml" in said[1]
    assert mteb.get_task("MyMiniCross").metadata.name == "MyMiniCross"
    module: Any = registry._get_tasks()
    for name in ("MyMini", "MyMiniMono", "MyMiniCross", "MyMiniMulti"):
        del module._TASKS_REGISTRY[name]
    module.TASK_LIST = tuple(t for t in module.TASK_LIST if "MyMini" not in t.metadata.name)


def test_the_benchmark_holds_what_runs_in_minutes() -> None:
    tasks = mteb.get_benchmark("XLIR").tasks
    assert [task.metadata.name for task in tasks] == ["MLQAR", "XLIRMini", "XQuADR"]


def test_the_alias_names_the_model() -> None:
    assert mteb.get_model_meta("char-ngrams").name == "xlir-bench/char-ngrams"


SETTINGS = [
    ("XLIRMiniMono", "de-de"),
    ("XLIRMiniCross", "de-en"),
    ("XLIRMiniMulti", "th-multi"),
]


def both_scores(
    model: Any, name: str, subset: str, cache: mteb.ResultCache
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return one subset's scores from our task and from mteb's own search and scoring."""
    task = mteb.get_task(name, hf_subsets=[subset])
    ours = scores_of(mteb.evaluate(model, task, cache=cache, **QUIET))[subset]
    task.load_data()
    split = task.dataset[subset]["test"]
    stock = AbsTaskRetrieval._evaluate_subset(
        task,
        model,
        {key: split[key] for key in split},
        encode_kwargs={"show_progress_bar": False},
        hf_split="test",
        hf_subset=subset,
        timer=TimingStack(),
    )
    return ours, {key: value for key, value in stock.items() if not key.startswith("nauc")}


@pytest.mark.parametrize(("name", "subset"), SETTINGS)
def test_stock_mteb_computes_the_same_scores_for_an_encoder(
    name: str, subset: str, cache: mteb.ResultCache
) -> None:
    ours, stock = both_scores(CountingEncoder(), name, subset, cache)
    assert len(stock) > 40
    assert {key: ours.get(key) for key in stock} == pytest.approx(stock, abs=1e-9)


@pytest.mark.parametrize(("name", "subset"), SETTINGS)
def test_stock_mteb_computes_the_same_scores_for_bm25(
    name: str, subset: str, cache: mteb.ResultCache
) -> None:
    pytest.importorskip("bm25s")
    ours, stock = both_scores(mteb.get_model("mteb/baseline-bm25s"), name, subset, cache)
    assert {key: ours.get(key) for key in stock} == pytest.approx(stock, abs=1e-9)


def test_the_main_score_of_a_benchmark_is_the_mean_of_its_modes(cache: mteb.ResultCache) -> None:
    result = mteb.evaluate(CountingEncoder(), mteb.get_task("XLIRMini"), cache=cache, **QUIET)
    entry = scores_of(result)["default"]
    modes = [entry["mono/AP"], entry["cross/AP"], entry["multi/AP"]]
    assert entry["main_score"] == pytest.approx(np.mean(modes), abs=1e-12)
    mono = cache.load_task_result("XLIRMiniMono", CountingEncoder().mteb_model_meta)
    assert entry["mono/AP"] == pytest.approx(mono.get_score(), abs=1e-6)


def test_no_text_is_encoded_twice_whatever_is_asked_for(cache: mteb.ResultCache) -> None:
    model = CountingEncoder()
    tasks = mteb.get_tasks(tasks=["XLIRMiniMono", "XLIRMini", "XLIRMiniMulti"])
    mteb.evaluate(model, tasks, cache=cache, **QUIET)
    collection = read(task_cards()["XLIRMini"])
    assert set(model.seen.values()) == {1}
    assert len(model.seen) == len({q.text for q in collection.queries}) + len(
        {p.text for p in collection.passages}
    )


def test_a_choice_of_subsets_encodes_only_their_languages(cache: mteb.ResultCache) -> None:
    model = CountingEncoder()
    task = mteb.get_task("XLIRMiniMono", languages=["deu"])
    mteb.evaluate(model, task, cache=cache, **QUIET)
    assert len(model.seen) == 90 + 152


def test_texts_are_counted_for_the_benchmark_that_needed_them(cache: mteb.ResultCache) -> None:
    model, counts = CountingEncoder(), []
    for task in (mteb.get_task("XLIRMiniMono", languages=["deu"]), mteb.get_task("XLIRMini")):
        mteb.evaluate(model, task, cache=cache, **QUIET)
        folder = cache.get_task_result_path("XLIRMini", model.mteb_model_meta).parent
        latest = max(folder.glob("*.provenance.jsonl"), key=lambda path: path.stat().st_mtime_ns)
        counts.append(json.loads(latest.read_text().splitlines()[-1])["texts_encoded"])
    assert counts == [
        {"query": 90, "passage": 152}, {"query": 1080 - 90, "passage": 1824 - 152}
    ]  # fmt: skip


def test_results_lie_beside_each_other(cache: mteb.ResultCache) -> None:
    model = CountingEncoder()
    mteb.evaluate(model, mteb.get_task("XLIRMini"), cache=cache, **QUIET)
    folder = cache.get_task_result_path("XLIRMini", model.mteb_model_meta).parent
    names = {path.name for path in folder.iterdir()}
    assert {
        "XLIRMini.json",
        "XLIRMiniMono.json",
        "XLIRMiniCross.json",
        "XLIRMiniMulti.json",
        "XLIRMini.ranks.parquet",
        "XLIRMini.provenance.jsonl",
    } <= names
    provenance = json.loads((folder / "XLIRMini.provenance.jsonl").read_text())
    assert provenance["data_sha256"] == task_cards()["XLIRMini"].data_sha256
    assert provenance["texts_encoded"] == {"query": 1080, "passage": 1824}
    assert {"model", "revision", "prompts", "dtype", "device", "versions", "seconds"} <= set(
        provenance
    )
    assert len(read_rank_table(folder / "XLIRMini.ranks.parquet")) == 1080 * 12


def test_a_second_process_reads_the_rank_table_instead_of_encoding(
    cache: mteb.ResultCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    mteb.evaluate(CountingEncoder(), mteb.get_task("XLIRMini"), cache=cache, **QUIET)
    folder = cache.get_task_result_path("XLIRMini", CountingEncoder().mteb_model_meta).parent
    before = (folder / "XLIRMiniCross.json").read_text()
    (folder / "XLIRMiniCross.json").unlink()
    monkeypatch.setattr(registry.SESSION, "_latest", {})
    again = CountingEncoder()
    mteb.evaluate(again, mteb.get_task("XLIRMiniCross"), cache=cache, **QUIET)
    assert not again.seen
    scores = json.loads((folder / "XLIRMiniCross.json").read_text())["scores"]
    assert scores == json.loads(before)["scores"]


def test_a_rank_table_of_another_revision_is_not_read(cache: mteb.ResultCache) -> None:
    first = CountingEncoder()
    mteb.evaluate(first, mteb.get_task("XLIRMiniMono"), cache=cache, **QUIET)
    folder = cache.get_task_result_path("XLIRMiniMono", first.mteb_model_meta).parent
    (folder / "XLIRMiniMono.json").unlink()
    second = CountingEncoder()
    second.mteb_model_meta = meta("test/counting", similarity_fn_name=ScoringFunction.DOT_PRODUCT)
    mteb.evaluate(second, mteb.get_task("XLIRMiniMono"), cache=cache, **QUIET)
    assert second.seen


def test_two_unnamed_models_do_not_share_scores() -> None:
    class Noise(CountingEncoder):
        def vectors(self, texts: list[str]) -> np.ndarray:
            return np.random.default_rng(0).normal(size=(len(texts), 8)).astype(np.float32)

    task = mteb.get_task("XLIRMiniMono", languages=["eng"])
    found = []
    for model in (CountingEncoder(), Noise()):
        model.mteb_model_meta = ModelMeta.create_empty()
        found.append(scores_of(mteb.evaluate(model, task, cache=None, **QUIET))["en-en"]["AP"])
    assert found[0] > 2 * found[1]


def test_a_result_that_was_cut_off_is_scored_again(cache: mteb.ResultCache) -> None:
    model = CountingEncoder()
    task = mteb.get_task("XLIRMiniMono")
    mteb.evaluate(model, task, cache=cache, **QUIET)
    path: Path = cache.get_task_result_path("XLIRMiniMono", model.mteb_model_meta)
    whole = json.loads(path.read_text())["scores"]
    path.write_text(path.read_text()[:500])
    mteb.evaluate(model, task, cache=cache, **QUIET)
    assert json.loads(path.read_text())["scores"] == whole


@pytest.mark.parametrize(
    "similarity", [ScoringFunction.COSINE, ScoringFunction.DOT_PRODUCT], ids=str
)
def test_the_similarity_of_an_encoder_is_recognised(similarity: ScoringFunction) -> None:
    assert similarity_of(CountingEncoder(similarity=similarity)) == {
        ScoringFunction.COSINE: "cosine",
        ScoringFunction.DOT_PRODUCT: "dot",
    }.get(similarity)


class OwnSimilarity(CountingEncoder):
    """An encoder that compares vectors as nobody else does."""

    def similarity(self, embeddings1: Any, embeddings2: Any) -> Any:
        import torch

        return torch.as_tensor(embeddings1) @ torch.as_tensor(embeddings2).T - 1e3


def test_an_encoder_with_a_similarity_of_its_own_is_scored_by_its_own_search(
    cache: mteb.ResultCache,
) -> None:
    model = OwnSimilarity("test/own")
    assert similarity_of(model) is None
    task = mteb.get_task("XLIRMiniMono", languages=["eng"])
    own = scores_of(mteb.evaluate(model, task, cache=cache, **QUIET))["en-en"]
    exact = scores_of(mteb.evaluate(CountingEncoder(), task, cache=cache, **QUIET))["en-en"]
    assert own["AP"] == pytest.approx(exact["AP"], abs=0.01)


class Searcher:
    """A model that searches for itself: a fixed order of the corpus, at the depth asked for."""

    def __init__(self) -> None:
        self.mteb_model_meta = meta("test/searcher")

    def index(self, corpus: Any, **kwargs: Any) -> None:
        self.ids = sorted(corpus["id"])

    def search(self, queries: Any, *, top_k: int, **kwargs: Any) -> dict[str, dict[str, float]]:
        best = {passage: -float(rank) for rank, passage in enumerate(self.ids[:top_k])}
        return {query: dict(best) for query in queries["id"]}


def test_a_shallow_ranking_is_scored_without_the_measures_that_need_more(
    cache: mteb.ResultCache, caplog: pytest.LogCaptureFixture
) -> None:
    task = mteb.get_task("XLIRMiniMulti", languages=["eng"])
    entry = next(iter(scores_of(mteb.evaluate(Searcher(), task, cache=cache, **QUIET)).values()))
    assert {"P@10", "R@100", "nDCG@10", "map_at_1000"} <= set(entry)
    assert not {"AP", "RR", "MRD", "nMRD", "MaxRank", "AboveShare"} & set(entry)
    assert {"TLR@20", "OwnFirst", "LangShare@10", "OwnWrong"} <= set(entry)
    assert entry["main_score"] == entry["map_at_1000"]
    lines = [r.message for r in caplog.records if "left out" in r.message]
    assert len(lines) == 1
    assert "AP, RR, MRD, nMRD, MaxRank, AboveShare, AboveLift need more" in lines[0]


@pytest.mark.slow
def test_a_model_that_searches_for_itself_has_macro_intervals_too(cache: mteb.ResultCache) -> None:
    result = mteb.evaluate(Searcher(), mteb.get_task("XLIRMini"), cache=cache, **QUIET)
    entry = scores_of(result)["default"]
    for name in ("mono/P@10", "cross/R@100", "multi/P@10", "multi/LangShare@10"):
        assert entry[f"{name}_low"] <= entry[name] <= entry[f"{name}_high"]
    modes = cache.load_task_result("XLIRMiniMono", Searcher().mteb_model_meta).scores["test"]
    assert entry["mono/P@10"] == pytest.approx(np.mean([e["P@10"] for e in modes]), abs=1e-6)


def test_a_ranking_of_the_whole_pool_has_every_measure(cache: mteb.ResultCache) -> None:
    task = mteb.get_task("XLIRMiniMono", languages=["eng"])
    entry = scores_of(mteb.evaluate(Searcher(), task, cache=cache, **QUIET))["en-en"]
    order = sorted(p.passage_id for p in read(task_cards()["XLIRMini"]).passages)
    english = [passage for passage in order if passage.startswith("en:")]
    collection = read(task_cards()["XLIRMini"])
    answers = [
        collection.passages[p].passage_id
        for q, p in zip(collection.qrels.query_rows, collection.qrels.passage_rows, strict=True)
        if collection.queries[q].language.code == collection.passages[p].language.code == "en"
    ]
    expected = np.mean([1 / (1 + english.index(answer)) for answer in answers])
    assert entry["AP"] == pytest.approx(expected, abs=1e-12)


def test_a_cross_encoder_reranks_the_lexical_floor(cache: mteb.ResultCache) -> None:
    class Overlap:
        """Counts shared words: a cross-encoder without a model."""

        mteb_model_meta = meta("test/overlap")

        def predict(self, inputs1: Any, inputs2: Any, **kwargs: Any) -> np.ndarray:
            pairs = [
                (set(a.split()), set(b.split()))
                for batch1, batch2 in zip(inputs1, inputs2, strict=True)
                for a, b in zip(batch1["text"], batch2["text"], strict=True)
            ]
            return np.array([len(a & b) for a, b in pairs], dtype=np.float32)

    task = mteb.get_task("XLIRMiniMono", languages=["eng"])
    entry = scores_of(mteb.evaluate(Overlap(), task, cache=cache, **QUIET))["en-en"]
    assert entry["P@1"] > 0.2
    assert "MRD" not in entry


class Broken(CountingEncoder):
    """An encoder whose vectors are spoilt by ``spoil``."""

    spoil: Any = staticmethod(lambda vectors: vectors)

    def vectors(self, texts: list[str]) -> np.ndarray:
        return self.spoil(super().vectors(texts))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(lambda v: v * np.nan, "returned NaN or infinity for", id="nan"),
        pytest.param(lambda v: v[:-1], "returned shape", id="a-row-short"),
        pytest.param(lambda v: v[:, 0], "returned shape", id="one-dimension"),
    ],
)
def test_unusable_vectors_are_refused_and_leave_no_result(
    cache: mteb.ResultCache, spoil: Any, message: str
) -> None:
    model = Broken("test/broken")
    model.spoil = spoil
    with pytest.raises(EncoderError, match=f"test/broken {message}"):
        mteb.evaluate(model, mteb.get_task("XLIRMini"), cache=cache, **QUIET)
    assert not list(Path(cache.cache_path).rglob("XLIRMini*.json"))


def test_predictions_are_saved_in_our_order(cache: mteb.ResultCache, tmp_path: Path) -> None:
    task = mteb.get_task("XLIRMiniMono", languages=["eng"])
    folder = tmp_path / "predictions"
    mteb.evaluate(CountingEncoder(), task, cache=cache, prediction_folder=folder, **QUIET)
    saved = json.loads((folder / "XLIRMiniMono_predictions.json").read_text())["en-en"]["test"]
    assert len(saved) == 90
    assert all(len(found) == 152 for found in saved.values())
