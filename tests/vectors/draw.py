#!/usr/bin/env python3
"""Draws the committed vectors from the full oracle tables. Deterministic: same tables, same bytes.

    python3 tests/vectors/draw.py /work/shared/oracle tests/vectors [NAME...]

Run from the repository's root (about five minutes for all; needs mpmath). Names draw some files only. The tables and their libraries are described in the
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
    # And high above the orders at which a series is usually tried.
    for z in (0.3, 1.0, 4.0):
        for q in (1e-3, 0.5):
            for order in (63.5, 255.75, 1023.9):
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



def tree_aggregation():
    drawn, about = [], []
    for row in rows("tree_aggregation", "rdp"):
        i = row["inputs"]
        if share(i) < 0.25:
            about.append(row["library"])
            drawn.append([i["noise_multiplier"], i["step_counts"], i["restarts"], i["delta"], row["value"]])
    write("tree_aggregation", about, ["noise_multiplier", "leaves", "trees", "delta", "epsilon (rdp)"], drawn)


def without_replacement():
    drawn, about = [], []
    for row in rows("fixed_size_wor", "rdp"):
        i = row["inputs"]
        if share(i) < 0.25:
            about.append(row["library"])
            drawn.append([i["noise_multiplier"], i["population"], i["cohort"], i["steps"], i["delta"], row["value"]])
    columns = ["noise_multiplier (replace-one)", "population", "cohort", "steps", "delta", "epsilon (rdp)"]
    write("without_replacement", about, columns, drawn)


def distributed():
    drawn, about = [], []
    for row in rows("ddgauss_skellam", "rdp"):
        i = row["inputs"]
        if share(i) < 0.35:
            about.append(row["library"].split(" (")[0])
            drawn.append([
                i["mechanism"] == "distributed_skellam", i["dim"], i["num_clients"], i["l2_clip"], i["granularity"],
                i["local_stddev"], i["beta"], i["sampling_probability"], i["steps"], i["delta"], row["value"],
                row.get("rounded_l2_norm_integer_grid"),
            ])
    columns = ["skellam", "dimension", "devices", "clip", "granularity", "local standard deviation", "rejection", "rate",
               "steps", "delta", "epsilon (rdp)", "norm after rounding"]
    write("distributed", about, columns, drawn)


def laplace():
    found, about = {}, []
    for row in rows("discrete_mechanisms", "rdp", "pld_pessimistic"):
        if row["inputs"]["mechanism"] == "laplace":
            found.setdefault(json.dumps(row["inputs"], sort_keys=True), {})[row["accountant"]] = row
            about.append(row["library"])
    drawn = []
    for text in sorted(found):
        i, by = json.loads(text), found[text]
        values = by["rdp"]["value"], by["pld_pessimistic"]["value"]
        drawn.append([i["noise_multiplier"], i["steps"], i["delta"], *values])
    write("laplace", about, ["noise_multiplier", "steps", "delta", "rdp", "pld_pessimistic"], drawn)


def matrix_factorisation():
    drawn, about = [], []
    for row in rows("matrix_factorization", "minsep_sensitivity"):
        i = row["inputs"]
        if share(i) < 0.4 or i["mechanism"] == "banded_dense":
            about.append(row["library"])
            bands, dense = i.get("bands", 1), i.get("C", [])
            buffers = list(zip(i.get("buf_decay", []), i.get("output_scale", [])))
            columns = [[below[at] for below in dense[at:at + bands]] for at in range(len(dense))]
            drawn.append([i["mechanism"], i["n"], bands, i["min_sep"], i["max_participations"], buffers, columns, row["value"]])
    columns = ["kind", "rounds", "bands", "separation", "participations (null: all that fit)", "buffers", "columns",
               "sensitivity"]
    write("matrix_factorisation", about, columns, drawn)


def adjacency():
    found, about = {}, []
    for row in rows("gaussian_adjacency", "rdp", "pld_pessimistic"):
        found.setdefault(json.dumps(row["inputs"], sort_keys=True), {})[row["accountant"]] = row
        about.append(row["library"])
    drawn = []
    for text in sorted(found):
        i, by = json.loads(text), found[text]
        rdp, pld = (by[name]["value"] if name in by else None for name in ("rdp", "pld_pessimistic"))
        drawn.append([i["adjacency"], i["noise_multiplier"], i["sampling_probability"], i["steps"], i["delta"], rdp, pld])
    columns = ["adjacency", "noise_multiplier", "rate", "steps", "delta", "rdp", "pld_pessimistic"]
    write("adjacency", about, columns, drawn)


def calibration():
    found, about = {}, []
    for row in rows("sigma_calibration", "exact_gaussian", "rdp", "pld"):
        if share(row["inputs"]) < 0.25 or row["accountant"] == "pld":
            found.setdefault(json.dumps(row["inputs"], sort_keys=True), {})[row["accountant"]] = row
            about.append(row["library"])
    drawn = []
    for text in sorted(found):
        i, by = json.loads(text), found[text]
        found_by = [by[name]["value"] if name in by else None for name in ("exact_gaussian", "rdp", "pld")]
        drawn.append([i["target_epsilon"], i["delta"], i["sampling_probability"], i["steps"], *found_by])
    for row in rows("gaussian_adjacency", "exact_sigma"):
        i = row["inputs"]
        drawn.append([i["target_epsilon"], i["delta"], 1, 1, row["value"], None, None])
    columns = ["target_epsilon", "delta", "rate", "steps"] + [f"noise_multiplier ({by})" for by in ("exact", "rdp", "pld")]
    write("calibration", about, columns, drawn)


def renyi_mechanisms():
    """Divergences of other mechanisms, from their definition, at 40 digits: sums over the integers, integrals over the reals.

    What is compared differs by kind: `equal` where the accountant knows the divergence of this very pair, `bound` where the
    pair is one of those that its theorem bounds.
    """
    mp = mpmath.mp.clone()
    mp.dps = 40
    drawn = []

    def both(order, first, second):
        return max(order(first, second), order(second, first))

    def discrete(alpha, pmf, shift, reach):
        """Both directions between pmf(x) and pmf(x - shift)."""
        def moment(first, second):
            return mp.fsum(first(x) ** alpha * second(x) ** (1 - alpha) for x in range(-reach, reach + shift + 1))
        moved = lambda x: pmf(x - shift)
        return mp.log(both(moment, pmf, moved)) / (alpha - 1)

    def continuous(alpha, first, second, kinks):
        def moment(first, second):
            return mp.quad(lambda x: first(x) ** alpha * second(x) ** (1 - alpha), kinks)
        return mp.log(both(moment, first, second)) / (alpha - 1)

    def add(kind, worth, noise, shift, rate, alpha, value):
        drawn.append([kind, worth, noise, shift, rate, alpha, float(value)])

    orders = [1.1, 1.5, 2, 7, 30.5]
    for alpha in map(mp.mpf, orders):
        for scale in (0.5, 3, 1000):
            density = lambda x: mp.exp(-abs(x) / scale) / (2 * scale)
            kinks = [-80 * scale, 0, 1, 80 * scale]
            found = continuous(alpha, density, lambda x: density(x - 1), kinks)
            add("laplace", "equal", scale, 1, 1, float(alpha), found)
        for scale, shift in ((0.5, 1), (3, 1), (3, 7), (40, 5)):
            p = mp.exp(-1 / mp.mpf(scale))
            found = discrete(alpha, lambda x: (1 - p) / (1 + p) * p ** abs(x), shift, 100 * int(scale + 1))
            add("discrete_laplace", "equal", scale, shift, 1, float(alpha), found)
        for sigma, shift in ((0.4, 1), (1, 1), (3, 5)):
            weight = lambda x: mp.exp(-mp.mpf(x) ** 2 / (2 * mp.mpf(sigma) ** 2))
            whole = mp.fsum(weight(x) for x in range(-200, 201))
            found = discrete(alpha, lambda x: weight(x) / whole, shift, 150)
            add("discrete_gaussian", "bound", sigma, shift, 1, float(alpha), found)
        for scale, rate in ((1, 0.1), (1, 0.9), (4, 0.01)):
            density = lambda x: mp.exp(-abs(x) / scale) / (2 * scale)
            mixed = lambda x: (1 - mp.mpf(rate)) * density(x) + mp.mpf(rate) * density(x - 1)
            found = continuous(alpha, density, mixed, [-80 * scale, 0, 1, 80 * scale])
            add("poisson_laplace", "bound", scale, 1, rate, float(alpha), found)
        for sigma, rate in ((1, 0.1), (1, 0.9), (4, 0.01)):
            # One device of a sample of fixed size says +1/2 or -1/2, all others 0: replacing it moves the sum by 1.
            density = lambda x: mp.exp(-x * x / (2 * mp.mpf(sigma) ** 2)) / mp.sqrt(2 * mp.pi) / sigma
            mixed = lambda at: lambda x: (1 - mp.mpf(rate)) * density(x) + mp.mpf(rate) * density(x - at)
            reach = 14 * sigma + int(alpha)
            half = mp.mpf(1) / 2
            found = continuous(alpha, mixed(half), mixed(-half), mp.linspace(-reach, reach, 33))
            add("without_replacement", "bound", sigma, 1, rate, float(alpha), found)
        for sigma, shares, shift in ((1, 4, 1), (3, 2, 2)):
            # Skellam of variance v: e^-v I_|x|(v).
            v = mp.mpf(shares * sigma**2)
            known = {x: mp.exp(-v) * mp.besseli(x, v) for x in range(0, 320)}
            found = discrete(alpha, lambda x: known[abs(x)], shift, 100)
            add("skellam", "bound", sigma, shift, shares, float(alpha), found)
        for sigma, shares, shift in ((0.5, 2, 1), (0.6, 3, 1), (1, 3, 2)):
            weight = [mp.exp(-mp.mpf(x) ** 2 / (2 * mp.mpf(sigma) ** 2)) for x in range(-40, 41)]
            whole = mp.fsum(weight)
            one = {x - 40: w / whole for x, w in enumerate(weight)}
            total = one
            for _ in range(shares - 1):
                longer = {}
                for x, w in total.items():
                    for y, u in one.items():
                        longer[x + y] = longer.get(x + y, 0) + w * u
                total = longer
            # Far tails of the truncated shares are cut off: a little less than the truth, which is what a lower bound may be.
            found = discrete(alpha, lambda x: total.get(x, mp.mpf(0)) or mp.mpf("1e-3000"), shift, 22)
            add("distributed_discrete_gaussian", "bound", sigma, shift, shares, float(alpha), found)
    columns = ["kind", "worth", "noise of one share", "shift", "rate, or shares", "order", "divergence (mpmath)"]
    write("renyi_mechanisms", [MPMATH], columns, drawn)


def loss_distributions():
    """Upper bounds by other libraries' loss distributions, and lower bounds where they gave any."""
    found, about = {}, []
    tables = ("eps_subsampled_gaussian", "truncated_poisson", "gaussian_adjacency", "discrete_mechanisms")
    for table in tables:
        for row in rows(table, "pld_pessimistic", "prv"):
            if isinstance(row["value"], (int, float)):
                found.setdefault(json.dumps(row["inputs"], sort_keys=True), []).append(row)
    drawn = []
    for text in sorted(found):
        inputs, given = json.loads(text), found[text]
        if share(inputs) >= 0.2:
            continue
        about += [row["library"] for row in given]
        kind = inputs.get("mechanism", "gaussian").replace("poisson_", "").replace("truncated_gaussian", "truncated")
        decay = inputs.get("noise_parameter")
        noise = 1 / decay if decay else inputs.get("noise_multiplier", inputs.get("sigma_parameter"))
        drawn.append([
            kind, noise, inputs.get("sensitivity", 1), inputs.get("sampling_probability", 1), inputs["steps"], inputs["delta"],
            inputs["adjacency"] == "replace_one", inputs.get("dataset_size", 0), inputs.get("truncated_batch_size", 0),
            min(row.get("upper") or row["value"] for row in given),
            max(row.get("lower") or row.get("lower_bound_pld_optimistic") or 0 for row in given),
        ])
    columns = ["kind", "noise", "bound", "rate", "steps", "delta", "replace-one", "population", "cap", "upper", "lower"]
    write("loss_distributions", about, columns, drawn)


def privunit2():
    """Best parameters; and the norm and the exact epsilon of other parameters, which published rules chose."""
    drawn, about = [], []
    for row in rows("privunit2", "exact_privacy_optimal_split"):
        i, value = row["inputs"], row["value"]
        if share(i) < 0.5 or i["epsilon"] >= 128:
            about.append(row["library"])
            found = [value[name] for name in ("gamma", "p", "log_q", "m", "l2_squared_error")]
            drawn.append(["best", i["d"], i["epsilon"], *found])
    for row in rows("privunit2", "paper_bounds_16a_16b_optimal_split"):
        i, value = row["inputs"], row["value"]
        if share(i) < 0.5:
            drawn.append(["given", i["d"], value["exact_eps_of_these_parameters"], value["gamma"], value["p"], None, value["m"],
                          value["l2_squared_error"]])
    for row in rows("privunit2", "m_paper_eq15"):
        i, value = row["inputs"], row["value"]
        about.append(row["library"])
        drawn.append(["given", i["d"], value["exact_eps"], i["gamma"], value["p"], value["log_q"], value["m"], None])
    columns = ["kind", "dimension", "epsilon", "gamma", "p", "log_q", "m", "squared error"]
    write("privunit2", about, columns, drawn)


def privunitg():
    drawn, about = [], []
    for row in rows("privunitg", "optimal"):
        i, value = row["inputs"], row["value"]
        about.append(row["library"])
        found = [value[name] for name in ("gamma", "p", "m", "expected_alpha_sq", "l2_squared_error")]
        drawn.append([i["d"], i["epsilon"], *found])
    columns = ["dimension", "epsilon", "gamma", "p", "m", "mean square along", "squared error"]
    write("privunitg", about, columns, drawn)


def scalardp():
    drawn, about = [], []
    for row in rows("scalardp", "exact"):
        i, value = row["inputs"], row["value"]
        if share(i) < 0.4:
            about.append(row["library"])
            found = [value[name] for name in ("a", "b", "variance", "keep_probability", "output_min", "output_max", "k_default")]
            drawn.append([i["epsilon"], i["r_max"], i["k"], i["r"], *found])
    columns = ["epsilon", "max", "levels", "magnitude", "a", "b", "variance", "keep probability", "least", "most", "usual levels"]
    write("scalardp", about, columns, drawn)


def caps():
    """Shares of the sphere and of the normal law, and what follows for PrivUnit2, at 40 digits and far beyond the tables."""
    mp = mpmath.mp.clone()
    mp.dps = 40
    drawn = []
    for dimension in (2, 3, 4, 5, 10, 100, 1000, 10**5, 10**7):
        for gamma in (0.0, 1e-9, 1e-4, 0.01, 0.02, 0.3, 0.5, 0.9, 0.999, 1 - 2.0**-24):
            power, g = dimension - 2, mp.mpf(gamma)
            sine = mp.sqrt((1 - g) * (1 + g))
            angle = mp.atan2(sine, g)
            # Relative to the edge of the cap; what is left out is below e^-100.
            reach = angle
            if power:
                reach = min(angle, mp.sqrt(mp.mpf(200) / power), 100 * sine / (power * g) if gamma else angle)
            weight = lambda y: (mp.cos(y) - g / sine * mp.sin(y)) ** power
            integral = mp.quad(weight, mp.linspace(0, reach, 25))
            ln_constant = mp.loggamma(mp.mpf(dimension) / 2) - mp.loggamma(mp.mpf(dimension - 1) / 2) - mp.log(mp.pi) / 2
            log_q = ln_constant + power * mp.log(sine) + mp.log(integral)
            if log_q < -1e6:
                continue
            q, mean = mp.exp(log_q), sine / ((dimension - 1) * integral)
            for p in (0.625, 0.9921875):
                p = mp.mpf(p)
                epsilon = mp.log(p / (1 - p)) + mp.log1p(-q) - log_q
                drawn.append([dimension, gamma, float(p), float(log_q), float(mean * (p - q) / (1 - q)), float(epsilon)])
    write("caps", [MPMATH], ["dimension", "gamma", "p", "log_q", "m", "epsilon"], drawn)


QUICK = [zcdp, gaussian, tree_aggregation, without_replacement, distributed, laplace, matrix_factorisation, adjacency,
         calibration, renyi_mechanisms, loss_distributions, privunit2, privunitg, scalardp, caps]
SLOW = [renyi_orders, sampled_gaussian]
wanted = sys.argv[3:]
for draw in QUICK + SLOW:
    if not wanted or draw.__name__ in wanted:
        draw()
