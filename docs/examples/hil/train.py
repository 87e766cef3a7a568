"""A toy training loop that checkpoints, resumes, and can be protected against silent errors: the work of a job.

    python train.py                       by itself
    python train.py --compare             what silent errors do to it under each protection
    skyrack run own-workload --allow-exec as the work of a job in orbit

It learns which of two interleaved spirals a point is on: numpy alone, some hundred weights, the same bits every time.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from skyrack_workload import Canary, Checksum, Duplicate, Workload

POINTS, HIDDEN, RATE, MOMENTUM = 400, 24, 0.05, 0.9
STEPS = 1500
COMPARED_STEPS, TRIALS = 300, 4
CANARY_BYTES = 256
STRIKES_EVERY = 2
"""Steps between two silent errors of the comparison, anywhere in memory for two such networks: far more than any orbit
has, so that it shows something soon."""
Array = Any


def spirals() -> tuple[Array, Array]:
    """Points and their labels."""
    rng = np.random.default_rng(7)
    label = np.arange(POINTS) % 2
    turn = 0.5 + 2.5 * rng.random(POINTS)
    angle = 2.0 * turn + np.pi * label
    points = np.stack([turn * np.cos(angle), turn * np.sin(angle)], axis=1) + 0.05 * rng.standard_normal((POINTS, 2))
    return (points / 3.0).astype(np.float32), label.astype(np.float32)


class Network:
    """Two layers, and the momentum of their weights."""

    def __init__(self) -> None:
        rng = np.random.default_rng(11)
        shapes = ((2, HIDDEN), (HIDDEN,), (HIDDEN, HIDDEN), (HIDDEN,), (HIDDEN,))
        self.weights = [(rng.standard_normal(s) / np.sqrt(s[0])).astype(np.float32) for s in shapes]
        self.momenta = [np.zeros_like(weight) for weight in self.weights]

    @property
    def arrays(self) -> list[Array]:
        """All that a memory error can strike."""
        return [*self.weights, *self.momenta]

    def forward(self, points: Array) -> tuple[Array, Array, Array]:
        """Both hidden layers, and the odds of the second spiral."""
        w1, b1, w2, b2, w3 = self.weights
        first = np.tanh(3.0 * points @ w1 + b1)
        second = np.tanh(first @ w2 + b2)
        return first, second, 1.0 / (1.0 + np.exp(-np.clip(second @ w3, -30.0, 30.0)))

    def train(self, points: Array, labels: Array) -> None:
        """One step down the slope."""
        w2, w3 = self.weights[2], self.weights[4]
        first, second, odds = self.forward(points)
        error = (odds - labels) / POINTS
        back2 = np.outer(error, w3) * (1.0 - second**2)
        back1 = (back2 @ w2.T) * (1.0 - first**2)
        slopes = [3.0 * points.T @ back1, back1.sum(0), first.T @ back2, back2.sum(0), second.T @ error]
        for weight, momentum, slope in zip(self.weights, self.momenta, slopes, strict=True):
            momentum *= MOMENTUM
            momentum -= RATE * 20.0 * slope.astype(np.float32)
            weight += momentum

    def judge(self, points: Array, labels: Array) -> tuple[float, float]:
        """Loss and accuracy."""
        odds = self.forward(points)[2]
        sure = np.clip(np.where(labels > 0.5, odds, 1.0 - odds), 1e-7, 1.0)
        return float(-np.log(sure).mean()), float(((odds > 0.5) == (labels > 0.5)).mean())

    def save(self, path: Path) -> None:
        """A checkpoint."""
        np.savez(path, *self.arrays)

    def load(self, path: Path) -> None:
        """The same again."""
        with np.load(path) as kept:
            for array, name in zip(self.arrays, kept.files, strict=True):
                array[:] = kept[name]


def train(work: Workload, steps: int, protect: str) -> tuple[float, float, int]:
    """All of it; loss, accuracy, and how often a check found something."""
    network, (points, labels) = Network(), spirals()
    guard: Checksum | Duplicate | Canary | None = None
    if protect == "checksum":
        guard = Checksum(lambda: network.arrays)
    elif protect == "duplicate":
        guard = Duplicate(lambda: network.arrays)
    elif protect == "canary":
        guard = Canary(np.full(CANARY_BYTES, 0xA5, dtype=np.uint8))
    extra = {"duplicate": lambda: guard.copies, "canary": lambda: [guard.array]}.get(protect, list)
    found = 0

    def load(path: Path) -> None:
        network.load(path)
        if guard is not None:
            guard.seal()

    def save(path: Path) -> None:
        network.save(path)

    for _ in work.steps(steps, save=save, load=load, arrays=lambda: [*network.arrays, *extra()]):
        if guard is not None and not guard.holds():
            found += 1
            if isinstance(guard, Canary):
                guard.array[:] = 0xA5
            work.found()
            work.roll_back()
            continue
        with np.errstate(all="ignore"):  # a struck weight may be anything
            network.train(points, labels)
            loss, accuracy = network.judge(points, labels)
        work.tell(loss=loss if np.isfinite(loss) else 1e9, accuracy=accuracy)
        if guard is not None:
            guard.seal()
    with np.errstate(all="ignore"):
        return (*network.judge(points, labels), found)


def compare() -> None:
    """Train again and again under the same silent errors. Those that strike no memory of the program are not its own:
    two copies are struck twice as often as one."""
    network_bits = 8 * sum(array.nbytes for array in Network().arrays)
    bits = {"undisturbed": 0, "none": network_bits, "canary": network_bits + 8 * CANARY_BYTES,
            "checksum": network_bits, "duplicate": 2 * network_bits}  # fmt: skip
    print(f"{TRIALS} trainings of {COMPARED_STEPS} steps")
    print(f"{'protection':<12} {'strikes':>8} {'found':>6} {'worst loss':>11} {'mean accuracy':>14}")
    for protect, most in bits.items():
        struck, errors, losses, accuracies = 0, 0, [], []
        for trial in range(TRIALS):
            rng = np.random.default_rng(trial)
            places = [(s, int(rng.integers(2 * network_bits))) for s in range(1, COMPARED_STEPS, STRIKES_EVERY)]
            strikes = {step: [place] for step, place in places if place < most}
            with tempfile.TemporaryDirectory() as folder:
                work = Workload(folder, checkpoint_every=10, strikes=strikes)
                loss, accuracy, found = train(work, COMPARED_STEPS, protect)
            struck, errors = struck + len(work.struck), errors + found
            losses.append(loss if np.isfinite(loss) else np.inf)
            accuracies.append(accuracy)
        print(f"{protect:<12} {struck:>8} {errors:>6} {max(losses):>11.2g} {sum(accuracies) / TRIALS:>14.1%}")


def main() -> None:
    """From the command line."""
    parser = argparse.ArgumentParser(description="A toy training loop for an emulated orbit.")
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--protect", choices=("none", "canary", "checksum", "duplicate"), default="none")
    parser.add_argument("--compare", action="store_true")
    given = parser.parse_args()
    if given.compare:
        compare()
        return
    loss, accuracy, found = train(Workload(), given.steps, given.protect)
    print(f"{given.steps} steps, {found} errors found: loss {loss:.4f}, accuracy {accuracy:.1%}")


if __name__ == "__main__":
    main()
