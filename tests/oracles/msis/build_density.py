"""Writes density.json: global mean density by NRLMSISE-00, for test_environment.py. `make.sh` runs it in an
environment of its own.

Means over latitude (by area), longitude, four seasons and the hours of a day. F10.7 is 70 (minimum) and 190
(maximum), Ap 10: the activity behind the product's table is 65.8 and 189 sfu.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pymsis

HERE = Path(__file__).resolve().parents[1]


def main() -> int:
    """Write the fixture."""
    altitudes = [200.0, 300.0, 400.0, 500.0, 600.0, 700.0, 800.0, 1000.0]
    latitudes = np.degrees(np.arcsin(np.linspace(-0.95, 0.95, 20)))
    longitudes = np.arange(0.0, 360.0, 45.0)
    rows = []
    for maximum, f107 in ((0.0, 70.0), (1.0, 190.0)):
        total = np.zeros(len(altitudes))
        count = 0
        for day in ("03-20", "06-21", "09-22", "12-21"):
            for hour in (0, 6, 12, 18):
                when = np.array([f"2010-{day}T{hour:02d}:00"], dtype="datetime64[m]")
                out = pymsis.calculate(when, longitudes, latitudes, altitudes, [f107], [f107], [[10.0] * 7], version=0)
                total += np.nanmean(np.squeeze(out)[..., 0], axis=(0, 1))
                count += 1
        for altitude, density in zip(altitudes, total / count, strict=True):
            rows.append({"altitude_km": altitude, "solar_maximum": maximum, "density_kg_m3": float(f"{density:.4g}")})
    made = {
        "made_by": f"tests/oracles/msis/build_density.py with pymsis {pymsis.__version__} (NRLMSISE-00)",
        "rows": rows,
    }
    (HERE / "density.json").write_text(json.dumps(made, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
