"""One HTML file with tables and plots that opens without a network.

The plots are Observable Plot's, inlined with D3 (web/LICENSES.txt); sorting, filtering and the
query explorer are in web/page.js. Tables are in the HTML itself, so that they can be read without
scripts.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from xlir_bench.cards.task import TaskCard
from xlir_bench.errors import ResultError
from xlir_bench.leaderboard import words
from xlir_bench.leaderboard.board import Board
from xlir_bench.leaderboard.page_data import BIAS_WORDS, board_data
from xlir_bench.readers.read import read
from xlir_bench.results.table import figure

WEB = Path(__file__).parent / "web"


def page(boards: Sequence[Board], texts: Sequence[TaskCard] = ()) -> str:
    """Return a page of boards.

    Args:
        boards: its tables.
        texts: benchmarks whose queries and first passages are copied into the page.

    Raises:
        ResultError: no model of a benchmark in ``texts`` has kept its first passages.
        DataError: a benchmark's texts are not there.

    """
    shown = {card.name for card in texts}
    data = [board_data(b, read(b.card) if b.card.name in shown else None) for b in boards]
    for board in data:
        if board["name"] in shown and board["texts"] is None:
            msg = (
                f"no result of {board['name']} has its first passages beside it; run a model again"
                f" and name its folder: --results DIR (the results that ship keep none)"
            )
            raise ResultError(msg)
    return render("page.html.j2", data, boards=boards, bias_words=BIAS_WORDS)


def render(template: str, data: object, **values: Any) -> str:  # noqa: ANN401 - a template's values
    """Return a template of ``web`` filled with values, with ``data`` for its scripts."""
    environment = Environment(
        loader=FileSystemLoader(WEB),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["figure"] = figure
    return environment.get_template(template).render(
        words=words,
        data=script_data(data),
        inline=lambda name: Markup((WEB / name).read_text(encoding="utf-8")),  # noqa: S704 - ours
        **values,
    )


def script_data(data: object) -> Markup:
    """Return JSON that cannot end the script element that it stands in."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    escaped = text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")
    return Markup(escaped)  # noqa: S704 - escaped above
