#!/usr/bin/env python3
"""murmur-sim budget against dp_accounting's PLDAccountant, alternating in one run.

    cargo build --release -p murmur-sim
    DP_ACCOUNTING_VENV=/path/to/venv python3 sim/benches/accountants.py target/release/murmur-sim

The venv holds the PyPI package dp-accounting. Ours is always a whole process; theirs is shown twice: the accountant's own
time inside an interpreter that has imported everything, and the whole process.
"""

import json
import os
import statistics
import subprocess
import sys
import time

DELTA = 1e-5
PRICES = [(1.0, 0.01, 10_000), (8.0, 1e-4, 10_000)]
NOISE = [(2.0, 0.01, 10_000), (1.0, 0.1, 1_000)]
PRICE_RUNS = 5

THEIRS = """
import json, sys, time
import dp_accounting as dp
from dp_accounting.pld import PLDAccountant
question, first, rate, rounds, delta, near = sys.argv[1], *map(float, sys.argv[2:])
def event(multiplier):
    return dp.SelfComposedDpEvent(dp.PoissonSampledDpEvent(rate, dp.GaussianDpEvent(multiplier)), int(rounds))
start = time.perf_counter()
if question == "epsilon":
    answer = PLDAccountant().compose(event(first)).get_epsilon(delta)
else:
    bracket = dp.ExplicitBracketInterval(near / 2, near * 2)
    answer = dp.calibrate_dp_mechanism(PLDAccountant, event, first, delta, bracket, tol=1e-4 * near)
print(json.dumps({"answer": answer, "seconds": time.perf_counter() - start}))
"""


def timed(command):
    start = time.perf_counter()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return time.perf_counter() - start, json.loads(done.stdout)


def ours(program, question, first, rate, rounds):
    option = "--noise-multiplier" if question == "epsilon" else "--epsilon"
    schedule = [option, str(first), "--sampling-rate", str(rate), "--rounds", str(rounds), "--delta", str(DELTA)]
    seconds, answer = timed([program, "budget", question, *schedule, "--accountant", "pld", "--json"])
    return seconds, answer["epsilon" if question == "epsilon" else "noise_multiplier"]


def theirs(python, question, first, rate, rounds, near):
    numbers = [str(value) for value in (first, rate, rounds, DELTA, near)]
    whole, answer = timed([python, "-c", THEIRS, question, *numbers])
    return whole, answer["seconds"], answer["answer"]


def compare(program, python, question, first, rate, rounds, runs):
    mine, whole, inside = [], [], []
    ours(program, question, first, rate, rounds)  # the program's pages are in memory, as those of python are
    for _ in range(runs):
        seconds, answer = ours(program, question, first, rate, rounds)
        mine.append(seconds)
        process, own, other = theirs(python, question, first, rate, rounds, answer)
        whole.append(process)
        inside.append(own)
    m, w, i = (statistics.median(values) for values in (mine, whole, inside))
    print(
        f"| {question} {first} q={rate} T={rounds} | {answer:.6f} in {m * 1000:.0f} ms | {other:.6f} in {i:.2f} s "
        f"({w:.2f} s whole) | {i / m:.0f} ({w / m:.0f}) |",
        flush=True,
    )


def main():
    venv = os.environ.get("DP_ACCOUNTING_VENV")
    if venv is None or len(sys.argv) != 2:
        sys.exit(__doc__)
    program, python = sys.argv[1], os.path.join(venv, "bin", "python")
    print("| question | murmur-sim, whole process | dp_accounting, own time | times faster (whole) |")
    print("|---|---|---|---|")
    for first, rate, rounds in PRICES:
        compare(program, python, "epsilon", first, rate, rounds, PRICE_RUNS)
    for first, rate, rounds in NOISE:
        compare(program, python, "noise", first, rate, rounds, PRICE_RUNS)


if __name__ == "__main__":
    main()
