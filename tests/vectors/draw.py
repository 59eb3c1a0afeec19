#!/usr/bin/env python3
"""Draws the committed vectors from the full oracle tables. Deterministic: same tables, same bytes.

    python3 tests/vectors/draw.py /work/shared/oracle tests/vectors

Run from the repository's root (about five minutes; needs mpmath). The tables and their libraries are described in the
tables' own README. What a library only bounds at fractional orders (it adds the alternating series of Mironov, Talwar and
Zhang 2019, section 3.3, by absolute value, and gives up after 1000 terms) is computed here to 30 digits by mpmath, from the
integral itself: by Gauss-Legendre quadrature for single divergences, by the trapezoidal rule for whole epsilons.

A row is kept when the hash of its inputs falls into the table's share, or when it lies in a corner that is hard for
accountants (`hard`): little noise, rare sampling, ten thousand rounds, orders on which the library's series gave up.
"""
import hashlib
import json
import sys
from functools import cache
from pathlib import Path

import mpmath

SOURCE, TARGET = Path(sys.argv[1]), Path(sys.argv[2])


mpmath.mp.dps = 30
MPMATH = f"mpmath {mpmath.__version__}"
STANDARD_ORDERS = [tenth / 10 for tenth in range(11, 110)] + list(range(11, 64)) + [128, 256, 512, 1024]


@cache
def divergence(z, q, order, trapezoid=False):
    """Renyi divergence of order `order` between (1-q) N(0, z^2) + q N(1, z^2) and N(0, z^2)."""
    z, q, order = mpmath.mpf(z), mpmath.mpf(q), mpmath.mpf(order)
    if q == 1:
        return order / (2 * z * z)
    if order == int(order):
        n = int(order)
        weight = lambda i: mpmath.binomial(n, i) * (1 - q) ** (n - i) * q**i
        moment = mpmath.fsum(weight(i) * mpmath.expm1((i * i - i) / (2 * z * z)) for i in range(2, n + 1))
        return mpmath.log1p(moment) / (order - 1)

    def integrand(x):
        excess = q * mpmath.expm1((2 * x - 1) / (2 * z * z))
        if abs(order * excess) < 1e-4:
            # The series keeps the digits that the difference would lose.
            change = mpmath.fsum(mpmath.binomial(order, k) * excess**k for k in range(2, 10))
        else:
            change = mpmath.expm1(order * mpmath.log1p(excess)) - order * excess
        return mpmath.exp(-x * x / (2 * z * z)) * change

    factor = 1 / (z * mpmath.sqrt(2 * mpmath.pi))
    low, high = -15 * z, order + 15 * z
    if trapezoid:
        # Converges exponentially for an analytic integrand that decays like a Gaussian.
        step = min(z, z * z) / 6
        points = int((high - low) / step) + 1
        moment = step * mpmath.fsum(integrand(low + step * i) for i in range(points + 1))
    else:
        turn = z * z * mpmath.log((1 - q) / q) + mpmath.mpf(1) / 2
        pieces = max(16, int((high - low) / z), min(400, int((high - low) / (z * z) / 4)))
        points = {low + (high - low) * i / pieces for i in range(pieces + 1)}
        if low < turn < high:
            points.add(turn)
        moment = mpmath.quad(integrand, sorted(points), method="gauss-legendre", maxdegree=4)
    return mpmath.log1p(moment * factor) / (order - 1)


def epsilon(z, q, steps, delta):
    """Canonne, Kamath and Steinke 2020, Proposition 12, at the standard orders with exact divergences."""
    delta = mpmath.mpf(delta)
    best = mpmath.inf
    for order in map(mpmath.mpf, STANDARD_ORDERS):
        spent = steps * divergence(z, q, float(order), trapezoid=True)
        if delta * delta + mpmath.expm1(-spent) > 0:
            return 0.0
        best = min(best, spent + mpmath.log1p(-1 / order) - mpmath.log(delta * order) / (order - 1))
    return float(max(best, 0))


def rows(table, *accountants):
    every = json.loads((SOURCE / f"{table}.json").read_text())
    return [row for row in every if row["accountant"] in accountants and row["status"] == "ok"]


def share(inputs):
    text = json.dumps(inputs, sort_keys=True)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64


def write(name, about, columns, drawn):
    lines = ",\n".join(json.dumps(row, separators=(",", ":")) for row in drawn)
    sources = json.dumps(sorted({source for source in about}))
    columns = json.dumps(columns)
    text = f'{{"source":{sources},\n"columns":{columns},\n"rows":[\n{lines}\n]}}\n'
    (TARGET / f"{name}.json").write_text(text)
    print(f"{name}: {len(drawn)} rows, {len(text)} bytes", flush=True)


def sampled_gaussian():
    """Per inputs: the library's RDP value, and the bounds of the true epsilon that other libraries gave."""
    found, about = {}, []
    for row in rows("eps_subsampled_gaussian", "rdp", "exact_gaussian", "prv", "pld_pessimistic"):
        found.setdefault(json.dumps(row["inputs"], sort_keys=True), {})[row["accountant"]] = row
    drawn = []
    for text in sorted(found):
        inputs, by = json.loads(text), found[text]
        z, q, steps = inputs["noise_multiplier"], inputs["sampling_probability"], inputs["steps"]
        hard = (z <= 0.6 and q >= 0.1) or (q <= 1e-4 and steps >= 10000) or (z <= 0.5 and steps == 10000)
        if "rdp" not in by or not (hard or share(inputs) < 0.5):
            continue
        exact, prv, pld = (by.get(name) for name in ("exact_gaussian", "prv", "pld_pessimistic"))
        about += [row["library"] for row in by.values()]
        drawn.append([
            z, q, steps, inputs["delta"], epsilon(z, q, steps, inputs["delta"]), by["rdp"]["value"], by["rdp"]["optimal_order"],
            exact and exact["value"], prv and prv["lower"], pld and pld["value"],
        ])
    columns = ["noise_multiplier", "sampling_probability", "steps", "delta", "rdp_exact (mpmath)", "rdp",
               "rdp_order", "exact_gaussian", "prv_lower", "pld_pessimistic"]
    write("sampled_gaussian", [MPMATH, *about], columns, drawn)


def renyi_orders():
    drawn, about = [], []
    for row in rows("rdp_orders", "rdp_value"):
        about.append(row["library"])
        inputs = row["inputs"]
        value = None if row["value"] == "inf" else row["value"]
        at = inputs["noise_multiplier"], inputs["sampling_probability"], inputs["order"]
        drawn.append([*at, float(divergence(*at)), value])
    # Beyond the tables: where quadrature has it hardest.
    for z in (0.1, 0.15, 0.3, 1.0, 2.0, 10.0, 100.0):
        for q in (1e-6, 1e-3, 0.5, 0.9, 0.999):
            for order in (1.02, 1.1, 1.5, 3.05, 11.95, 23.95):
                drawn.append([z, q, order, float(divergence(z, q, order)), None])
    columns = ["noise_multiplier", "sampling_probability", "order", "exact (mpmath)", "library (null: it gave up or has no row)"]
    write("renyi_orders", [MPMATH, *about], columns, drawn)


def zcdp():
    found, about = {}, []
    for row in rows("zcdp", "rdp_default_orders", "zcdp_optimal_alpha", "gdp_exact_if_gaussian"):
        found.setdefault(json.dumps(row["inputs"], sort_keys=True), {})[row["accountant"]] = row
        about.append(row["library"])
    drawn = []
    for text in sorted(found):
        inputs, by = json.loads(text), found[text]
        names = ("rdp_default_orders", "zcdp_optimal_alpha", "gdp_exact_if_gaussian")
        drawn.append([inputs["rho"], inputs["delta"], *(by[name]["value"] for name in names)])
    columns = ["rho", "delta", "rdp_default_orders", "zcdp_optimal_alpha", "gdp_exact_if_gaussian"]
    write("zcdp", about, columns, drawn)


def gaussian():
    about, drawn = [], []
    for row in rows("gaussian_adjacency", "exact"):
        inputs = row["inputs"]
        if inputs["adjacency"] == "add_or_remove_one":
            about.append(row["library"])
            drawn.append([inputs["noise_multiplier"], inputs["delta"], row["value"]])
    write("gaussian", about, ["noise_multiplier", "delta", "epsilon"], drawn)


zcdp()
gaussian()
renyi_orders()
sampled_gaussian()
