"""Every body that a message can have, by kind: what the codec reads and writes."""

from __future__ import annotations

from bus.wire.crosslink import IslFrame
from bus.wire.executor import JobOrder, JobReport
from bus.wire.messages import (
    Account,
    Allocation,
    Body,
    Bye,
    Event,
    Hello,
    Injection,
    InjectionReport,
    Kind,
    OperatorAction,
    OperatorNote,
    OperatorReply,
    OperatorRequest,
    Piece,
    Refusal,
    StoreReport,
    Telecommand,
    Telemetry,
    TelemetryAck,
    Tick,
    Tock,
    Verification,
    Welcome,
)
from bus.wire.outside import DeviceReading, DeviceSample, SoftwareAnswer, SoftwareCycle
from bus.wire.pace import ClockOrder, ClockState
from bus.wire.stacks import OperatorConfirmation, OperatorStack

BODIES: dict[Kind, type[Body]] = {
    model.kind: model
    for model in (
        Hello, Welcome, Refusal, Piece, Tick, Tock, Bye, Telecommand, Telemetry, Event, Verification, TelemetryAck,
        StoreReport, Allocation, IslFrame, OperatorRequest, OperatorReply, OperatorAction, OperatorNote, OperatorStack,
        OperatorConfirmation, Injection, InjectionReport, Account, ClockOrder,
        ClockState, DeviceSample, DeviceReading, SoftwareCycle, SoftwareAnswer, JobOrder, JobReport,
    )
}  # fmt: skip
