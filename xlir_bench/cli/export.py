"""``xlir-bench export``: a benchmark's settings as files of other tools."""

import sys
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter
from cyclopts.validators import Number

from xlir_bench.cli.names import chosen_task, settings_of_modes
from xlir_bench.cli.options import Modes

export = App(name="export", help="Write a benchmark for other tools: BEIR folders, TREC files.")


@export.command
def beir(name: str, folder: Path, /, *, mode: Modes = ()) -> None:
    """Write each setting as a BEIR data set: FOLDER/de-de, FOLDER/de-en, FOLDER/de-multi.

    They are what beir.datasets.data_loader.GenericDataLoader reads. With --mode mono the folder is
    a benchmark of all modes again: xlir-bench run -t FOLDER.

    Parameters
    ----------
    name:
        A benchmark, one mode of it, or the path of a BEIR folder: XQuADR, XQuADRMono.
    folder:
        A new folder.
    mode:
        Only these modes: mono, cross, multi.

    """
    from xlir_bench.exports.beir import write_beir
    from xlir_bench.exports.parts import parts
    from xlir_bench.paths import new_folder
    from xlir_bench.readers.read import read

    card, modes = chosen = chosen_task(name, mode)
    with new_folder(folder) as temporary:
        count = 0
        for part in parts(read(card), settings_of_modes(chosen)):
            write_beir(part, temporary / part.setting.subset)
            count += 1
    sys.stdout.write(f"{count} BEIR data sets of {card.name} ({', '.join(modes)}): {folder}\n")


@export.command
def trec(  # noqa: PLR0913 - one parameter an option
    name: str,
    folder: Path,
    /,
    *,
    mode: Modes = (),
    model: Annotated[str, Parameter(name=["-m", "--model"])] = "char-ngrams",
    runs: Annotated[bool, Parameter(name="--runs", show_default=False)] = True,
    depth: Annotated[int, Parameter(name="--depth", validator=Number(gte=1))] = 100,
    device: Annotated[str | None, Parameter(name="--device")] = None,
    batch_size: Annotated[int, Parameter(name="--batch-size", validator=Number(gte=1))] = 32,
) -> None:
    """Write topics, qrels and a model's runs: FOLDER/{topics,qrels,run}.de-multi.txt and so on.

    Every tool of the trec_eval family reads them; measures without a cutoff are then those of a run
    of --depth passages, not of the whole pool.

    Parameters
    ----------
    name:
        A benchmark, one mode of it, or the path of a BEIR folder: XQuADR, XQuADRMono.
    folder:
        A new folder.
    mode:
        Only these modes: mono, cross, multi.
    model:
        Whose runs; as in xlir-bench run. The default is the lexical floor.
    runs:
        --no-runs leaves them out: topics and qrels only.
    depth:
        Passages of each query in a run.
    device:
        cpu, cuda, cuda:1, mps (default: the fastest there is).
    batch_size:
        Texts a batch.

    """
    from xlir_bench.exports.parts import parts
    from xlir_bench.exports.trec import write_topics_and_qrels
    from xlir_bench.paths import new_folder
    from xlir_bench.readers.read import read

    card, modes = chosen = chosen_task(name, mode)
    collection, settings = read(card), settings_of_modes(chosen)
    with new_folder(folder) as temporary:
        for part in parts(collection, settings):
            write_topics_and_qrels(part, temporary)
        if runs:
            from xlir_bench.adapters.mteb.runs import write_runs

            write_runs(model, (card, collection), settings, temporary, depth, (device, batch_size))
    sys.stdout.write(f"TREC files of {card.name} ({', '.join(modes)}): {folder}\n")
