"""junit.xml of a campaign, for continuous integration, and a case in a line of words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from xml.etree import ElementTree

from bus.text.times import clock
from faults.campaign.outcome import Result


def words_of(values: Mapping[str, str]) -> str:
    """`strike dead, at 30 s`."""
    return ", ".join(f"{name} {label}" for name, label in values.items())


def reason_of(result: Result) -> str:
    """The first reason for a verdict that is no pass."""
    if result["error"]:
        return str(result["error"])
    for row in result["expectations"]:
        if row["verdict"] == "FAIL":
            at = "" if row["first_violation_s"] is None else f", violated at {clock(row['first_violation_s'])}"
            return f"{row['text']}{at}"
    for chain in result["chains"]:
        if chain["activated_s"] is None:
            return f"{chain['id']} never acted" + (f": {chain['refused']}" if chain["refused"] else "")
    for row in result["expectations"]:
        if row["verdict"] == "INCONCLUSIVE":
            return f"{row['text']}: {row['reason']}"
    return ""


def junit(name: str, results: Sequence[Result], repeat: Mapping[int, str]) -> str:
    """One test case for each case: a failure is a FAIL, an error what is INCONCLUSIVE, skipped what is waived."""
    asked = [result for result in results if result["asked"]]
    counts = Counter("waived" if result.get("waived") else result["verdict"] for result in asked)
    suite = ElementTree.Element(
        "testsuite", name=name, tests=str(len(asked)), failures=str(counts["FAIL"]),
        errors=str(counts["INCONCLUSIVE"]), skipped=str(counts["waived"]),
    )  # fmt: skip
    for result in asked:
        case = ElementTree.SubElement(
            suite, "testcase", classname=name, name=words_of(result["values"]) or "case 0"
        )  # fmt: skip
        if result.get("waived"):
            ElementTree.SubElement(case, "skipped", message=f"waived: {result['waived']}")
        elif result["verdict"] != "PASS":
            kind = "failure" if result["verdict"] == "FAIL" else "error"
            row = ElementTree.SubElement(case, kind, message=reason_of(result))
            row.text = repeat.get(result["case"], "")
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="utf-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"
