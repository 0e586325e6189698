"""`python -m train.ablation`: trains variants of the network and compares them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runtime.errors import UserError
from runtime.support.cli import parse_options
from runtime.support.files.writing import check_writable
from train.ablation.options import AblationOptions
from train.threads import let_threads_sleep

PROG = "python -m train.ablation"


def main(argv: Sequence[str] | None = None) -> int:
    """Runs the command; returns its exit code."""
    let_threads_sleep()
    ablate(parse_options(AblationOptions, PROG, argv))
    return 0


def ablate(options: AblationOptions) -> Path:
    """Trains what isn't trained yet, and writes the table anew after each training.

    Finished runs are kept in the output folder and never repeated; an
    unfinished one goes on from its last epoch.

    Returns:
        Path of the table (Markdown).

    Raises:
        UserError: Options or data are wrong, or the folder holds runs that
            were made with other options.
    """
    from train.ablation.cost import measure_cost
    from train.ablation.runs import finish, plan_runs
    from train.ablation.table import summarise, write_table
    from train.checkpoint import load_checkpoint

    folder = Path(options.output_dir)
    check_writable(folder / "ablation.json", "--output_dir")
    if len(set(options.variants)) < len(options.variants):
        raise UserError("--variants names one twice")
    runs = plan_runs(options)
    table = folder / "ablation.md"
    for number, run in enumerate(runs, 1):
        print(f"run {number} of {len(runs)}: {run.variant}, seed {run.seed}", flush=True)
        last = number == len(runs)
        if not finish(run) and not last:
            continue
        done = {v: [r for r in runs[:number] if r.variant == v] for v in options.variants}
        rows = summarise({v: [r.result() for r in group] for v, group in done.items() if group})
        nets = {v: load_checkpoint(done[v][0].best)[0] for v in done if last}
        size = run.options.image_size
        cost = measure_cost(nets, size) if last else {}
        try:
            write_table(folder, rows, cost, run.options)
        except OSError as error:
            raise UserError(f"{error.filename or folder}: {error.strerror or error}") from error
    print(table.read_text(encoding="utf-8"))
    return table
