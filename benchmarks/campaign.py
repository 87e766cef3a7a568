"""How many one-orbit cases a minute a campaign flies, sharing most of the orbit and sharing nothing.

    python benchmarks/campaign.py [--cases 500] [--jobs 2] [--json]

One spacecraft with full flight software, 95 minutes in ticks of a second; in every case one string opens for a minute.
`shared` strikes in the last fifth of the orbit, so that four fifths are flown once for all of a process's cases;
`alone` strikes at once, so that nothing is shared. Each is printed as runs a minute and as a multiple of real time,
beside `bare`: one loop over the same spacecraft's steps in this process, without ground, trace and verdicts.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from time import perf_counter

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bus.participant import Moment
from faults.campaign.cases import cases_of
from faults.campaign.fly import Folder, fly_campaign
from faults.campaign.form import read_campaign
from faults.run.compose import build_node
from faults.run.warm import warm_up

ORBIT_S = 5700
TARGETS_S = {"shared": 120.0, "alone": 240.0}
"""Of 500 cases on two cores."""
SCENARIO = f"""\
skyrack: 1
name: one-orbit
epoch: 2026-08-12T00:00:00Z
duration: {ORBIT_S} s
tick: 1 s
seed: 7
environment: {{solar_activity: maximum, storm_density_factor: 1.0, solar_event: none}}
spacecraft:
  - id: sc-1
    design: pathfinder
    orbit: {{sso: {{altitude: 650 km, ltan: "06:00", argument_of_latitude: 85 deg}}}}
stations: [svalbard]
expectations: [always sc-1.battery_soc > 20 %]
"""
CAMPAIGN = """\
campaign: 1
name: orbits
scenario: one-orbit.yaml
vary:
  at: [{times}]
with:
  faults: [{{id: struck, fault: string_open, target: sc-1, at: $at, for: 1 min, parameters: {{string: 2}}}}]
"""


def timed(folder: Path, name: str, window_s: tuple[float, float], cases: int, jobs: int) -> float:
    """Seconds for a campaign of cases that strike between two times."""
    first_s, last_s = window_s
    times = ", ".join(f"{first_s + (last_s - first_s) * n / cases:.3f} s" for n in range(cases))
    path = folder / f"{name}.yaml"
    path.write_text(CAMPAIGN.format(times=times), encoding="utf-8")
    begun = perf_counter()
    found = cases_of(read_campaign(path))
    out = folder / name
    out.mkdir()
    results = fly_campaign(Folder(out), name, found, jobs=jobs, resume=False, told=lambda done, of: None, stopped=str)
    seconds = perf_counter() - begun
    assert sum(result["verdict"] == "PASS" for result in results if result["asked"]) == cases
    return seconds


def bare(folder: Path, orbits: int) -> float:
    """Seconds for one orbit of a bare loop, the best of several."""
    path = folder / "bare.yaml"
    path.write_text(CAMPAIGN.format(times="1 s"), encoding="utf-8")
    scenario = cases_of(read_campaign(path))[-1].scenario
    warm_up(scenario, lambda text: None)
    best = float("inf")
    for _ in range(orbits):
        node = build_node(scenario, "sc-1")
        begun = perf_counter()
        for tick in range(ORBIT_S):
            node.step(Moment(tick, tick * 10**9, (tick + 1) * 10**9), ())
        best = min(best, perf_counter() - begun)
    return best


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--jobs", type=int, default=min(2, os.cpu_count() or 1))
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "one-orbit.yaml").write_text(SCENARIO, encoding="utf-8")
        loop_s = bare(folder, 3)
        found: dict[str, float] = {
            "cases": given.cases,
            "jobs": given.jobs,
            "bare_runs_per_minute": 60.0 / loop_s,
            "bare_times_real_time": ORBIT_S / loop_s,
        }
        for kind, first_s, last_s in (("shared", 0.8 * ORBIT_S, ORBIT_S - 120.0), ("alone", 1.0, 2.0)):
            seconds = timed(folder, kind, (first_s, last_s), given.cases, given.jobs)
            found[f"{kind}_s"] = seconds
            found[f"{kind}_runs_per_minute"] = 60.0 * given.cases / seconds
            found[f"{kind}_times_real_time"] = given.cases * ORBIT_S / seconds
            found[f"{kind}_against_bare"] = given.cases * loop_s / seconds
    if given.json:
        print(json.dumps(found, indent=1))
        return
    print(f"bare loop  {found['bare_runs_per_minute']:8.1f} runs a minute, x{found['bare_times_real_time']:,.0f}")
    for kind, limit_s in TARGETS_S.items():
        runs, times, share = (
            found[f"{kind}_{what}"] for what in ("runs_per_minute", "times_real_time", "against_bare")
        )
        print(f"{kind:<10} {runs:8.1f} runs a minute, x{times:,.0f} of real time, {share:.2f} of the bare loop")
        print(
            f"           {given.cases} cases in {found[f'{kind}_s']:.1f} s; 500 are to take {limit_s:g} s on two cores"
        )


if __name__ == "__main__":
    main()
