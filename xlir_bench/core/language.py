"""The one table of languages: our code, its script, its name and its code in mteb."""

from dataclasses import dataclass

from xlir_bench.errors import UnknownNameError


@dataclass(frozen=True, slots=True, order=True)
class Language:
    """A language as cards and results name it.

    Attributes:
        code: ISO 639-1, the spelling everywhere in xlir-bench ("de").
        script: ISO 15924 ("Latn").
        name: in English ("German").
        iso3: ISO 639-3 ("deu"), half of the mteb code.

    """

    code: str
    script: str
    name: str
    iso3: str

    @property
    def mteb_code(self) -> str:
        """Return mteb's spelling, ISO 639-3 and script: "deu-Latn"."""
        return f"{self.iso3}-{self.script}"


_TABLE = """
ar Arab Arabic ara        bn Beng Bengali ben     da Latn Danish dan     de Latn German deu
el Grek Greek ell         en Latn English eng     es Latn Spanish spa    fa Arab Persian fas
fi Latn Finnish fin       fr Latn French fra      hi Deva Hindi hin      id Latn Indonesian ind
it Latn Italian ita       ja Jpan Japanese jpn    ko Hang Korean kor     nl Latn Dutch nld
pl Latn Polish pol        pt Latn Portuguese por  ro Latn Romanian ron   ru Cyrl Russian rus
sv Latn Swedish swe       sw Latn Swahili swa     te Telu Telugu tel     th Thai Thai tha
tr Latn Turkish tur       uk Cyrl Ukrainian ukr   vi Latn Vietnamese vie yo Latn Yoruba yor
zh Hans Chinese zho
"""

LANGUAGES: dict[str, Language] = {
    code: Language(code, script, name, iso3)
    for code, script, name, iso3 in zip(*(iter(_TABLE.split()),) * 4, strict=True)
}
"""Every known language by its code."""


def language(code: str) -> Language:
    """Return the language with this ISO 639-1 code.

    Raises:
        UnknownNameError: the code is not in the table; closest codes are offered.

    """
    if code not in LANGUAGES:
        raise UnknownNameError(code, LANGUAGES, kind="language", hint="ISO 639-1 codes")
    return LANGUAGES[code]
