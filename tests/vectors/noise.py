#!/usr/bin/env python3
"""Writes noise.json: tails P(|X| >= m) of the laws that noise is drawn from, by other means than the samplers use.

    python3 tests/vectors/noise.py tests/vectors/noise.json

Run from the repository's root (a minute or two; needs mpmath). Each row is a law, its scale, m, and floor(P(|X| >= m) 2^192) in
hexadecimal.

- rounded_gaussian: mpmath's erfc.
- discrete_gaussian: the sum itself below scale 2000, Euler and Maclaurin's formula above.
- discrete_laplace: the closed form.
- skellam: Miller's downward recurrence for I_n, normalised by its sum, up to 2^16; Gauss-Legendre quadrature of the inversion
  integral above.
"""
import json
import sys

import mpmath
from mpmath import mpf

mpmath.mp.dps = 90
BITS = 192


def rounded_gaussian(sigma, m):
    return mpmath.erfc(mpf(2 * m - 1) / (2 * sigma) / mpmath.sqrt(2))


def gaussian_sum(sigma, m):
    """Sum of exp(-j^2 / (2 sigma^2)) over j >= m."""
    if sigma < 2000:
        return mpmath.fsum(mpmath.exp(-mpf(j) ** 2 / (2 * sigma**2)) for j in range(m, m + 40 * sigma + 40))
    x = mpf(m) / sigma
    value = mpmath.exp(-x * x / 2)
    total = sigma * mpmath.sqrt(mpmath.pi / 2) * mpmath.erfc(x / mpmath.sqrt(2)) + value / 2
    hermite = [mpf(1), x]
    while len(hermite) < 64:
        hermite.append(x * hermite[-1] - (len(hermite) - 1) * hermite[-2])
    for k in range(1, 16):
        derivative = -hermite[2 * k - 1] * value / mpf(sigma) ** (2 * k - 1)
        total -= mpmath.bernoulli(2 * k) / mpmath.factorial(2 * k) * derivative
    return total


def discrete_gaussian(sigma, m):
    return 2 * gaussian_sum(sigma, m) / (1 + 2 * gaussian_sum(sigma, 1))


def discrete_laplace(scale, m):
    return 2 * mpmath.exp(-mpf(m) / scale) / (1 + mpmath.exp(-mpf(1) / scale))


def skellam_by_recurrence(sigma, wanted):
    """Tails at several m by one pass."""
    z, top = mpf(sigma) ** 2, 25 * sigma + 120
    wanted, tails = set(wanted), {}
    above, here, total = mpf(0), mpf(1), mpf(0)
    for n in range(top, 0, -1):
        total += here
        if n in wanted:
            tails[n] = total
        above, here = here, above + 2 * n / z * here
    return {n: 2 * tail / (here + 2 * total) for n, tail in tails.items()}


def skellam_by_quadrature(sigma, m):
    z, odd = mpf(sigma) ** 2, 2 * m - 1
    def integrand(s):
        kernel = mpmath.sin(odd * mpmath.asin(s / 2)) / (s * mpmath.sqrt(1 - s * s / 4))
        return mpmath.exp(-z * s * s / 2) * kernel
    points = [mpf(i) / (2 * sigma) for i in range(45)]
    return 1 - 2 / mpmath.pi * mpmath.quad(integrand, points, method="gauss-legendre", maxdegree=8)


def magnitudes(scale):
    return sorted({1, max(1, (7 * scale) // 10), 2 * scale + 1, 4 * scale, 6 * scale + 1})


def main():
    rows = []
    def row(law, scale, m, tail):
        rows.append([law, scale, m, f"{int(mpmath.floor(tail * mpf(2) ** BITS)):x}"])
    simple = [
        (rounded_gaussian, [1, 2, 3, 10, 1000, 1 << 16, 1 << 24, 1 << 38]),
        (discrete_gaussian, [1, 2, 3, 10, 511, 512, 1000, 1 << 16, 1 << 24, 1 << 32]),
        (discrete_laplace, [1, 2, 3, 10, 1000, 1 << 16, 1 << 24, 1 << 32]),
    ]
    for law, scales in simple:
        for scale in scales:
            for m in magnitudes(scale):
                row(law.__name__, scale, m, law(scale, m))
    for sigma in [1, 2, 3, 10, 511, 512, 1000, 1 << 16]:
        for m, tail in sorted(skellam_by_recurrence(sigma, magnitudes(sigma)).items()):
            row("skellam", sigma, m, tail)
    for sigma in [512, 1 << 24]:
        for m in magnitudes(sigma):
            tail = skellam_by_quadrature(sigma, m)
            if sigma == 512:
                assert abs(tail - skellam_by_recurrence(sigma, [m])[m]) < mpf(2) ** -(BITS + 30), (m, tail)
            else:
                row("skellam", sigma, m, tail)
    text = [json.dumps(entry, separators=(",", ":")) for entry in rows]
    with open(sys.argv[1], "w") as file:
        file.write(f'{{"source":["mpmath {mpmath.__version__}"],\n"columns":["law","scale","m","tail"],\n"rows":[\n')
        file.write(",\n".join(text) + "\n]}\n")


main()
