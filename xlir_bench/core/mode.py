"""Retrieval modes and settings: who searches where."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from xlir_bench.core.language import Language
from xlir_bench.errors import UnknownNameError


class RetrievalMode(StrEnum):
    """What a query searches.

    Source: Elmahdy, Lin, Ahmad 2024, section 3, https://arxiv.org/abs/2408.10536 (mono, cross and
    multi); ``pair`` is the two-language scenario of Hong et al. 2026,
    https://arxiv.org/abs/2604.05684; ``pool`` is the multilingual mode on a choice of languages.
    """

    mono = "mono"
    """The corpus in the query's own language."""
    cross = "cross"
    """The corpus in one other language."""
    multi = "multi"
    """One pool of the corpora of all languages; every parallel answer is relevant."""
    pair = "pair"
    """One pool of two corpora: the query's language and one other; answers in both are relevant."""
    pool = "pool"
    """One pool of the corpora of chosen languages."""


def retrieval_mode(name: str) -> RetrievalMode:
    """Return the mode with this name.

    Raises:
        UnknownNameError: there is no such mode.

    """
    names = [mode.value for mode in RetrievalMode]
    if name not in names:
        raise UnknownNameError(name, names, kind="mode")
    return RetrievalMode(name)


@dataclass(frozen=True, slots=True)
class Setting:
    """A mode with its languages; the unit that is averaged into a mode's figure.

    Attributes:
        mode: what is searched.
        query_language: of the queries.
        corpus_languages: of the passages in the pool.

    """

    mode: RetrievalMode
    query_language: Language
    corpus_languages: tuple[Language, ...]

    def __str__(self) -> str:
        """Print as "mono/de", "cross/de-en", "multi/de", "pair/de+en" or "pool/de:ar+de+en"."""
        codes = [language.code for language in self.corpus_languages]
        tails = {"cross": f"-{codes[0]}", "pair": f"+{codes[-1]}", "pool": f":{'+'.join(codes)}"}
        tail = tails.get(self.mode, "")
        return f"{self.mode}/{self.query_language.code}{tail}"

    @property
    def subset(self) -> str:
        """Return the name of mteb's subset: "de-de", "de-en", "de-multi" or "de-de+en"."""
        codes = [language.code for language in self.corpus_languages]
        is_named = len(codes) == 1 or self.mode is RetrievalMode.pair
        return f"{self.query_language.code}-{'+'.join(codes) if is_named else 'multi'}"


def settings_of(mode: RetrievalMode, languages: Sequence[Language]) -> tuple[Setting, ...]:
    """Return the settings of a mode over languages: n(n-1) for cross and pair, n for the others."""
    every = tuple(languages)
    match mode:
        case RetrievalMode.mono:
            return tuple(Setting(mode, x, (x,)) for x in every)
        case RetrievalMode.cross:
            return tuple(Setting(mode, x, (y,)) for x in every for y in every if x != y)
        case RetrievalMode.pair:
            return tuple(Setting(mode, x, (x, y)) for x in every for y in every if x != y)
        case _:
            return tuple(Setting(mode, x, every) for x in every)


def languages_of(settings: Iterable[Setting]) -> set[Language]:
    """Return every language that some setting searches with or in."""
    return {x for s in settings for x in (s.query_language, *s.corpus_languages)}
