"""Drawings in offline pages: Plotly draws them in the reader's browser, and the page carries it. Nothing is fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

_FONT = {"family": 'system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif', "size": 12.5}
STYLE = """<style>
.plot{overflow-x:auto}.plot>div{min-width:640px}
.js-plotly-plot text{fill:var(--ink)!important}.js-plotly-plot .heatmap-label text{fill:#10161d!important}
.js-plotly-plot .gridlayer path,.js-plotly-plot .zerolinelayer path{stroke:var(--grid)!important}
.js-plotly-plot .hoverlayer text{fill:#17202a!important}
</style>"""


def library() -> str:
    """The script that draws, once for the page."""
    from plotly.offline import get_plotlyjs  # noqa: PLC0415 - 5 MB, where it is written

    return f"<script>{get_plotlyjs()}</script>{STYLE}"


def drawn(name: str, told: str, data: Sequence[Mapping[str, Any]], layout: Mapping[str, Any]) -> str:
    """One drawing. name: of its element, once on a page. told: what it shows, for who cannot see it. layout: Plotly's,
    with a height in pixels."""
    from plotly.io import to_html  # noqa: PLC0415

    whole = {
        "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)", "font": _FONT, "autosize": True,
        "margin": {"l": 10, "r": 10, "t": 10, "b": 10},
        "legend": {"orientation": "h", "yanchor": "bottom", "y": 1.0, "x": 0}, **layout,
    }  # fmt: skip
    drawing = to_html(
        {"data": list(data), "layout": whole}, include_plotlyjs=False, full_html=False, validate=False, div_id=name,
        default_height=f"{layout['height']}px", config={"displayModeBar": False, "responsive": True},
    )  # fmt: skip
    return (
        f'<div class="plot" role="img" aria-label="{escape(told)}">{drawing}</div>'
        "<noscript><p class='soft'>The picture needs JavaScript; the tables of this page do not.</p></noscript>"
    )
