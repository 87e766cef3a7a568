"""Service and subtype numbers against an independent PUS library, wherever it has them."""

from __future__ import annotations

import re

import pytest

from bus.dictionary import Dictionary
from bus.pus import Service, Severity, Stage
from node.assembly import dictionary
from tests.oracles.pus_messages import OURS, REPORTS, STANDARD

defs = pytest.importorskip("spacepackets.ecss.defs")
housekeeping = pytest.importorskip("spacepackets.ecss.pus_3_hk")
event = pytest.importorskip("spacepackets.ecss.pus_5_event")
storage = pytest.importorskip("spacepackets.ecss.pus_15_tm_storage")
test = pytest.importorskip("spacepackets.ecss.pus_17_test")
verification = pytest.importorskip("spacepackets.ecss.pus_1_verification")


@pytest.fixture(scope="module")
def words() -> Dictionary:
    return dictionary("pathfinder")


def test_services_have_the_numbers_of_the_standard() -> None:
    theirs = {int(service): service.name for service in defs.PusService if service.name.startswith("S")}
    same = {
        Service.VERIFICATION: "VERIFICATION", Service.DEVICE_ACCESS: "RAW_CMD", Service.HOUSEKEEPING: "HOUSEKEEPING",
        Service.EVENT: "EVENT", Service.FUNCTION: "FUNC_CMD", Service.STORAGE: "TM_STORAGE", Service.TEST: "TEST",
        Service.PARAMETER: "PARAMETER", Service.SCHEDULING: "TC_SCHED", Service.TIME: "TIME_MGMT",
        Service.MEMORY: "MEMORY_MGMT",
    }  # fmt: skip
    unknown_to_the_library = {
        Service.STATISTICS, Service.MONITORING, Service.EVENT_ACTION, Service.PROCEDURE, Service.LARGE_TRANSFER,
    }  # fmt: skip
    assert set(same) == set(Service) - unknown_to_the_library
    assert not unknown_to_the_library & set(theirs)
    for number, name in same.items():
        assert re.sub(r"^S\d+_", "", theirs[number]) == name


def test_stages_are_the_report_s_subtypes() -> None:
    names = {
        Stage.ACCEPTED: "TM_ACCEPTANCE_SUCCESS", Stage.REJECTED: "TM_ACCEPTANCE_FAILURE",
        Stage.STARTED: "TM_START_SUCCESS", Stage.START_FAILED: "TM_START_FAILURE",
        Stage.PROGRESS: "TM_STEP_SUCCESS", Stage.PROGRESS_FAILED: "TM_STEP_FAILURE",
        Stage.COMPLETED: "TM_COMPLETION_SUCCESS", Stage.FAILED: "TM_COMPLETION_FAILURE",
    }  # fmt: skip
    assert set(names) == set(Stage)
    assert {int(stage): name for stage, name in names.items()} == {
        int(theirs): theirs.name for theirs in verification.MessageSubtype if theirs.name in names.values()
    }


def test_severities_are_the_report_s_subtypes() -> None:
    names = {
        Severity.INFORMATIVE: "TM_INFO_EVENT", Severity.LOW: "TM_LOW_SEVERITY_EVENT",
        Severity.MEDIUM: "TM_MEDIUM_SEVERITY_EVENT", Severity.HIGH: "TM_HIGH_SEVERITY_EVENT",
    }  # fmt: skip
    assert {name: int(severity) for severity, name in names.items()} == {
        theirs.name: int(theirs) for theirs in event.MessageSubtype if theirs.name in names.values()
    }


@pytest.mark.parametrize(
    ("telecommand", "module", "name"),
    [
        ("housekeeping.enable", housekeeping, "TC_ENABLE_PERIODIC_HK_GEN"),
        ("housekeeping.disable", housekeeping, "TC_DISABLE_PERIODIC_HK_GEN"),
        ("housekeeping.one_shot", housekeeping, "TC_GENERATE_ONE_PARAMETER_REPORT"),
        ("housekeeping.interval", housekeeping, "TC_MODIFY_PARAMETER_REPORT_COLLECTION_INTERVAL"),
        ("event.enable", event, "TC_ENABLE_EVENT_REPORTING"),
        ("event.disable", event, "TC_DISABLE_EVENT_REPORTING"),
        ("store.retrieve", storage, "RETRIEVAL_BY_TIME_RANGE"),
        ("store.delete", storage, "DELETE_UP_TO"),
        ("diagnostic.enable", housekeeping, "TC_ENABLE_PERIODIC_DIAGNOSTICS_GEN"),
        ("diagnostic.disable", housekeeping, "TC_DISABLE_PERIODIC_DIAGNOSTICS_GEN"),
        ("diagnostic.one_shot", housekeeping, "TC_GENERATE_ONE_DIAGNOSTICS_REPORT"),
        ("diagnostic.interval", housekeeping, "TC_MODIFY_DIAGNOSTICS_REPORT_COLLECTION_INTERVAL"),
        ("housekeeping.describe", housekeeping, "TM_REPORT_HK_REPORT_STRUCTURES"),
        ("diagnostic.describe", housekeeping, "TM_REPORT_DIAG_REPORT_STRUCTURES"),
        ("test.ping", test, "TC_PING"),
    ],
)
def test_telecommands_have_the_library_s_subtypes(
    words: Dictionary, telecommand: str, module: object, name: str
) -> None:
    theirs = {subservice.name: int(subservice) for subservice in module.MessageSubtype}  # type: ignore[attr-defined]
    assert words.telecommand[telecommand].subtype == theirs[name]


def test_every_message_is_one_of_the_standard_s(words: Dictionary) -> None:
    """None is invented, and none goes the wrong way. `pus_messages` has the source of each row."""
    requests = {(form.service, form.subtype): form.name for form in words.telecommands}
    reports = {(s.service, s.subtype): s.name for s in words.structures}
    reports |= {(Service.VERIFICATION, stage): stage.name for stage in Stage}
    reports |= {(Service.EVENT, severity): severity.name for severity in Severity}
    for direction, declared in (("TC", requests), ("TM", reports)):
        for key, name in declared.items():
            assert key in STANDARD, f"{name} {key} is not looked up"
            assert STANDARD[key][0] == direction, name
            assert STANDARD[key][2], f"{name} {key} has no source"


def test_each_message_has_the_number_that_was_looked_up_for_it(words: Dictionary) -> None:
    telecommands = {form.name: (form.service, form.subtype) for form in words.telecommands}
    assert {name: telecommands[name] for name in OURS} == OURS
    structures = {s.name: (s.service, s.subtype) for s in words.structures}
    assert {name: structures[name] for name in REPORTS} == REPORTS
    assert {structures[name] for name in ("core", "power", "thermal", "payload", "flight", "software", "jobs")} == {
        (3, 25)
    }


def test_functions_are_tc_8_1(words: Dictionary) -> None:
    functions = [form for form in words.telecommands if form.function is not None]
    assert functions and {(form.service, form.subtype) for form in functions} == {(8, 1)}
    hk, ping = {s.name: int(s) for s in housekeeping.MessageSubtype}, {s.name: int(s) for s in test.MessageSubtype}
    assert (hk["TM_HK_REPORT"], ping["TM_REPLY"]) == (25, 2)
