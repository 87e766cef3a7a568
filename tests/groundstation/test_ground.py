"""The ground as a whole, by hand-made mail: acknowledged is recorded, the ledger closes, a restored twin goes on."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from bus.dictionary import Dictionary
from bus.errors import DecodeError, UnknownNameError, UserError
from bus.scenario.model import Environment, RangeRules, Scenario, Spacecraft, TimelineEntry, TleOrbit
from bus.wire.authentication import derived_key
from bus.wire.codec import encode
from bus.wire.messages import (
    Account,
    Allocation,
    Body,
    OperatorReply,
    OperatorRequest,
    StoreReport,
    Telecommand,
    Telemetry,
    TelemetryAck,
    Verification,
)
from groundstation.archive.reader import ArchiveReader
from groundstation.archive.writer import Archive
from groundstation.config import SpacecraftPlan, resolve
from groundstation.ground import Ground
from tests.kits.ground_kit import (
    DICTIONARY,
    EQUATOR,
    POLE,
    SECOND_NS,
    GroundBench,
    circular,
    config,
    event,
    store,
    telemetry,
    verification,
)


def request(name: str = "test.ping", token: int = 1, spacecraft: str = "sat-1", **arguments: object) -> OperatorRequest:
    return OperatorRequest(token=token, spacecraft=spacecraft, name=name, arguments=arguments)


def counters(bench: GroundBench) -> dict[str, float]:
    merged: dict[str, float] = {}
    for account in bench.bodies(Account):
        assert isinstance(account, Account)
        merged |= account.counters
    return merged


def test_antenna_points_while_the_spacecraft_is_in_view() -> None:
    bench = GroundBench(config(stations=(POLE, EQUATOR)))
    for _ in range(700):
        bench.step()
    allocations = [(m.sent_ns, m.destination, m.body) for m in bench.sent if isinstance(m.body, Allocation)]
    assert [(destination, body.station, body.on) for _, destination, body in allocations] == [
        ("sat-1", "pole", True), ("sat-1", "pole", False),
    ]  # fmt: skip
    contact = next(record for record in bench.records if record[0] == "contacts" and record[1] == "pole")
    assert isinstance(contact[4], int)
    assert 0 <= allocations[1][0] - contact[4] < SECOND_NS
    assert allocations[0][2].band == "S"
    assert allocations[0][2].rate_bps == 2e6


def test_timeline_goes_up_in_contact_and_is_followed() -> None:
    entries = (
        TimelineEntry(at_s=3, spacecraft="sat-1", telecommand="thermal.pump", arguments={"speed_fraction": 0.5}),
        TimelineEntry(at_s=1000, spacecraft="sat-1", telecommand="test.ping", arguments={}),
    )
    bench = GroundBench(config(timeline=entries))
    for _ in range(5):
        bench.step()
    sent = [m for m in bench.sent if isinstance(m.body, Telecommand)]
    assert [(m.sent_ns, m.destination, m.body.name, m.body.arguments) for m in sent] == [
        (4 * SECOND_NS, "sat-1", "thermal.pump", {"speed_fraction": 0.5})
    ]
    bench.step(("sat-1", verification(0, 0, 1)), ("sat-1", verification(1, 0, 3)))
    bench.step(("sat-1", verification(2, 0, 7)))
    while bench.tick < 5775:
        bench.step()
    assert len(bench.bodies(Telecommand)) == 1  # the second waits for the next contact
    while bench.tick < 5782:
        bench.step()
    assert len(bench.bodies(Telecommand)) == 2
    bench.step(closing=True)
    assert {key: value for key, value in counters(bench).items() if key.startswith("tc_") and value} == {
        "tc_requested": 2, "tc_sent": 2, "tc_completed": 1, "tc_indeterminate": 1,
    }  # fmt: skip


def test_operator_hears_every_stage_until_the_end() -> None:
    bench = GroundBench(config())
    bench.step(("operator", request(token=42)))
    bench.step(("sat-1", verification(0, 0, 1)))
    bench.step(("sat-1", verification(1, 0, 7)))
    replies = [body for body in bench.bodies(OperatorReply) if isinstance(body, OperatorReply)]
    assert [(reply.token, reply.request, reply.state, reply.final) for reply in replies] == [
        (42, 0, "QUEUED", False), (42, 0, "SENT", False), (42, 0, "ACCEPTED", False), (42, 0, "COMPLETED", True),
    ]  # fmt: skip
    assert all(m.destination == "operator" for m in bench.sent if isinstance(m.body, OperatorReply))


def test_wrong_argument_is_answered_with_what_is_allowed_and_never_radiated() -> None:
    bench = GroundBench(config())
    bench.step(("operator", request("mode.set", mode="FAST")), ("operator", request(spacecraft="sat-11")))
    bench.step()
    first, second = (body for body in bench.bodies(OperatorReply) if isinstance(body, OperatorReply))
    assert (first.state, first.final) == ("REJECTED", True)
    assert "allowed: NOMINAL | SAFE" in first.detail
    assert "did you mean sat-1?" in second.detail
    assert not bench.bodies(Telecommand)


def test_mail_of_strangers_is_counted_and_does_nothing() -> None:
    bench = GroundBench(config())
    bench.step(("sat-9", telemetry(0)), ("sat-1", request()), ("range", request()), ("operator", telemetry(0)))
    bench.step(closing=True)
    assert counters(bench)["unknown_mail"] == 4
    assert counters(bench)["archived"] == 0
    assert not bench.bodies(OperatorReply)


def test_gaps_are_declared_and_late_packets_take_them_back(tmp_path: Path) -> None:
    bench = GroundBench(config())
    bench.step(("sat-1", telemetry(0)), ("sat-1", telemetry(6)))
    bench.step(("sat-1", store((0, 3, 6, 7))))
    bench.step(("sat-1", telemetry(3)), ("sat-1", telemetry(3)))
    bench.step(closing=True)
    assert [record[4:6] for record in bench.records if record[0] == "gaps"] == [(1, 5), (1, 2), (4, 5)]
    archive = Archive(tmp_path / "a.sqlite")
    archive.write(bench.records)
    archive.close()
    assert [row[3:5] for row in ArchiveReader(tmp_path / "a.sqlite").gaps()] == [(1, 2), (4, 5)]
    account = counters(bench)
    assert (account["sat-1.archived"], account["sat-1.declared_lost"], account["duplicates"]) == (3, 4, 1)


def test_senseless_store_reports_declare_nothing() -> None:
    bench = GroundBench(config())
    bench.step(("sat-1", store((0, 3, 9, 2))))
    bench.step(closing=True)
    assert counters(bench)["senseless_rows"] == 1
    assert counters(bench)["declared_lost"] == 0


@pytest.mark.parametrize("service", [-1, 256, 700])
def test_store_reports_of_no_service_are_no_messages(service: int) -> None:
    with pytest.raises(ValidationError):
        store((0, service, 0, 1))


def test_a_parameter_report_is_the_answer_to_whoever_asked() -> None:
    bench = GroundBench(config())
    bench.step(("operator", request("parameter.get", parameter="power.shed_below_soc")))
    while not bench.bodies(Telecommand):
        bench.step()
    report = Telemetry(
        boot=0, stream=20, sequence=0, obt_ns=0, structure=1020, dictionary=bytes.fromhex(DICTIONARY.version),
        values=(0.0, 0.35),
    )  # fmt: skip
    bench.step(("sat-1", verification(0, 0, 7)), ("sat-1", report))
    (last,) = [reply for reply in bench.bodies(OperatorReply) if reply.final]  # type: ignore[attr-defined]
    assert last.state == "COMPLETED"  # type: ignore[attr-defined]
    assert "power.shed_below_soc is 0.35" in last.detail  # type: ignore[attr-defined]


def test_a_lost_acknowledgement_is_repeated() -> None:
    bench = GroundBench(config())
    bench.step(("sat-1", telemetry(0)), ("sat-1", telemetry(1)))
    bench.step(("sat-1", telemetry(0)))
    bench.step(("sat-1", store((0, 3, 1, 2))))
    assert [body.below for body in bench.bodies(TelemetryAck) if isinstance(body, TelemetryAck)] == [2, 2, 2]


def test_nothing_is_acknowledged_to_a_spacecraft_out_of_view() -> None:
    bench = GroundBench(config())
    for _ in range(600):
        bench.step()
    outbox = bench.step(("sat-1", telemetry(0)))
    assert any(record[0] == "packets" for record in outbox.records)
    assert not outbox.messages


def test_telemetry_of_another_dictionary_is_kept_and_counted_but_not_decoded(tmp_path: Path) -> None:
    bench = GroundBench(config())
    bench.step(("sat-1", telemetry(0).model_copy(update={"dictionary": b"12345678"})))
    bench.step(closing=True)
    archive = Archive(tmp_path / "a.sqlite")
    archive.write(bench.records)
    archive.close()
    reader = ArchiveReader(tmp_path / "a.sqlite")
    assert reader.counts() == {("sat-1", 0, 3): 1}
    assert reader.latest("sat-1") == {}
    assert reader.series("sat-1", "battery_soc") == []
    account = counters(bench)
    assert (account["foreign_dictionary"], account["archived"]) == (1, 1)


def test_many_spacecraft_have_their_accounts_in_parts_that_fit() -> None:
    bench = GroundBench(config(spacecraft=600))
    outbox = bench.step(closing=True)
    accounts = [message for message in outbox.messages if isinstance(message.body, Account)]
    assert len(accounts) == 3
    for message in accounts:
        encode(message)
    account = counters(bench)
    assert sum(key.endswith(".archived") for key in account) == 600


def test_resolve_needs_every_dictionary() -> None:
    scenario = Scenario(
        name="x", description="", epoch_utc="2026-08-12T00:00:00Z", duration_ns=SECOND_NS, tick_ns=SECOND_NS, seed=1,
        environment=Environment(
            solar_activity="minimum", storm_density_factor=1.0, solar_event="", solar_event_at_s=0.0
        ),
        spacecraft=(Spacecraft(id="sat-1", design="test", orbit=circular(650e3, 1.0)),), stations=(POLE,), timeline=(),
        faults=(), expectations=(), truth_signals={},
        range=RangeRules(missing_tock="stop", tock_timeout_s=5.0, snapshot_every_ticks=100),
    )  # fmt: skip
    resolved = resolve(scenario, {"test": DICTIONARY})
    assert resolved.spacecraft == (
        SpacecraftPlan(
            id="sat-1",
            orbit=scenario.spacecraft[0].orbit,
            dictionary=DICTIONARY,
            telecommand_key=derived_key(1, "sat-1"),
        ),
    )
    with pytest.raises(UnknownNameError):
        resolve(scenario, {"text": Dictionary.model_validate(DICTIONARY.model_dump())})


def test_elements_that_cannot_be_flown_are_a_users_mistake() -> None:
    broken = TleOrbit(line1="1 25544U", line2="2 25544", name="short", source="test", propagator="sgp4")
    with pytest.raises(UserError):
        Ground(replace(config(), spacecraft=(SpacecraftPlan("sat-1", broken, DICTIONARY, bytes(32)),)))


MAIL = st.lists(
    st.lists(
        st.one_of(
            st.builds(lambda n, boot: ("sat-1", telemetry(n, boot)), st.integers(0, 30), st.integers(0, 1)),
            st.builds(lambda n: ("sat-2", telemetry(n)), st.integers(0, 30)),
            st.builds(lambda n: ("sat-1", event(n)), st.integers(0, 10)),
            st.builds(lambda n, r, s: ("sat-1", verification(n, r, s)), st.integers(0, 10), st.integers(0, 4),
                      st.sampled_from([1, 2, 3, 5, 7, 8])),
            st.builds(lambda a, b: ("sat-1", store((0, 3, min(a, b), max(a, b)))), st.integers(0, 30),
                      st.integers(0, 30)),
            st.builds(lambda t: ("operator", request(token=t)), st.integers(0, 5)),
            st.builds(lambda t: ("operator", request("mode.set", token=t, mode="WRONG")), st.integers(0, 5)),
        ),
        max_size=6,
    ),
    min_size=1,
    max_size=25,
)  # fmt: skip


@settings(max_examples=120)
@given(mail=MAIL, cut=st.integers(0, 25))
def test_acknowledged_is_recorded_and_a_restored_twin_goes_on(mail: list[list[tuple[str, Body]]], cut: int) -> None:
    plan = config(spacecraft=2)
    bench = GroundBench(plan)
    kept: set[tuple[object, ...]] = set()
    twin: GroundBench | None = None
    for tick, letters in enumerate([*mail, []]):
        if tick == cut:
            snapshot = bench.ground.save()
            twin = GroundBench(plan)
            twin.ground.restore(snapshot)
            twin.tick = bench.tick
            assert twin.ground.save() == snapshot
        closing = tick == len(mail)
        outbox = bench.step(*letters, closing=closing)
        if twin is not None:
            other = twin.step(*letters, closing=closing)
            assert other.messages == outbox.messages
            assert other.records == outbox.records
        kept |= {tuple(record[1:5]) for record in outbox.records if record[0] == "packets"}
        lost = {
            (*record[1:4], sequence)
            for record in bench.records
            if record[0] == "gaps"
            for sequence in range(int(str(record[4])), int(str(record[5])) + 1)
        }
        for message in outbox.messages:
            if isinstance(message.body, TelemetryAck):
                ack = message.body
                for sequence in range(ack.below):
                    key = (message.destination, ack.boot, ack.stream, sequence)
                    assert key in kept or key in lost
    if twin is not None:
        assert twin.ground.save() == bench.ground.save()
    account = counters(bench)
    assert account["archived"] == len(kept)
    ends = sum(account[f"tc_{end}"] for end in ("completed", "failed", "rejected", "expired", "indeterminate"))
    assert ends == account["tc_requested"] == sum(1 for ls in mail for source, _ in ls if source == "operator")


@settings(max_examples=60)
@given(losses=st.lists(st.booleans(), min_size=200, max_size=200), capacity=st.integers(3, 30), swap=st.booleans())
def test_the_ledger_closes_with_a_lossy_link_and_a_small_store(
    losses: list[bool], capacity: int, swap: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """generated = archived + declared lost + on board, with a store that drops its oldest and a link that loses."""
    bench, first, following, sends = GroundBench(config()), 0, 0, 0
    for second in range(80):
        following += 2
        mail: list[tuple[str, Body]] = [("sat-1", telemetry(n)) for n in range(first, min(following, first + 5))]
        if second % 5 == 0:
            mail.append(("sat-1", store((0, 3, first, following))))
        kept = []
        for letter in reversed(mail) if swap else mail:
            sends += 1
            if not losses[sends % 200]:
                kept.append(letter)
        outbox = bench.step(*kept)
        for message in outbox.messages:
            sends += 1
            if isinstance(message.body, TelemetryAck) and not losses[sends % 200]:
                first = max(first, message.body.below)
        first = max(first, following - capacity)
    bench.step(closing=True)
    path = tmp_path_factory.mktemp("ledger") / "a.sqlite"
    archive = Archive(path, durable=False)
    archive.write(bench.records)
    archive.close()
    (row,) = ArchiveReader(path).settle("sat-1", ((0, 3, following, first),))
    assert row.generated == row.archived + row.declared_lost + row.on_board
    assert min(row.archived, row.declared_lost, row.on_board) >= 0
    account = counters(bench)
    assert account["sat-1.archived"] == row.archived
    assert account["sat-1.declared_lost"] <= row.declared_lost


def test_garbage_is_no_snapshot() -> None:
    ground = Ground(config())
    with pytest.raises(DecodeError):
        ground.restore(b"nonsense")


def test_a_quiet_tick_of_a_hundred_spacecraft_is_cheap() -> None:
    """Far looser than the aim (30 us for three), so that a busy machine does not fail it; a quadratic step would."""
    bench = GroundBench(config(spacecraft=100, stations=(POLE, EQUATOR)))
    bench.step()
    start = time.perf_counter()
    for _ in range(500):
        bench.step()
    assert (time.perf_counter() - start) / 500 < 5e-3


def test_reports_are_only_what_they_say() -> None:
    """A store report and verification from two spacecraft do not mix."""
    bench = GroundBench(config(spacecraft=2))
    bench.step(("operator", request(spacecraft="sat-1")))
    report: Verification = verification(0, 0, 7)
    assert isinstance(store(), StoreReport)
    bench.step(("sat-2", report))
    assert counters_after(bench)["tc_completed"] == 0


def counters_after(bench: GroundBench) -> dict[str, float]:
    bench.step(closing=True)
    return counters(bench)
