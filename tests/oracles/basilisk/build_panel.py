"""Writes panel.json: power of a flat solar panel from Basilisk's simpleSolarPanel, for test_truth_power.py. `make.sh`
runs it in an environment of its own.

A panel of 10 m2 and 30 % under several angles to the Sun, at several distances, in light and shadow.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path

from Basilisk.architecture import messaging
from Basilisk.simulation import simpleSolarPanel
from Basilisk.utilities import SimulationBaseClass, macros

HERE = Path(__file__).resolve().parents[1]
AU_M = 149597870700.0
AREA_M2, EFFICIENCY = 10.0, 0.30


def power_w(angle_rad: float, distance_au: float, light: float) -> float:
    """What Basilisk says of one panel."""
    simulation = SimulationBaseClass.SimBaseClass()
    process = simulation.CreateNewProcess("process")
    process.addTask(simulation.CreateNewTask("task", macros.sec2nano(1.0)))
    normal = [math.cos(angle_rad), math.sin(angle_rad), 0.0]
    sun = messaging.SpicePlanetStateMsgPayload(PositionVector=[distance_au * AU_M, 0.0, 0.0], PlanetName="sun")
    craft = messaging.SCStatesMsgPayload(r_BN_N=[0.0, 0.0, 0.0], sigma_BN=[0.0, 0.0, 0.0])
    shadow = messaging.EclipseMsgPayload(illuminationFactor=light)
    messages = [
        messaging.SpicePlanetStateMsg().write(sun),
        messaging.SCStatesMsg().write(craft),
        messaging.EclipseMsg().write(shadow),
    ]
    panel = simpleSolarPanel.SimpleSolarPanel()
    panel.setPanelParameters(normal, AREA_M2, EFFICIENCY)
    panel.sunInMsg.subscribeTo(messages[0])
    panel.stateInMsg.subscribeTo(messages[1])
    panel.sunEclipseInMsg.subscribeTo(messages[2])
    simulation.AddModelToTask("task", panel)
    simulation.InitializeSimulation()
    simulation.TotalSim.SingleStepProcesses()
    return float(panel.nodePowerOutMsg.read().netPower)


def main() -> int:
    """Write the fixture."""
    rows = [
        {"angle_deg": angle, "distance_au": distance, "illumination": light}
        for angle in (0, 15, 30, 45, 60, 75, 89, 90, 120, 180)
        for distance in (0.9833, 1.0, 1.0167)
        for light in (0.0, 0.4, 1.0)
    ]
    for row in rows:
        row["power_w"] = power_w(math.radians(row["angle_deg"]), row["distance_au"], row["illumination"])
    made = {
        "made_by": "tests/oracles/basilisk/build_panel.py with Basilisk 2.12.1",
        "area_m2": AREA_M2,
        "efficiency": EFFICIENCY,
        "rows": rows,
    }
    (HERE / "panel.json").write_text(json.dumps(made) + "\n")
    sys.stdout.write(f"{len(rows)} rows\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
