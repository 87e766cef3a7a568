"""Draws the plots of orbit, environment, radiation, attitude and link from the same records and fixtures as the tests.

    python docs/models/make_environment_plots.py

Run it from anywhere with the project's environment; it writes SVG files beside itself and takes about a minute.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT), str(HERE)]

import numpy as np  # noqa: E402
from svg_plot import Plot  # noqa: E402

from bus.constants import EARTH_RADIUS_M, WGS72_MU_M3_S2, Epoch  # noqa: E402
from node.plant.environment.environment import illumination  # noqa: E402
from node.plant.environment.geophysics import density_kg_m3  # noqa: E402
from node.plant.link.optical import antenna_gain, received_w  # noqa: E402
from node.plant.link.setup import GroundSite  # noqa: E402
from node.plant.orbit.orbit import step_orbit  # noqa: E402
from node.plant.orbit.setup import Elements, Sgp4, fill_kepler  # noqa: E402
from node.plant.radiation.belt import belt_place, load_belt, trapped_flux  # noqa: E402
from node.plant.radiation.solar_event import profile  # noqa: E402
from tests.kits.flight_records import craft, fly, history, sso  # noqa: E402

ORACLES = ROOT / "tests" / "oracles"
YEAR_S = 365.25 * 86400.0


def orbit() -> None:
    """Mean elements against SGP4 over three days."""
    from tests.plant.test_orbit import SENTINEL, _epoch_of, _satellite  # noqa: PLC0415

    epoch: Epoch = _epoch_of(SENTINEL)
    sgp4 = Sgp4(_satellite(SENTINEL), epoch)
    c = craft()
    fill_kepler(c.f, sgp4.mean_elements(), WGS72_MU_M3_S2)
    hours, apart = [], []
    for t in np.arange(0.0, 3 * 86400.0, 120.0):
        step_orbit(c.s, c.f, c.u, t, 1.0)
        r, _ = sgp4.at(float(t))
        hours.append(t / 3600.0)
        apart.append(np.linalg.norm(c.s["position_teme_m"] - r) / 1e3)
    plot = Plot(
        "Elements under J2 against SGP4, 693 km: J3 is the difference",
        "hours after the elements' epoch",
        "distance, km",
    )
    plot.line("", hours, apart)
    plot.write(HERE / "orbit-sgp4.svg")


def season() -> None:
    """Length of the eclipses over a year of a dawn-dusk orbit."""
    start = "2026-01-01T00:00:00Z"
    c = craft(sso(650e3, epoch=start), epoch=start)
    light = history(c, int(365 * 86400 / 20), 20.0)["illumination"]
    edges = np.flatnonzero(np.diff((light < 1.0).astype(int))) + 1
    days, minutes = [], []
    for first, run in zip((0, *edges), np.split(1.0 - light, edges), strict=True):
        if run.sum() > 0.0:
            days.append(first * 20.0 / 86400.0)
            minutes.append(run.sum() * 20.0 / 60.0)
    plot = Plot("Eclipses at 650 km, dawn-dusk, 2026", "day of the year", "minutes per eclipse")
    plot.line("model", days, minutes)
    plot.points("reference: 7 May to 5 August, at most 19.73 min", [126.0, 171.0, 216.0], [0.0, 19.73, 0.0])
    plot.write(HERE / "environment-season.svg")


def shadow() -> None:
    """Penumbra against Basilisk."""
    rows = json.loads((ORACLES / "shadow.json").read_text())["rows"]
    plot = Plot(
        "Sunlit part of the disc around the shadow's edge",
        "model",
        "Basilisk",
    )
    ours = [
        illumination(*row["position_m"], *row["sun_direction"], row["sun_distance_m"], row["earth_radius_m"])
        for row in rows
    ]
    plot.line("equal", [0.0, 1.0], [0.0, 1.0])
    plot.points("30 places at five heights", ours, [row["illumination"] for row in rows])
    plot.write(HERE / "environment-shadow.svg")


def density() -> None:
    """Neutral density against NRLMSISE-00."""
    rows = json.loads((ORACLES / "density.json").read_text())["rows"]
    plot = Plot("Neutral density", "altitude, km", "kg/m3", log_y=True)
    heights = np.arange(180.0, 1101.0, 10.0)
    for name, maximum in (("minimum", 0.0), ("maximum", 1.0)):
        plot.line(f"model, solar {name}", heights, [density_kg_m3(h * 1e3, maximum) for h in heights])
        chosen = [row for row in rows if row["solar_maximum"] == maximum]
        plot.points(
            f"NRLMSISE-00, solar {name}",
            [row["altitude_km"] for row in chosen],
            [row["density_kg_m3"] for row in chosen],
        )
    plot.write(HERE / "environment-density.svg")


def dose() -> None:
    """Doses against the reference's table."""
    from tests.plant.test_radiation import ORBITS, _mean  # noqa: PLC0415

    plot = Plot("Dose a year at the centre of an aluminium sphere", "reference, rad(Si)", "model, rad(Si)", True, True)
    plot.line("equal", [10.0, 5000.0], [10.0, 5000.0])
    for column, activity in enumerate(("minimum", "maximum")):
        theirs, ours = [], []
        for name, (_, _, _, doses) in ORBITS.items():
            for mm, value in zip((2.54, 5.0, 10.0), doses, strict=True):
                theirs.append(float(value[column]))
                ours.append(float(_mean(name, activity, 2.699 * mm)["dose_rate"].mean()) * YEAR_S * 100.0)
        plot.points(f"AP8, solar {activity}: six orbits, 2.54, 5 and 10 mm", theirs, ours)
    plot.write(HERE / "radiation-dose.svg")


def anomaly() -> None:
    """The map at 650 km."""
    belt = load_belt("minimum", 2026.5)
    plot = Plot(
        "Protons above 30 MeV at 650 km, 2026, AP8-MIN (blue 1, red 3000 per cm2 s)", "longitude, deg", "latitude, deg"
    )
    plot.line("", [-180.0, 180.0], [0.0, 0.0])
    for latitude in range(-70, 31, 4):
        for longitude in range(-180, 180, 4):
            place = belt_place(belt, math.radians(latitude + 2.0), math.radians(longitude + 2.0), 650e3)
            flux = trapped_flux(belt, *place[1:], 3) if place[0] else 0.0
            if flux > 1.0:
                share = min(1.0, math.log10(flux) / 3.5)
                colour = f"#{int(70 + 180 * share):02x}{int(130 - 70 * share):02x}{int(220 - 180 * share):02x}"
                plot.cell(longitude, latitude, 4.0, 4.0, colour)
    plot.write(HERE / "radiation-map.svg")


def event() -> None:
    """A storm over the poles."""
    c = craft()
    c.event = profile("S3", 6 * 3600.0)
    out = history(c, 2880, 30.0, models=4)
    plot = Plot("An S3 event seen from 650 km: protons above 10 MeV", "hours", "per cm2 s", log_y=True)
    plot.line("model", np.arange(2880) * 30.0 / 3600.0, np.maximum(out["flux_10"], 1.0))
    plot.write(HERE / "radiation-event.svg")


def wheel() -> None:
    """What a seized wheel costs."""
    c = craft()
    c.u["attitude_control"] = 1
    fly(c, 1500, models=1)
    c.s["wheel_momentum_n_m_s"] = 8.0
    minutes, error = [], []
    for k in range(1500, 4500):
        if k == 1800:
            c.s["wheel_friction_factor"][0] = 1e6
        if k == 2700:
            c.u["wheel_enable"][0] = 0
        fly(c, 1, first=k, models=1)
        minutes.append((k - 1500) / 60.0)
        error.append(math.degrees(float(c.s["sun_error_rad"])))
    plot = Plot("A wheel seizes at 5 min and is switched out at 20 min", "minutes", "angle to the Sun, deg")
    plot.line("attitude unit's own law", minutes, error)
    plot.write(HERE / "attitude-wheel.svg")


def contact() -> None:
    """An overhead contact."""
    pole = GroundSite(math.pi / 2, 0.0, EARTH_RADIUS_M - 6356752.314245179, 0.0)
    c = craft(Elements(EARTH_RADIUS_M + 650e3, 0.0, math.pi / 2, 0.3, 0.0, 0.0), sites=(pole,))
    degrees, distance = [], []
    for k in range(6000):
        fly(c, 1, first=k, models=3)
        if c.s["station_elevation_rad"][0] > 0.0:
            degrees.append(math.degrees(float(c.s["station_elevation_rad"][0])))
            distance.append(float(c.s["station_range_m"][0]) / 1e3)
    plot = Plot("Slant range at 650 km", "elevation, deg", "km")
    plot.line("model, one contact", degrees, distance)
    plot.points("closed form", [0.0, 5.0, 10.0], [2952.0, 2448.0, 2045.3])
    plot.write(HERE / "link-range.svg")


def optical() -> None:
    """Received power over distance."""
    gain = antenna_gain(0.10, 1.55e-6, 0.80)
    distance = np.logspace(2.0, 7.0, 200)
    plot = Plot("Optical link, 5 W, 10 cm, 1.55 um, 3 dB lost", "distance, km", "received, W", True, True)
    plot.line("model", distance / 1e3, [received_w(5.0, gain, 1.55e-6, float(d), 10.0**-0.3) for d in distance])
    plot.points("Suncatcher, section 4.2: 1.6 uW at 5000 km", [5000.0], [1.6e-6])
    plot.write(HERE / "link-optical.svg")


def main() -> int:
    """All of them."""
    for draw in (orbit, season, shadow, density, dose, anomaly, event, wheel, contact, optical):
        draw()
    return 0


if __name__ == "__main__":
    sys.exit(main())
