"""Writes shadow.json: sunlit fractions from Basilisk's eclipse module, for test_environment.py. `make.sh` runs it in
an environment of its own.

Positions lie around the edges of umbra and penumbra of circular orbits at several heights and beta angles.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

from Basilisk.architecture import messaging
from Basilisk.simulation import eclipse
from Basilisk.utilities import SimulationBaseClass, macros

HERE = Path(__file__).resolve().parents[1]
AU_M = 149597870700.0
EARTH_RADIUS_M = 6378136.6  # Basilisk's


def light(position_m: list[float]) -> float:
    """What Basilisk says of one position, the Sun on the x axis at one astronomical unit."""
    simulation = SimulationBaseClass.SimBaseClass()
    process = simulation.CreateNewProcess("process")
    process.addTask(simulation.CreateNewTask("task", macros.sec2nano(1.0)))
    sun = messaging.SpicePlanetStateMsgPayload(PositionVector=[AU_M, 0.0, 0.0], PlanetName="sun")
    earth = messaging.SpicePlanetStateMsgPayload(PositionVector=[0.0, 0.0, 0.0], PlanetName="earth")
    craft = messaging.SCStatesMsgPayload(r_BN_N=position_m)
    messages = [
        messaging.SpicePlanetStateMsg().write(sun),
        messaging.SpicePlanetStateMsg().write(earth),
        messaging.SCStatesMsg().write(craft),
    ]
    module = eclipse.Eclipse()
    module.sunInMsg.subscribeTo(messages[0])
    module.addPlanetToModel(messages[1])
    module.addSpacecraftToModel(messages[2])
    simulation.AddModelToTask("task", module)
    simulation.InitializeSimulation()
    simulation.TotalSim.SingleStepProcesses()
    return float(module.eclipseOutMsgs[0].read().shadowFactor)


def rows() -> list[dict[str, object]]:
    """Around every edge of the shadow."""
    found: list[dict[str, object]] = []
    for altitude_km, beta_deg in ((420, 0), (500, 60), (650, 30), (1200, 0), (35786, 0)):
        a = EARTH_RADIUS_M + altitude_km * 1e3
        beta = math.radians(beta_deg)
        previous = None
        for k in range(20001):
            u = math.pi / 2 + math.pi / 2 * k / 20000
            position = [a * math.cos(u) * math.cos(beta), a * math.sin(u), -a * math.cos(u) * math.sin(beta)]
            sine = math.hypot(position[1], position[2]) / a
            near = abs(math.asin(sine) - math.asin(EARTH_RADIUS_M / a)) < 0.012
            if not near or k % 40:
                continue
            value = light(position)
            if value != previous:
                found.append(
                    {
                        "position_m": position,
                        "sun_direction": [1.0, 0.0, 0.0],
                        "sun_distance_m": AU_M,
                        "earth_radius_m": EARTH_RADIUS_M,
                        "illumination": value,
                    }
                )
            previous = value
    return found


def main() -> int:
    """Write the fixture."""
    made = {"made_by": "tests/oracles/basilisk/build_shadow.py with Basilisk 2.12.1", "rows": rows()}
    (HERE / "shadow.json").write_text(json.dumps(made) + "\n")
    sys.stdout.write(f"{len(made['rows'])} rows\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
