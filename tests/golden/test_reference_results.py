"""The published results are what their rank tables say."""

import json
from pathlib import Path

import pytest

from xlir_bench.cards.load import task_cards
from xlir_bench.core.mode import RetrievalMode
from xlir_bench.core.score import Scorecard
from xlir_bench.evaluate import readings, scorecard
from xlir_bench.measures.catalogue import parse_all
from xlir_bench.paths import data_folder
from xlir_bench.results.rank_file import read_provenance, read_rank_table

RESULTS = data_folder("leaderboards") / "results"
TABLES = sorted(RESULTS.glob("*/*.ranks.parquet"))
RANDOM = RESULTS / "mteb__baseline-random-encoder"
EXPECTED_MRD = {"XQuADR": 10845.8, "MLQAR": 11806.3}
"""(n - 1) / (n + 1) * (N + 1), macro average over the languages of the questions."""


def entry_of(path: Path, task: str) -> dict[str, float]:
    scores = json.loads((path.parent / f"{task}.json").read_bytes())["scores"]["test"]
    return scores[0]


def test_there_are_results_to_check() -> None:
    assert len(TABLES) >= 17


@pytest.mark.slow
@pytest.mark.parametrize("path", TABLES, ids=lambda p: f"{p.parent.name}-{p.name.split('.')[0]}")
def test_every_figure_that_ranks_can_tell_is_the_published_one(path: Path) -> None:
    card = task_cards()[path.name.split(".")[0]]
    assert read_provenance(path)["data_sha256"] == card.data_sha256
    measures = [m for m in parse_all(card.measures) if m.own is None or not m.own.needs_top]
    is_whole = (path.parent / f"{card.name}.json").exists()
    modes = [m for m in card.modes if (path.parent / f"{card.task_name(m)}.json").exists()]
    settings = [s for mode in modes for s in card.settings(mode)]
    result, _ = scorecard(readings(read_rank_table(path), settings), measures, resamples=0)
    if not is_whole:  # a way of BM25 that differs in the pool of all languages only
        assert modes == [RetrievalMode.multi]
        _check_settings(path.parent / f"{card.name}Multi.json", result)
        return
    entry = entry_of(path, card.name)
    published = {key for key in entry if key.split("/")[-1] in {m.name for m in measures}}
    assert {f"{f.mode}/{f.measure}" for f in result.figures} == published - {"AP"}
    for figure in result.figures:
        assert entry[f"{figure.mode}/{figure.measure}"] == pytest.approx(figure.value, abs=1e-6)


def _check_settings(path: Path, result: Scorecard) -> None:
    entries = {e["hf_subset"]: e for e in json.loads(path.read_bytes())["scores"]["test"]}
    assert {score.setting.subset for score in result.scores} == set(entries)
    for score in result.scores:
        entry = entries[score.setting.subset]
        assert entry[score.measure] == pytest.approx(score.value, abs=1e-6)


@pytest.mark.parametrize("name", EXPECTED_MRD)
def test_a_random_encoder_has_the_rank_distance_of_chance_within_its_interval(name: str) -> None:
    table = read_rank_table(RANDOM / f"{name}.ranks.parquet")
    expected = []
    for setting in task_cards()[name].settings(RetrievalMode.multi):
        ranks = table.ranks(setting)
        n = ranks.n_relevant[ranks.n_relevant > 1]
        expected.append(((n - 1) / (n + 1)).mean() * (ranks.n_passages + 1))
    chance = sum(expected) / len(expected)
    assert chance == pytest.approx(EXPECTED_MRD[name], abs=0.05)
    entry = entry_of(RANDOM / "x", name)
    assert entry["multi/MRD_low"] < chance < entry["multi/MRD_high"]
    assert entry["multi/AboveLift"] == pytest.approx(1, abs=0.01)
