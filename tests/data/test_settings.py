"""Modes and settings: how many there are, and what they are called."""

import pytest

from xlir_bench.core.language import language
from xlir_bench.core.mode import RetrievalMode, Setting, languages_of, retrieval_mode, settings_of
from xlir_bench.errors import UnknownNameError

ELEVEN = [language(x) for x in ("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh")]
AR, DE, EN = language("ar"), language("de"), language("en")


@pytest.mark.parametrize(
    ("mode", "n"),
    [(RetrievalMode.mono, 11), (RetrievalMode.cross, 110), (RetrievalMode.multi, 11)],
    ids=["mono", "cross", "multi"],
)
def test_eleven_languages_make_as_many_settings_as_in_the_paper(
    mode: RetrievalMode, n: int
) -> None:
    settings = settings_of(mode, ELEVEN)
    assert len(settings) == len(set(settings)) == n


def test_mono_searches_the_query_language_alone() -> None:
    settings = settings_of(RetrievalMode.mono, ELEVEN)
    assert all(s.corpus_languages == (s.query_language,) for s in settings)


def test_cross_searches_one_other_language() -> None:
    settings = settings_of(RetrievalMode.cross, [AR, DE, EN])
    pairs = [(s.query_language, *s.corpus_languages) for s in settings]
    assert pairs == [(AR, DE), (AR, EN), (DE, AR), (DE, EN), (EN, AR), (EN, DE)]


@pytest.mark.parametrize("mode", [RetrievalMode.multi, RetrievalMode.pool])
def test_multi_and_pool_search_all_languages(mode: RetrievalMode) -> None:
    settings = settings_of(mode, [AR, DE, EN])
    assert [s.query_language for s in settings] == [AR, DE, EN]
    assert {s.corpus_languages for s in settings} == {(AR, DE, EN)}


@pytest.mark.parametrize(
    ("setting", "name", "subset"),
    [
        (Setting(RetrievalMode.mono, DE, (DE,)), "mono/de", "de-de"),
        (Setting(RetrievalMode.cross, DE, (EN,)), "cross/de-en", "de-en"),
        (Setting(RetrievalMode.multi, DE, (AR, DE, EN)), "multi/de", "de-multi"),
        (Setting(RetrievalMode.pair, DE, (DE, EN)), "pair/de+en", "de-de+en"),
    ],
    ids=["mono", "cross", "multi", "pair"],
)
def test_a_setting_is_printed_with_its_mode_and_names_its_subset(
    setting: Setting, name: str, subset: str
) -> None:
    assert (str(setting), setting.subset) == (name, subset)


def test_a_pair_is_the_language_of_the_query_and_each_other_one() -> None:
    settings = settings_of(RetrievalMode.pair, (AR, DE, EN))
    assert [str(s) for s in settings] == [
        "pair/ar+de", "pair/ar+en", "pair/de+ar", "pair/de+en", "pair/en+ar", "pair/en+de",
    ]  # fmt: skip
    assert all(s.query_language == s.corpus_languages[0] for s in settings)


def test_a_pool_is_named_after_its_languages() -> None:
    assert str(Setting(RetrievalMode.pool, DE, (AR, DE, EN))) == "pool/de:ar+de+en"


@pytest.mark.parametrize("mode", list(RetrievalMode))
def test_no_two_settings_of_a_mode_share_a_subset(mode: RetrievalMode) -> None:
    settings = settings_of(mode, ELEVEN)
    assert len({s.subset for s in settings}) == len({str(s) for s in settings}) == len(settings)


def test_the_languages_of_settings_are_those_that_ask_and_those_that_answer() -> None:
    assert languages_of([Setting(RetrievalMode.cross, DE, (EN,))]) == {DE, EN}


@pytest.mark.parametrize("mode", list(RetrievalMode))
def test_a_mode_is_found_by_its_name(mode: RetrievalMode) -> None:
    assert retrieval_mode(mode.value) is mode


def test_an_unknown_mode_offers_the_closest() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown mode 'crss'; did you mean cross\?"):
        retrieval_mode("crss")


def test_a_mode_like_no_other_lists_them_all() -> None:
    with pytest.raises(UnknownNameError, match="'zzz'; known: mono, cross, multi, pair, pool"):
        retrieval_mode("zzz")


def test_an_unknown_language_offers_the_closest() -> None:
    with pytest.raises(UnknownNameError, match=r"unknown language 'deu'; did you mean .*\bde\b"):
        language("deu")


def test_a_language_has_the_code_that_mteb_uses() -> None:
    assert (DE.mteb_code, language("zh").mteb_code) == ("deu-Latn", "zho-Hans")
