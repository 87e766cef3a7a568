"""What a spacecraft's accelerators work on, resolved: jobs, and cluster logs with their rows. SI units.

Part of the scenario.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict

Kind = Literal["training", "inference", "batch"]
KINDS: tuple[Kind, ...] = ("training", "inference", "batch")
ServiceLaw = Literal["lognormal", "exponential", "fixed"]
SERVICE_LAWS: tuple[ServiceLaw, ...] = ("lognormal", "exponential", "fixed")


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Checks(_Form):
    """What errors cost. `detect_s`: mean time until a latent silent error is found, 0: never. `efficiency`: share of
    the chips' speed that is left for the work beside communication and checks."""

    restart_s: float
    detect_s: float
    efficiency: float


class Program(_Form):
    """A process of the user's that does a job's work, never by a shell. follows: `steps` (it does what it is granted
    and says so), or `signals` (it knows nothing of Skyrack). step_s: work in a step. timeout_s, start_timeout_s: real
    time in which it answers a grant, and is ready. Limits: address space, processor time and a file's size of each of
    its processes, how many these may be, and its log."""

    argv: tuple[str, ...]
    follows: Literal["steps", "signals"]
    step_s: float
    timeout_s: float
    start_timeout_s: float
    allowed_misses: int
    memory_bytes: int
    cpu_s: float
    file_bytes: int
    processes: int
    log_bytes: int


class Job(_Form):
    """One job with accelerators of its own: `chips` of each group by name.

    Training and batch: `work_s` at full speed (0: endless), a checkpoint after
    every `checkpoint_every_s` of work (0: none) that takes `checkpoint_s`. Inference: Poisson arrivals of
    `arrival_rate_hz`, service of mean `service_s` on one accelerator by `service_law`; `service_spread` is the sigma of
    the logarithm of a lognormal one. `load`: share of its chips' full load that it is; `mode`: the power mode that they
    run in meanwhile, empty for whatever they are in. `program`: what does the work instead of the model.
    """

    id: str
    kind: Kind
    chips: dict[str, int]
    start_s: float
    checks: Checks
    work_s: float = 0.0
    checkpoint_every_s: float = 0.0
    checkpoint_s: float = 0.0
    arrival_rate_hz: float = 0.0
    service_s: float = 0.0
    service_law: ServiceLaw = "lognormal"
    service_spread: float = 0.0
    objective_p99_s: float = 0.0
    load: float = 1.0
    mode: str = ""
    program: Program | None = None


class JobLog(_Form):
    """A cluster log, rows and all, in ascending order of submission.

    queue: its jobs wait for free accelerators of the groups in `chips`, at most `queue_limit` of them. Otherwise they
    are requests to one service on `chips`, whose `work_s` are accelerator-seconds. `digest` is that of the file.
    """

    id: str
    file: str
    digest: str
    queue: bool
    chips: dict[str, int]
    checks: Checks
    checkpoint_every_s: float
    checkpoint_s: float
    queue_limit: int
    service_law: ServiceLaw = "lognormal"
    service_spread: float
    objective_p99_s: float
    line: tuple[int, ...]
    submit_s: tuple[float, ...]
    work_s: tuple[float, ...]
    accelerators: tuple[int, ...]
    kind: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Accelerators:
    """What a design computes with: chips of each group, how many jobs it can hold at a time, and power modes of each
    group that has some."""

    groups: Mapping[str, int]
    slots: int
    modes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
