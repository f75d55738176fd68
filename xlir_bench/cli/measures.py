"""``xlir-bench measures``: what a ranking can be scored with."""

from rich import box
from rich.table import Table

from xlir_bench.measures.catalogue import DESCRIPTIONS
from xlir_bench.results.table import show


def measures() -> None:
    """List the measures, spelled as ir_measures spells them; k is any cutoff from 1.

    ``rel`` is the lowest grade that counts as relevant: P(rel=2)@5.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in ("measure", "meaning", "better"):
        table.add_column(column)
    for line in DESCRIPTIONS:
        table.add_row(line.spelling, line.meaning, line.direction)
    show(table)
