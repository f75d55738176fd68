"""Hybrid batches: what is in a batch, how often, and in which order."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from itertools import chain, islice, permutations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from accelerate import skip_first_batches
from accelerate.data_loader import BatchSamplerShard
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from xlir_bench.cards.recipe import PairSource
from xlir_bench.errors import DataError
from xlir_bench.train.batches import Drawn, HybridBatchSampler
from xlir_bench.train.dataset import PairDataset
from xlir_bench.train.pairs import Pairs, Report, build_pairs

Array = NDArray[np.int64]

CODES = ("de", "en", "es", "th")
exactly = settings(derandomize=True, deadline=None, database=None, max_examples=40)


class Keys:
    """A data set as the sampler sees it."""

    def key(self, query_row: int, passage_row: int) -> int:
        return query_row * 1000 + passage_row


def pairs_of(
    groups: Iterable[int],
    languages: Iterable[int],
    queries: Iterable[int] | None = None,
    passages: Iterable[int] | None = None,
    repeats: Iterable[int] | None = None,
    documents: Iterable[int] | None = None,
) -> Pairs:
    """Return pairs of which only the numbers are known; texts and documents differ by default."""
    columns = [np.fromiter(column, np.int64) for column in (groups, languages)]
    n = len(columns[0])
    texts = [
        np.arange(n, dtype=np.int64) if x is None else np.fromiter(x, np.int64)
        for x in (queries, passages)
    ]
    whose = columns[0] if documents is None else np.fromiter(documents, np.int64)
    often = np.ones(n, np.uint8) if repeats is None else np.fromiter(repeats, np.uint8)
    return Pairs(
        Path("none"), CODES, np.arange(n), columns[0], whose, columns[1], *texts, often,
        np.zeros(0, np.int64), has_negatives=False, report=Report({}, 0, 0, 0, 0, ""),
    )  # fmt: skip


def parallel(n_ids: int, n_languages: int = 3) -> Pairs:
    """Return ids that have one pair in every language."""
    languages = np.repeat(np.arange(n_languages), n_ids)
    return pairs_of(np.tile(np.arange(n_ids), n_languages), languages)


def full_of_repeats(seed: int) -> Pairs:
    """Return 80 pairs a language: a few to an id, half of the queries and passages repeated."""
    rng = np.random.default_rng(seed)
    languages = np.repeat(np.arange(3), 80)
    groups = np.tile(rng.permutation(np.arange(80) // 2), 3)
    queries, passages = rng.integers(0, 60, 240), rng.integers(0, 50, 240)
    return pairs_of(groups, languages, queries, passages)


def sampler(pairs: Pairs, batch_size: int, alpha: float, **options: Any) -> HybridBatchSampler:
    return HybridBatchSampler(Keys(), batch_size, pairs=pairs, alpha=alpha, **options)


def draw(pairs: Pairs, batch_size: int, alpha: float, **options: Any) -> list[Drawn]:
    return list(sampler(pairs, batch_size, alpha, **options).draw())


def steps(batches: list[Drawn], n_processes: int) -> list[list[Drawn]]:
    return [batches[i : i + n_processes] for i in range(0, len(batches), n_processes)]


def as_lists(batches: Iterable[Drawn]) -> list[tuple[int, list[int], list[int]]]:
    return [(x.language, x.queries.tolist(), x.passages.tolist()) for x in batches]


alphas = st.sampled_from([0.0, 0.3, 0.5, 1.0])
seeds = st.integers(0, 10_000)


# --- how many ---


@exactly
@given(
    n_pairs=st.integers(30, 200),
    batch_size=st.integers(2, 6),
    n_processes=st.integers(1, 4),
    n_batches=st.none() | st.integers(0, 40),
)
def test_the_length_is_the_number_of_batches(
    n_pairs: int, batch_size: int, n_processes: int, n_batches: int | None
) -> None:
    pairs = pairs_of(range(n_pairs), [0] * n_pairs)
    found = sampler(pairs, batch_size, 1, n_processes=n_processes, n_batches=n_batches)
    assert len(found) == len(list(found)) == len(list(found.draw()))


@exactly
@given(n_pairs=st.integers(30, 200), batch_size=st.integers(2, 6), n_processes=st.integers(1, 4))
def test_an_epoch_has_as_many_pairs_as_there_are_whole_steps_of(
    n_pairs: int, batch_size: int, n_processes: int
) -> None:
    pairs = pairs_of(range(n_pairs), [0] * n_pairs)
    found = sampler(pairs, batch_size, 1, n_processes=n_processes)
    assert len(found) == n_pairs // (batch_size * n_processes) * n_processes


@pytest.mark.parametrize(("n_batches", "expected"), [(0, 0), (1, 2), (4, 4), (5, 6)])
def test_a_number_of_batches_is_filled_up_to_whole_steps(n_batches: int, expected: int) -> None:
    found = sampler(parallel(20), 4, 0.5, n_processes=2, n_batches=n_batches)
    assert len(found) == expected


@exactly
@given(seed=seeds, alpha=alphas, batch_size=st.integers(2, 6))
def test_every_batch_is_full(seed: int, alpha: float, batch_size: int) -> None:
    found = sampler(full_of_repeats(seed), batch_size, alpha, seed=seed)
    assert {len(keys) for keys in found} == {batch_size}
    assert {(len(x.queries), len(x.passages)) for x in found.draw()} == {(batch_size,) * 2}


# --- what is in a batch ---


@exactly
@given(seed=seeds)
def test_with_alpha_one_every_query_has_its_own_passage(seed: int) -> None:
    for batch in draw(full_of_repeats(seed), 5, alpha=1, seed=seed):
        assert batch.queries.tolist() == batch.passages.tolist()


@exactly
@given(seed=seeds)
def test_with_alpha_one_a_batch_is_in_the_language_it_says(seed: int) -> None:
    pairs = full_of_repeats(seed)
    for batch in draw(pairs, 5, alpha=1, seed=seed):
        assert set(pairs.languages[batch.queries].tolist()) == {batch.language}


@exactly
@given(seed=seeds)
def test_with_alpha_zero_queries_and_passages_are_of_one_id_in_two_languages(seed: int) -> None:
    pairs = full_of_repeats(seed)
    for batch in draw(pairs, 5, alpha=0, seed=seed):
        assert batch.language == -1
        assert (pairs.groups[batch.queries] == pairs.groups[batch.passages]).all()
        assert (pairs.languages[batch.queries] != pairs.languages[batch.passages]).all()


@exactly
@given(seed=seeds)
def test_with_a_share_every_batch_is_of_one_of_the_two_kinds(seed: int) -> None:
    pairs = full_of_repeats(seed)
    for batch in draw(pairs, 5, alpha=0.5, seed=seed):
        same = pairs.languages[batch.queries] == pairs.languages[batch.passages]
        assert set(same.tolist()) == {batch.language >= 0}


@exactly
@given(seed=seeds, alpha=alphas, n_processes=st.integers(1, 3))
def test_no_two_rows_of_a_step_share_an_id_a_query_or_a_passage(
    seed: int, alpha: float, n_processes: int
) -> None:
    pairs = full_of_repeats(seed)
    batches = draw(pairs, 2, alpha, seed=seed, n_processes=n_processes, n_batches=60)
    for step in steps(batches, n_processes):
        queries = np.concatenate([batch.queries for batch in step])
        passages = np.concatenate([batch.passages for batch in step])
        for column, rows in (
            (pairs.groups, queries),
            (pairs.groups, passages),
            (pairs.query_hashes, queries),
            (pairs.passage_hashes, passages),
        ):
            assert len(set(column[rows].tolist())) == 2 * n_processes


@exactly
@given(seed=seeds, n_processes=st.integers(2, 4))
def test_all_processes_have_one_kind_and_language_at_a_step(seed: int, n_processes: int) -> None:
    batches = draw(parallel(40), 3, 0.5, seed=seed, n_processes=n_processes, n_batches=400)
    assert all(len({batch.language for batch in step}) == 1 for step in steps(batches, n_processes))
    assert len({batch.language for batch in batches}) == 4


def test_keys_name_the_rows_of_the_file() -> None:
    pairs = replace(parallel(20), rows=np.arange(60) * 3 + 1)
    found = sampler(pairs, 4, 0.5)
    assert list(found) == [
        [1000 * q + p for q, p in zip(3 * x.queries + 1, 3 * x.passages + 1, strict=True)]
        for x in found.draw()
    ]


def test_ids_in_one_language_serve_monolingual_batches_alone() -> None:
    parallel_ids = range(20)
    pairs = pairs_of([*parallel_ids, *parallel_ids, *range(20, 40)], [0] * 20 + [1] * 20 + [0] * 20)
    batches = draw(pairs, 4, 0.5, n_batches=400)
    cross = chain.from_iterable(pairs.groups[x.queries] for x in batches if x.language < 0)
    mono = chain.from_iterable(pairs.groups[x.queries] for x in batches if x.language == 0)
    assert set(map(int, cross)) == set(range(20))
    assert set(map(int, mono)) == set(range(40))


# --- the sequence ---


@pytest.mark.parametrize("n_processes", [1, 2])
def test_the_same_seed_epoch_and_processes_give_the_same_batches(n_processes: int) -> None:
    options = {"seed": 3, "n_processes": n_processes}
    first, second = (sampler(full_of_repeats(1), 4, 0.5, **options) for _ in range(2))
    for epoch in (0, 5):
        first.set_epoch(epoch)
        second.set_epoch(epoch)
        assert list(first) == list(second)


def test_a_sampler_begins_anew_whenever_it_is_asked() -> None:
    found = sampler(full_of_repeats(1), 4, 0.5, seed=3)
    before = list(found)
    found.set_epoch(1)
    other = list(islice(found, 5))
    found.set_epoch(0)
    assert list(found) == before
    assert other != before[:5]


def test_epochs_and_seeds_differ() -> None:
    found = []
    for seed in range(4):
        one = sampler(full_of_repeats(1), 4, 0.5, seed=seed)
        for epoch in range(4):
            one.set_epoch(epoch)
            found.append(tuple(map(tuple, one)))
    assert len(set(found)) == 16


def test_the_state_of_other_random_numbers_does_not_matter() -> None:
    found = []
    for seed in (1, 2):
        np.random.seed(seed)  # noqa: NPY002 - the global state is what is tested
        found.append(list(sampler(full_of_repeats(1), 4, 0.5)))
    assert found[0] == found[1]


@pytest.mark.parametrize("taken", [1, 7, 19])
@pytest.mark.parametrize("n_processes", [1, 2])
def test_a_sequence_that_is_taken_up_again_goes_on(taken: int, n_processes: int) -> None:
    found = sampler(full_of_repeats(1), 4, 0.5, n_processes=n_processes, n_batches=20)
    whole = list(found)
    loader = DataLoader(Numbers(), batch_sampler=found, collate_fn=list)
    assert list(skip_first_batches(loader, taken)) == whole[taken:]


class Numbers:
    """A data set whose rows are the keys."""

    def __getitem__(self, key: int) -> int:
        return key


def test_each_process_gets_its_own_batch_of_every_step() -> None:
    found = sampler(parallel(30), 4, 0.5, n_processes=3)
    whole = list(found)
    for process in range(3):
        assert list(BatchSamplerShard(found, 3, process)) == whole[process::3]


# --- how often ---


@exactly
@given(n=st.integers(10, 60), batch_size=st.integers(2, 7), seed=seeds)
def test_every_pair_comes_once_before_one_comes_again(n: int, batch_size: int, seed: int) -> None:
    counts = np.zeros(n, dtype=np.int64)
    for batch in draw(pairs_of(range(n), [0] * n), batch_size, 1, seed=seed, n_batches=40):
        counts[batch.queries] += 1
        assert counts.max() - counts.min() <= 1


@exactly
@given(n=st.integers(10, 60), batch_size=st.integers(2, 7), seed=seeds)
def test_every_id_comes_once_across_languages_before_one_comes_again(
    n: int, batch_size: int, seed: int
) -> None:
    pairs, counts = parallel(n), np.zeros(n, dtype=np.int64)
    for batch in draw(pairs, batch_size, 0, seed=seed, n_batches=40):
        counts[pairs.groups[batch.queries]] += 1
        assert counts.max() - counts.min() <= 1


def test_an_epoch_of_one_language_has_every_pair_once() -> None:
    batches = draw(pairs_of(range(60), [0] * 60), 5, 1)
    assert sorted(chain.from_iterable(x.queries.tolist() for x in batches)) == list(range(60))


REPEATED = 30
"""Ids of a source that a recipe repeats three times, beside as many of one that it does not."""


@pytest.mark.parametrize("alpha", [0, 1])
def test_a_repeated_source_comes_as_often_as_the_recipe_says(alpha: float) -> None:
    groups, languages = np.tile(np.arange(2 * REPEATED), 2), np.repeat([0, 1], 2 * REPEATED)
    often = np.where(groups < REPEATED, 3, 1)
    pairs, counts = pairs_of(groups, languages, repeats=often), np.zeros(2 * REPEATED)
    one_pass = 4 * REPEATED * (2 if alpha else 1)
    for batch in draw(pairs, 4, alpha, n_batches=one_pass // 4 * 10):
        counts += np.bincount(pairs.groups[batch.queries], minlength=2 * REPEATED)
    first, second = counts[:REPEATED].sum(), counts[REPEATED:].sum()
    assert first == pytest.approx(3 * second, rel=0.02)
    assert len(sampler(pairs, 4, alpha)) == 8 * REPEATED // 4


N_BATCHES, ALPHA = 10_000, 0.3
SMALL, LARGE = 50, 150
"""Ids of two sources; all have all four languages."""


@pytest.fixture(scope="module")
def many() -> tuple[Pairs, list[Drawn]]:
    pairs = parallel(SMALL + LARGE, len(CODES))
    return pairs, draw(pairs, 4, ALPHA, n_batches=N_BATCHES)


def within(count: int, n: int, share: float) -> bool:
    """Say whether a count lies within 5 standard deviations of a binomial distribution."""
    return abs(count - n * share) < 5 * (n * share * (1 - share)) ** 0.5


def test_alpha_is_the_share_of_monolingual_batches(many: tuple[Pairs, list[Drawn]]) -> None:
    assert within(sum(x.language >= 0 for x in many[1]), N_BATCHES, ALPHA)


def test_languages_of_monolingual_batches_are_uniform(many: tuple[Pairs, list[Drawn]]) -> None:
    counts = Counter(x.language for x in many[1] if x.language >= 0)
    assert set(counts) == set(range(4))
    assert all(within(count, counts.total(), 1 / 4) for count in counts.values())


@pytest.mark.parametrize("is_mono", [True, False], ids=["monolingual", "cross-lingual"])
def test_sources_are_drawn_by_their_size(many: tuple[Pairs, list[Drawn]], *, is_mono: bool) -> None:
    pairs, batches = many
    drawn = [pairs.groups[x.queries] for x in batches if (x.language >= 0) == is_mono]
    ids = np.concatenate(drawn)
    assert within(int((ids < SMALL).sum()), len(ids), SMALL / (SMALL + LARGE))


def test_ordered_language_pairs_of_cross_lingual_batches_are_uniform(
    many: tuple[Pairs, list[Drawn]],
) -> None:
    pairs, batches = many
    cross = [x for x in batches if x.language < 0]
    asked, answered = (
        pairs.languages[np.concatenate([getattr(x, name) for x in cross])].tolist()
        for name in ("queries", "passages")
    )
    counts = Counter(zip(asked, answered, strict=True))
    assert set(counts) == set(permutations(range(4), 2))
    assert all(within(count, counts.total(), 1 / 12) for count in counts.values())


def test_an_unevenly_large_language_is_drawn_as_often_as_others() -> None:
    pairs = pairs_of(range(220), [0] * 200 + [1] * 20)
    counts = Counter(x.language for x in draw(pairs, 4, 1, n_batches=4000))
    assert set(counts) == {0, 1}
    assert within(counts[1], 4000, 1 / 2)


def test_pairs_of_an_id_in_one_language_are_drawn_alike() -> None:
    groups = np.concatenate([np.repeat(np.arange(20), 3), np.arange(20)])
    pairs = pairs_of(groups, [0] * 60 + [1] * 20)
    batches = draw(pairs, 4, 0, n_batches=3000)
    rows = np.concatenate([np.concatenate([x.queries, x.passages]) for x in batches])
    counts = np.bincount(rows[rows < 60] % 3)
    assert all(within(count, int(counts.sum()), 1 / 3) for count in counts.tolist())


# --- too little data ---


@pytest.mark.parametrize("alpha", [0.5, 1.0])
def test_too_few_pairs_of_every_language_are_an_error(alpha: float) -> None:
    with pytest.raises(DataError, match="no language has 8 different pairs for a monolingual"):
        sampler(parallel(7), 4, alpha, n_processes=2)


def test_too_few_ids_in_several_languages_are_an_error() -> None:
    pairs = pairs_of([*range(40), *range(7)], [0] * 40 + [1] * 7)
    with pytest.raises(DataError, match=r"only 7 ids have several languages; .* batch needs 8"):
        sampler(pairs, 4, 0.5, n_processes=2)


def test_repeated_texts_do_not_count_as_different_pairs() -> None:
    with pytest.raises(DataError, match="no language has 8 different pairs"):
        sampler(pairs_of(range(40), [0] * 40, passages=np.arange(40) % 7), 8, 1)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_just_enough_pairs_are_enough(alpha: float) -> None:
    assert len(draw(parallel(8), 4, alpha, n_processes=2, n_batches=20)) == 20


def test_pairs_of_one_language_are_enough_for_monolingual_batches() -> None:
    assert {x.language for x in draw(pairs_of(range(8), [2] * 8), 4, 1)} == {2}


def test_languages_too_small_for_a_batch_of_their_own_are_left_out_of_those() -> None:
    pairs = pairs_of([*range(20), *range(20), *range(3)], [0] * 20 + [1] * 20 + [2] * 3)
    found = sampler(pairs, 4, 0.5, n_batches=400)
    assert set(found.languages) == {0, 1}
    assert {x.language for x in found.draw()} == {-1, 0, 1}


def test_languages_too_small_for_a_batch_of_their_own_are_in_cross_lingual_ones() -> None:
    pairs = pairs_of([*range(20), *range(20), *range(3)], [0] * 20 + [1] * 20 + [2] * 3)
    batches = draw(pairs, 4, 0.5, n_batches=400)
    rows = np.concatenate([x.queries for x in batches if x.language < 0])
    assert set(pairs.languages[rows].tolist()) == {0, 1, 2}


def test_texts_too_much_alike_across_languages_are_an_error_not_a_loop() -> None:
    pairs = replace(parallel(20, 2), query_hashes=np.zeros(40, dtype=np.int64))
    with pytest.raises(DataError, match="no 4 pairs can be found that share no id"):
        draw(pairs, 4, 0)


def test_a_passage_that_many_pairs_share_does_not_end_a_long_training() -> None:
    pairs = pairs_of(range(10), [0] * 10, passages=[0] * 5 + [1, 2, 3, 4, 5])
    assert len(draw(pairs, 4, 1, n_batches=200)) == 200


def test_a_step_is_found_wherever_there_is_one() -> None:
    pairs = pairs_of(range(3), [0] * 3, queries=[0, 1, 0], passages=[0, 1, 1])
    for seed in range(10):
        for batch in draw(pairs, 2, 1, seed=seed, n_batches=5):
            assert set(batch.queries.tolist()) == {0, 1}


# --- the data set ---


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Pairs:
    """Return pairs with negatives; every text names its language, kind and number."""
    folder = tmp_path_factory.mktemp("pairs")
    for code in ("de", "en"):
        records = [
            {"id": f"id{i}", "query": f"{code} q{i}", "passage": f"{code} p{i}",
             "negatives": [f"{code} n{i}"]}
            for i in range(10)
        ]  # fmt: skip
        (folder / f"{code}.jsonl").write_text("\n".join(map(json.dumps, records)), "utf-8")
    source = PairSource("toy", "jsonl", "{language}.jsonl")
    return build_pairs([source], ("de", "en"), folder / "pairs.arrow", beside=folder)


def test_a_key_gives_the_query_of_one_row_and_the_passage_of_another(built: Pairs) -> None:
    data = PairDataset.read(built.path, has_negatives=False)
    keys = [data.key(0, 10), data.key(13, 3), data.key(5, 5), data.key(19, 0)]
    assert data.__getitems__(keys) == [
        {"query": "de q0", "passage": "en p0"},
        {"query": "en q3", "passage": "de p3"},
        {"query": "de q5", "passage": "de p5"},
        {"query": "en q9", "passage": "de p0"},
    ]


def test_a_hard_negative_is_that_of_the_passage(built: Pairs) -> None:
    data = PairDataset.read(built.path, has_negatives=True)
    (row,) = data.__getitems__([data.key(0, 11)])
    assert list(row.items()) == [("query", "de q0"), ("passage", "en p1"), ("negative", "en n1")]


def test_keys_are_different_for_different_pairs(built: Pairs) -> None:
    data = PairDataset.read(built.path, has_negatives=False)
    assert len({data.key(q, p) for q in range(20) for p in range(20)}) == 400


@pytest.mark.parametrize("has_negatives", [False, True])
def test_selected_rows_have_their_own_passages(built: Pairs, *, has_negatives: bool) -> None:
    data = PairDataset.read(built.path, has_negatives=has_negatives)
    rows = data.select_rows([12, 3]).to_list()
    expected = [
        {"query": "en q2", "passage": "en p2", "negative": "en n2"},
        {"query": "de q3", "passage": "de p3", "negative": "de n3"},
    ]
    names = ["query", "passage", "negative"][: 2 + has_negatives]
    assert rows == [{name: row[name] for name in names} for row in expected]


def test_selected_rows_are_no_longer_read_by_keys(built: Pairs) -> None:
    data = PairDataset.read(built.path, has_negatives=False)
    assert not isinstance(data.select_rows([1]), PairDataset)


def test_ids_are_those_of_the_rows(built: Pairs) -> None:
    data = PairDataset.read(built.path, has_negatives=False)
    assert data.ids([19, 0, 10]) == ["id9", "id0", "id0"]


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_a_data_loader_reads_whole_batches_of_pairs(built: Pairs, alpha: float) -> None:
    data = PairDataset.read(built.path, has_negatives=False)
    found = HybridBatchSampler(data, 4, pairs=built, alpha=alpha, n_batches=30)
    for batch in DataLoader(data, batch_sampler=found, collate_fn=list):
        asked = [(row["query"][:2], row["query"][4:]) for row in batch]
        answered = [(row["passage"][:2], row["passage"][4:]) for row in batch]
        assert [number for _, number in asked] == [number for _, number in answered]
        assert {q == p for (q, _), (p, _) in zip(asked, answered, strict=True)} == {alpha == 1}


# --- pairs of one document together ---


@exactly
@given(seed=seeds, alpha=alphas, batch_size=st.integers(2, 6), per_document=st.integers(1, 9))
def test_with_documents_together_no_rows_share_anything_either(
    seed: int, alpha: float, batch_size: int, per_document: int
) -> None:
    pairs = full_of_repeats(seed)
    for drawn in draw(pairs, batch_size, alpha, seed=seed, per_document=per_document):
        for column, rows in (
            (pairs.groups, drawn.queries),
            (pairs.query_hashes, drawn.queries),
            (pairs.passage_hashes, drawn.passages),
        ):
            assert len(set(column[rows])) == batch_size


@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize("per_document", [1, 3, 4])
def test_a_batch_has_as_many_pairs_of_a_document_as_the_recipe_says(
    alpha: float, per_document: int
) -> None:
    n_ids, of_each = 1200, 12
    pairs = pairs_of(
        np.tile(np.arange(n_ids), 3),
        np.repeat(np.arange(3), n_ids),
        documents=np.tile(np.arange(n_ids) // of_each, 3),
    )
    found = [
        np.unique(pairs.documents[drawn.queries], return_counts=True)[1].mean()
        for drawn in draw(pairs, 12, alpha, per_document=per_document, n_batches=60)
    ]
    # More only where a document comes up twice by chance.
    assert per_document <= np.mean(found) < per_document * 1.1


@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_with_documents_together_every_pair_still_comes_once_in_a_pass(alpha: float) -> None:
    n_ids, n_languages = 240, 1 if alpha else 2
    pairs = pairs_of(
        np.tile(np.arange(n_ids), n_languages),
        np.repeat(np.arange(n_languages), n_ids),
        documents=np.tile(np.arange(n_ids) // 7, n_languages),
    )
    drawn = draw(pairs, 6, alpha, per_document=5, n_batches=n_ids // 6)
    groups = np.concatenate([pairs.groups[x.queries] for x in drawn])
    assert sorted(groups) == list(range(n_ids))


def test_the_order_of_documents_changes_with_the_seed_alone() -> None:
    pairs = parallel(60)
    pairs = replace(pairs, documents=pairs.groups // 5)
    first, again, other = (
        as_lists(draw(pairs, 6, 0.5, per_document=3, seed=seed)) for seed in (0, 0, 1)
    )
    assert first == again != other
