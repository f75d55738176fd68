"""Texts to terms: words that keep their combining marks, n-grams where nobody writes spaces.

Thai, Lao, Khmer and Burmese runs become character trigrams; Chinese, Japanese and Korean runs
bigrams, as in Lucene's CJKAnalyzer; other runs are words, stemmed by Snowball where it knows the
language. No stop words are taken out.
"""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from xlir_bench.core.language import Language
from xlir_bench.errors import UsageError

_STEMMERS = {
    "ar": "arabic", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "es": "spanish", "fi": "finnish", "fr": "french", "hi": "hindi", "id": "indonesian",
    "it": "italian", "nl": "dutch", "pt": "portuguese", "ro": "romanian", "ru": "russian",
    "sv": "swedish", "tr": "turkish",
}  # fmt: skip
_TWO = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}"
_THREE = r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_RUNS = rf"(?P<two>[{_TWO}]+)|(?P<three>[{_THREE}]+)|[[\w\p{{M}}]--[{_TWO}{_THREE}]]+"
_GRAMS = {"th": "trigrams"} | dict.fromkeys(("ja", "ko", "zh"), "bigrams")
_WIDTHS = {"two": 2, "three": 3}


@dataclass(frozen=True, slots=True)
class Analyzer:
    """How the texts of an index, and the queries that search it, become terms.

    Attributes:
        name: what results say of it.
        terms: a text to its terms, in no particular order.

    """

    name: str
    terms: Callable[[str], list[str]]


def analyzer(language: Language | None) -> Analyzer:
    """Return the analyzer of a language, or that of many languages without a stemmer.

    Raises:
        UsageError: the extra ``bm25`` is not installed.

    """
    try:
        import regex
        import Stemmer
    except ImportError as error:
        msg = f"BM25 needs {error.name}: pip install 'xlir-bench[bm25]'"
        raise UsageError(msg) from error
    find = regex.compile(_RUNS, regex.VERSION1).finditer
    algorithm = _STEMMERS.get(language.code) if language else None
    # PyStemmer keeps 10,000 words by default; a vocabulary is larger.
    stemmer = Stemmer.Stemmer(algorithm, 1_000_000) if algorithm else None

    def terms(text: str) -> list[str]:
        grams: list[str] = []
        words: list[str] = []
        for found in find(unicodedata.normalize("NFKC", text).lower()):
            run, width = found.group(), _WIDTHS.get(found.lastgroup or "", 0)
            if width:
                grams += [run[i : i + width] for i in range(max(1, len(run) - width + 1))]
            else:
                words.append(run)
        return grams + (stemmer.stemWords(words) if stemmer else words)

    kind = _GRAMS.get(language.code, "words, no stemmer") if language else "words, no stemmer"
    return Analyzer(f"words, Snowball {algorithm}" if algorithm else kind, terms)
