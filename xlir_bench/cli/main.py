"""The ``xlir-bench`` command: its verbs, and what becomes of errors."""

import sys
from importlib.metadata import version

from cyclopts import App, CycloptsError

from xlir_bench.cli import (
    bm25,
    compare,
    data,
    export,
    fuse,
    leaderboard,
    measures,
    models,
    run,
    score,
    show,
    submit,
    sweep,
    tasks,
    train,
)
from xlir_bench.errors import XlirError

app = App(
    name="xlir-bench",
    version=version("xlir-bench"),
    help="""Measure encoders for monolingual, cross-lingual and multilingual retrieval.

    The same tasks run under mteb: mteb run -m char-ngrams -t XLIRMini
    """,
    help_epilogue="""Examples:

    xlir-bench run -m char-ngrams -t XLIRMini            offline, in seconds

    xlir-bench run -m ./my-model -t XQuADR MLQAR         a local folder

    xlir-bench run -m ./my-model -t XQuADR --pool en,de  one pool: seconds

    xlir-bench measures qrels.txt run.txt -m AP MRD      any run, any measure

    xlir-bench show char-ngrams XLIRMini                 read errors, query by query

    xlir-bench compare ./a ./b -t XQuADR                 differences with p-values

    xlir-bench leaderboard -t XQuADR --format latex      a table to publish

    xlir-bench run -m ./my-model -t ./my-beir-folder     your own data

    xlir-bench export beir XQuADR ./beir                 files for other tools

    xlir-bench score run.txt -t XQuADRMulti              a run made elsewhere

    xlir-bench bm25 -t XLIRMini                          the lexical baseline

    xlir-bench train -r hybrid --base ./base -o ./mine   fine-tune with hybrid batches

    xlir-bench models export xlir-hybrid ./plain         a folder for other tools

    xlir-bench tasks XQuADR                              counts, licence, citation

    Exit status: 0 done; 1 a problem named on standard error; 2 wrong usage; 130 interrupted.
    """,
    help_format="plaintext",
    suppress_keyboard_interrupt=False,  # ours says that the work is kept
)
app.command(run.run)
app.command(tasks.tasks)
app.command(data.data)
app.command(measures.measures)
app.command(show.show)
app.command(compare.compare)
app.command(leaderboard.leaderboard)
app.command(submit.submit)
app.command(train.train)
app.command(sweep.sweep)
app.command(export.export)
app.command(score.score)
app.command(bm25.bm25)
app.command(fuse.fuse)
app.command(models.models)


def main() -> None:
    """Run the command line and exit with its status."""
    sys.exit(status(sys.argv[1:]))


def status(arguments: list[str]) -> int:
    """Run one command; print what the user can fix in one line and return the exit status."""
    try:
        app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except CycloptsError as error:
        return _complain(" ".join(str(error).split()), 2)
    except XlirError as error:
        return _complain(str(error), error.exit_code)
    except KeyboardInterrupt:
        return _complain("interrupted; the same command goes on where this one stopped", 130)
    except OSError as error:
        return _complain(f"{error.strerror or error}: {error.filename or ''}".rstrip(": "), 1)
    return 0


def _complain(message: str, exit_status: int) -> int:
    sys.stderr.write(f"xlir-bench: error: {message}\n")
    return exit_status
