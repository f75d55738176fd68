"""Options that several commands have, declared once: the same name means the same everywhere."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

Modes = Annotated[
    tuple[str, ...],
    Parameter(name="--mode", consume_multiple=True, negative="", show_default=False),
]
Measures = Annotated[
    tuple[str, ...],
    Parameter(name="--measures", consume_multiple=True, negative="", show_default=False),
]
ByLanguage = Annotated[bool, Parameter(name="--by-language", negative="", show_default=False)]
RunFile = Annotated[bool, Parameter(name="--run-file", negative="", show_default=False)]
OutputFolder = Annotated[Path, Parameter(name=["-o", "--output-folder"])]
