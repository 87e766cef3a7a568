"""Robustness at time zero of formulas in both languages, ours and rtamt's, over the same drawn signals."""

from __future__ import annotations

import json
import random
from pathlib import Path

import rtamt

SAMPLES = 40
FORMULAS = {  # ours: rtamt's, discrete time, one sample a second from 0 s; ours begins at 1 s
    "always sc.a > 0.3": "always(a > 0.3)",
    "never sc.a > 0.9": "always(not(a > 0.9))",
    "eventually sc.a > 0.8 and sc.b < 0.2": "eventually((a > 0.8) and (b < 0.2))",
    "always [6 s, 20 s] sc.a < 0.7 or sc.b < 0.7": "always[5:19]((a < 0.7) or (b < 0.7))",
    "eventually [3 s, 9 s] not (sc.a < sc.b)": "eventually[2:8](not(a < b))",
    "always 0.1 < sc.a < 0.9": "always((a > 0.1) and (a < 0.9))",
    "sc.a > 0.2 until sc.b > 0.8": "(a > 0.2) until[0:39] (b > 0.8)",
    "sc.a > 0.2 until [5 s, 15 s] sc.b > 0.8": "(a > 0.2) until[4:14] (b > 0.8)",
    "sc.a > 0.05 or sc.b > 0.3 until [2 s, 30 s] sc.b > 0.7 and sc.a > 0.3": (
        "((a > 0.05) or (b > 0.3)) until[1:29] ((b > 0.7) and (a > 0.3))"
    ),
}


def robustness(formula: str, a: list[float], b: list[float]) -> float:
    """At the first sample."""
    monitor = rtamt.StlDiscreteTimeSpecification()
    monitor.declare_var("a", "float")
    monitor.declare_var("b", "float")
    monitor.spec = formula
    monitor.parse()
    return float(monitor.evaluate({"time": list(range(SAMPLES)), "a": a, "b": b})[0][1])


def main() -> None:
    """Twelve pairs of signals, each with every formula."""
    draws = random.Random(1)
    rows = []
    for _ in range(12):
        a, b = ([round(draws.random(), 3) for _ in range(SAMPLES)] for _ in range(2))
        if draws.random() < 0.5:
            a = [round(0.25 + 0.7 * one, 3) for one in a]
        rows.append({"a": a, "b": b, "robustness": {ours: robustness(its, a, b) for ours, its in FORMULAS.items()}})
    source = "rtamt 0.4.10, discrete-time semantics; tests/oracles/rtamt/make.sh builds it anew"
    path = Path(__file__).resolve().parents[1] / "stl_robustness.json"
    path.write_text(json.dumps({"source": source, "signals": rows}, separators=(",", ":")) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
