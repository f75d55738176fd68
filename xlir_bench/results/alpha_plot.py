"""The figures of a sweep over alpha, as a table and as a page with a plot."""

from collections.abc import Mapping
from pathlib import Path

from rich import box
from rich.table import Table

from xlir_bench.errors import ResultError
from xlir_bench.paths import written_whole
from xlir_bench.results.table import figure

Rows = Mapping[float, Mapping[str, float]]
SHOWN = ("mono_AP", "cross_AP", "multi_AP", "multi_P@1", "multi_MRD")


def alpha_table(rows: Rows, task: str) -> Table:
    """Return a table with a row for each alpha."""
    table = Table(title=f"alpha on {task}", title_justify="left", box=box.SIMPLE_HEAD)
    for name in ("alpha", *SHOWN):
        table.add_column(name.replace("_", " "), justify="right")
    for alpha, figures in sorted(rows.items()):
        values = [figure(figures[f"{task}_{name}"], name.split("_")[1]) for name in SHOWN]
        table.add_row(f"{alpha:g}", *values)
    return table


def write_alpha_plot(rows: Rows, task: str, path: Path) -> None:
    """Write a page of its own: AP of the three modes, and MRD, against alpha.

    Raises:
        ResultError: plotly is not installed, or the file cannot be written.

    """
    try:
        from plotly.graph_objects import Figure, Scatter  # noqa: PLC0415 - an extra
    except ImportError as error:
        msg = "the plot needs plotly: pip install 'xlir-bench[report]'"
        raise ResultError(msg) from error
    alphas = sorted(rows)
    plot = Figure(layout={
        "title": f"Share of monolingual batches, {task}",
        "xaxis": {"title": "alpha (0: cross-lingual batches only, 1: monolingual only)"},
        "yaxis": {"title": "AP (higher is better)"},
        "yaxis2": {"title": "MRD (lower is better)", "overlaying": "y", "side": "right"},
    })  # fmt: skip
    for mode in ("mono", "cross", "multi"):
        values = [rows[alpha][f"{task}_{mode}_AP"] for alpha in alphas]
        plot.add_trace(Scatter(x=alphas, y=values, name=f"{mode} AP"))
    distances = [rows[alpha][f"{task}_multi_MRD"] for alpha in alphas]
    plot.add_trace(Scatter(x=alphas, y=distances, name="MRD", yaxis="y2", line={"dash": "dot"}))
    with written_whole(path) as temporary:
        plot.write_html(str(temporary), include_plotlyjs=True)
