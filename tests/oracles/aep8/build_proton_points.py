"""Writes trapped_protons.json: AP8 at scattered points, for test_radiation.py. `make.sh` runs it."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path

import aep8
import numpy as np
from astropy import units
from astropy.coordinates import EarthLocation
from astropy.time import Time

HERE = Path(__file__).resolve().parents[1]
EPOCHS = {"minimum": ("min", "1964-07-01", 1964.5), "maximum": ("max", "1970-01-01", 1970.0)}


def main() -> int:
    """Write the fixture: longitude, latitude (deg), altitude (km), flux above 10, 30, 100 MeV (cm-2 s-1)."""
    warnings.simplefilter("ignore")
    rng = np.random.default_rng(20260401)
    n = 400
    longitude = rng.uniform(-100.0, 30.0, n)
    latitude = rng.uniform(-55.0, 15.0, n)
    altitude = rng.uniform(320.0, 1900.0, n)
    place = EarthLocation.from_geodetic(longitude * units.deg, latitude * units.deg, altitude * units.km)
    points = {}
    for name, (solar, epoch, _) in EPOCHS.items():
        model = aep8.model("p", solar)
        shell, ratio = model.geomagnetic_coordinates(place, Time(epoch))
        flux = model.integral_flux_for_geomagnetic_coordinates(
            shell[:, None], ratio[:, None], np.array([10.0, 30.0, 100.0]) * units.MeV
        ).value
        points[name] = [
            [round(float(a), 3), round(float(b), 3), round(float(c), 2), *(float(f"{x:.5g}") for x in row)]
            for a, b, c, row in zip(longitude, latitude, altitude, np.nan_to_num(flux), strict=True)
        ]
    made = {
        "made_by": f"tests/oracles/aep8/build_proton_points.py with aep8 {aep8.__version__}",
        "epoch_year": {name: year for name, (_, _, year) in EPOCHS.items()},
        "points": points,
    }
    (HERE / "trapped_protons.json").write_text(json.dumps(made) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
