"""Set `plan` by what an H100 measured, and say how far off it is.

    python -m benchmarks.plan_fit [--count [NAME ...]]

Reads the measured steps (veggie_pl/planning/measured.json) and what was counted of them, fits the constants of
``veggie_pl.planning.devices.Rates`` by least squares of logarithms, and writes them to planning/constants.json there.
Prints each row beside its prediction, twice: with constants that know it, and with constants fitted without any
measurement of that step (leave one step out). ``--count`` counts the steps again first, which takes minutes: after a
change of the training step.
"""

import argparse
import json
import math
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from veggie_pl.commands.plan import PlanCLI
from veggie_pl.files import TRAINING
from veggie_pl.planning import measured
from veggie_pl.planning.counting import Counted, count_step
from veggie_pl.planning.devices import CONSTANTS, GIB, GPUS, Rates
from veggie_pl.planning.measured import Inside, Row
from veggie_pl.planning.predict import priced
from veggie_pl.planning.timeline import device_seconds, run
from veggie_pl.planning.work import Work, total

GPU = "h100"
# What one would guess without any measurement: where the fit starts, and what it falls back to where rows say little.
GUESS = Rates(0.5, 0.65, 0.4, 0.6, 0.4, 2e-6, 25e-6, 50e-6, 15e-6, measured.host_seconds_a_sample())
FREE = ("convolution", "product", "attention", "moved", "turned", "kernel", "called", "again", "replayed")
FAMILIES = ("straightforward", "prefix", "LoRA")  # names of steps begin so
BELIEF = math.log(1.7)  # how far a guess may well be off
SPREAD = 0.07  # of one step measured three times, on three days and versions
APART = 0.10  # of a part, which a step may hide


def rates_of(free: NDArray[np.float64]) -> Rates:
    """The constants at a place of the fit."""
    return replace(GUESS, **dict(zip(FREE, np.exp(free).tolist(), strict=True)))


def seconds_of(step: str, rates: Rates) -> float:
    """Predict a step."""
    counted = measured.counts()[step]
    return run(counted.phases, replace(GPUS[GPU], rates=rates), counted.size).seconds


def seconds_inside(part: Inside, rates: Rates) -> float:
    """Predict a part of a step."""
    phases, device = measured.counts()[part.step].phases, replace(GPUS[GPU], rates=rates)
    if hasattr(Work(), part.what):
        done = getattr(total([phase.work for phase in phases]), part.what)
        return device_seconds(Work(**{part.what: done}), device)
    return run([phase for phase in phases if phase.name in part.what.split(" and ")], device, 0).seconds


def fit(rows: Iterable[Row], inside: Iterable[Inside]) -> Rates:
    """Find the constants that miss least, in logarithms."""
    kept, parts = [row for row in rows if row.seconds], list(inside)
    start = np.log([getattr(GUESS, name) for name in FREE])

    def misses(free: NDArray[np.float64]) -> NDArray[np.float64]:
        rates = rates_of(free)
        own = [math.log(seconds_of(row.step, rates) / (row.seconds or 1)) / SPREAD for row in kept]
        own += [math.log(seconds_inside(part, rates) / part.seconds) / APART for part in parts]
        return np.array([*own, *((free - start) / BELIEF)])

    tops = np.log([1.0] * 5 + [np.inf] * 4)
    return rates_of(least_squares(misses, np.minimum(start, tops - 1e-3), bounds=(-np.inf, tops), diff_step=1e-4).x)


def without(start: str) -> Rates:
    """Fit as if no step whose name begins so had ever been measured."""
    return fit(
        (row for row in measured.rows() if not row.step.startswith(start)),
        (part for part in measured.inside() if not part.step.startswith(start)),
    )


def off(found: float, real: float) -> float:
    """How far off a prediction is, as a share of what is real."""
    return found / real - 1


def count(names: Sequence[str]) -> None:
    """Count steps again, and keep what was counted."""
    known = dict(measured.counts()) if measured.COUNTS.exists() else {}
    for name in names or measured.steps():
        step = measured.steps()[name]
        config = PlanCLI(step.args, run=False, parser_kwargs={"default_config_files": TRAINING}).config
        config.data.batch_size, config.trainer.callbacks = step.batch, None
        known[name] = count_step(config, step.frames, step.text_tokens)
        print(name, f"{sum(phase.work.flops for phase in known[name].phases) / 1e12:.1f} TFLOP", flush=True)
        measured.write_counts({one: known[one] for one in measured.steps() if one in known})
    measured.counts.cache_clear()


def peak_of(counted: Counted) -> float:
    """Predict the most bytes allocated, without the driver's own."""
    return priced(counted, replace(GPUS[GPU], reserved=0.0)).peak


def main() -> None:
    """Fit, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", nargs="*", metavar="NAME", help="count these steps again, or all")
    options = parser.parse_args()
    sys.argv = sys.argv[:1]  # LightningCLI looks at it
    if options.count is not None:
        count(options.count)
    rates = fit(measured.rows(), measured.inside())
    kinds = ("time", "time, step left out", "nano", "nano, step left out", "memory")
    errors: dict[str, list[float]] = {kind: [] for kind in kinds}
    print("| step | session | s | predicted | error | left out | peak GiB | predicted | error |")
    print("|---|---|---:|---:|---:|---:|---:|---:|---:|")
    fresh = {step: without(step) for step in {row.step for row in measured.rows() if row.seconds}}
    for row in measured.rows():
        cells = [row.step, row.session]
        if row.seconds:
            found, unseen = (seconds_of(row.step, one) for one in (rates, fresh[row.step]))
            misses = off(found, row.seconds), off(unseen, row.seconds)
            cells += [f"{row.seconds:.3f}", f"{found:.3f}", *(f"{100 * miss:+.0f} %" for miss in misses)]
            small = row.step.startswith("nano")
            errors["nano" if small else "time"].append(abs(misses[0]))
            errors["nano, step left out" if small else "time, step left out"].append(abs(misses[1]))
        else:
            cells += ["out of memory", "", "", ""]
        if row.peak:
            peak = peak_of(measured.counts()[row.step])
            miss = off(peak, row.peak)
            cells += [f"{'' if row.seconds else '> '}{row.peak / GIB:.1f}", f"{peak / GIB:.1f}"]
            cells += [f"{100 * miss:+.0f} %" if row.seconds else ""]
            if row.seconds:
                errors["memory"].append(abs(miss))
        else:
            cells += ["", "", ""]
        print("| " + " | ".join(cells) + " |")
    print("\n| inside a step | ms | predicted |\n|---|---:|---:|")
    for part in measured.inside():
        print(f"| {part.step}: {part.what} | {part.seconds * 1e3:.0f} | {seconds_inside(part, rates) * 1e3:.0f} |")
    for family in FAMILIES:
        unknown, own = without(family), [row for row in measured.rows() if row.step.startswith(family)]
        missed = [abs(off(seconds_of(row.step, unknown), row.seconds)) for row in own if row.seconds]
        print(f"\nmean error of {family}, none of it known: {100 * statistics.mean(missed):.1f} %")
    means = {name: round(statistics.mean(values), 4) for name, values in errors.items()}
    print("\nmean error: " + ", ".join(f"{name} {100 * value:.1f} %" for name, value in means.items()))
    kept = {name: float(f"{value:.4g}") for name, value in asdict(rates).items()}
    CONSTANTS.write_text(json.dumps({"gpu": GPU, "rates": kept, "mean_errors": means}, indent=2) + "\n")
    print(json.dumps(kept))


if __name__ == "__main__":
    main()
