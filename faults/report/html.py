"""The frame of report.html: style sheet, page, tables, tiles. Self-contained: no script, no address, no font file.

Colours are the palette of Okabe and Ito (2008), told apart by people with any colour vision; every state is also said
in words.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

STYLE = """
:root{--ink:#17202a;--soft:#5b6b7b;--paper:#f6f8fa;--card:#ffffff;--edge:#dde3ea;--field:#fbfcfd;--grid:#e6ebf0;
--shade:#23324a;--shade-o:.10;--pass:#00795a;--fail:#b3261e;--open:#8a6100;
--k0:#0072b2;--k1:#d55e00;--k2:#009e73;--k3:#cc79a7;--k4:#e69f00;--k5:#56b4e9;--k6:#7a6bb3;--k7:#6b7785}
@media (prefers-color-scheme:dark){:root{--ink:#e8edf2;--soft:#9aa8b6;--paper:#0e141b;--card:#161e27;--edge:#2a3541;
--field:#121a22;--grid:#24303b;--shade:#000;--shade-o:.45;--pass:#4cc79c;--fail:#ff8a80;--open:#f0b84a;
--k0:#4aa8e0;--k1:#f08a45;--k2:#35c796;--k3:#e29cc4;--k4:#f2b93b;--k5:#86cdf3;--k6:#a99be0;--k7:#93a0ad}}
*{box-sizing:border-box}body{margin:0;background:var(--paper);color:var(--ink);
font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
main{max-width:1220px;margin:0 auto;padding:28px 24px 60px}
header{display:flex;justify-content:space-between;align-items:flex-start;gap:32px;margin-bottom:18px}
h1{font-size:27px;margin:0;letter-spacing:-.01em}h2{font-size:19px;margin:34px 0 10px}
h3{font-size:15px;margin:20px 0 6px}
p{margin:4px 0}.soft{color:var(--soft)}code,.mono{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
.card{background:var(--card);border:1px solid var(--edge);border-radius:10px;padding:16px 18px;margin:12px 0}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:10px;margin:12px 0}
.tile{background:var(--card);border:1px solid var(--edge);border-radius:10px;padding:10px 14px}
.tile b{display:block;font-size:21px;font-weight:600;font-variant-numeric:tabular-nums;line-height:1.3}
.tile span{color:var(--soft);font-size:12.5px}.card .tile{background:var(--field)}
.badge{display:inline-block;border-radius:999px;padding:1px 10px;font-size:12.5px;font-weight:600;
border:1px solid currentColor;white-space:nowrap}.big{font-size:17px;padding:4px 18px}
.pass{color:var(--pass)}.fail{color:var(--fail)}.open{color:var(--open)}.plain{color:var(--soft)}
.wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th{font-size:12.5px;color:var(--soft);font-weight:600;text-align:left;
border-bottom:1px solid var(--edge);padding:5px 10px 5px 0}
td{padding:6px 10px 6px 0;border-bottom:1px solid var(--grid);vertical-align:top}tr:last-child td{border-bottom:0}
td.n,th.n{text-align:right}
svg.chart{width:100%;height:auto;display:block;font:11.5px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
.field{fill:var(--field);stroke:var(--edge)}.grid{stroke:var(--grid);stroke-width:1}
.shade{fill:var(--shade);fill-opacity:var(--shade-o)}
.title{fill:var(--ink);font-weight:600;font-size:12.5px}.tick,.legend{fill:var(--soft)}.inside{fill:#fff;font-size:11px}
.line{fill:none;stroke-width:1.6;stroke-linejoin:round}.dots{fill:none;stroke-width:4;stroke-linecap:round}
.limit{stroke:var(--fail);stroke-width:1.2;stroke-dasharray:7 3;fill:none}
.limit.soft{stroke:var(--open);stroke-dasharray:2 3}
.scroll{overflow-x:auto}.scroll svg.chart{min-width:760px}
details{margin:0}summary{cursor:pointer;list-style-position:inside}summary h2{display:inline-block;margin:30px 0 8px}
a{color:inherit}
@media (max-width:600px){main{padding:16px 12px 40px}header{flex-direction:column;gap:10px}.card{padding:12px}
h1{font-size:22px}.tiles{grid-template-columns:repeat(2,1fr)}}
.c0{stroke:var(--k0)}.c1{stroke:var(--k1)}.c2{stroke:var(--k2)}.c3{stroke:var(--k3)}.c4{stroke:var(--k4)}
.c5{stroke:var(--k5)}.c6{stroke:var(--k6)}.c7{stroke:var(--k7)}.k0{fill:var(--k0)}.k1{fill:var(--k1)}.k2{fill:var(--k2)}
.k3{fill:var(--k3)}.k4{fill:var(--k4)}.k5{fill:var(--k5)}.k6{fill:var(--k6)}.k7{fill:var(--k7)}
.span{fill:var(--k7)}.s-nominal{fill:#00795a}.s-safe{fill:#b35a00}.s-survival{fill:#b3261e}.s-leop{fill:#5a4fa0}
.s-contact{fill:#0a66a3}.s-fault{fill:#b3261e}.s-down{fill:#6b7785}
.s-severity-4{fill:#b3261e}.s-severity-3{fill:#b35a00}.s-severity-2{fill:#8a6100}.s-severity-1{fill:#6b7785}
.mark{stroke-width:1;stroke-dasharray:3 3}.m-fault{stroke:var(--fail)}.m-tc{stroke:var(--k0);stroke-opacity:.55}
footer{margin-top:34px;color:var(--soft);font-size:13px}
@media print{body{background:#fff}.card,.tile{break-inside:avoid}}
"""

BADGES = {
    "DOWN": "fail",
    "LOST": "fail",
    "SURVIVAL": "fail",
    "SAFE": "open",
    "LEOP": "open",
    "SHED": "open",
    "DEAF": "open",
    "NOMINAL": "pass",
    "not known": "open",
    "PASS": "pass",
    "FAIL": "fail",
    "INCONCLUSIVE": "open",
    "completed": "pass",
    "failed": "fail",
    "rejected": "fail",
    "active": "fail",
    "cleared": "pass",
    "refused": "fail",
    "never active": "open",
    "unknown": "open",
    "critical": "fail",
    "warning": "open",
    "closed": "pass",
    "not closed": "fail",
    "not covered": "open",
}


def page(title: str, body: Sequence[str]) -> str:
    """The whole document."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>\n"
        + "\n".join(body)
        + "\n</main></body></html>\n"
    )


def badge(text: str, *, big: bool = False) -> str:
    """A state in words and colour."""
    size = " big" if big else ""
    return f'<span class="badge {BADGES.get(text, "plain")}{size}">{escape(text)}</span>'


def tiles(items: Sequence[tuple[str, str]]) -> str:
    """Figures in a row: (figure, what it is)."""
    cells = "".join(
        f'<div class="tile"><b>{escape(figure)}</b><span>{escape(name)}</span></div>' for figure, name in items
    )
    return f'<div class="tiles">{cells}</div>'


def table(heads: Sequence[str], rows: Sequence[Sequence[str]], *, empty: str) -> str:
    """A table of ready-made cells (already HTML). A head that ends in ' #' is a column of numbers."""
    if not rows:
        return f'<p class="soft">{escape(empty)}</p>'
    numeric = [head.endswith(" #") for head in heads]
    names = [head.removesuffix(" #") for head in heads]
    css = [' class="n"' if is_number else "" for is_number in numeric]
    head = "".join(f"<th{c}>{escape(name)}</th>" for c, name in zip(css, names, strict=True))
    body = "".join(
        "<tr>" + "".join(f"<td{c}>{cell}</td>" for c, cell in zip(css, row, strict=True)) + "</tr>" for row in rows
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
