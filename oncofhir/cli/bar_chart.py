"""A bar chart of counts for a terminal."""

from collections.abc import Sequence

from rich.bar import Bar
from rich.table import Table

_BAR_CELLS = 24


def bar_chart(title: str, rows: Sequence[tuple[str, str, int]]) -> Table:
    """Return a chart of (group, label, count); a group's name is printed at its first bar only."""
    chart = Table(title=title, title_justify="left", box=None, show_header=False, pad_edge=False)
    chart.add_column(overflow="ellipsis", no_wrap=True, max_width=36)
    chart.add_column(no_wrap=True)
    chart.add_column(width=_BAR_CELLS)
    chart.add_column(justify="right")
    largest = max((count for _, _, count in rows), default=1)
    before = None
    for group, label, count in rows:
        bar = Bar(size=largest, begin=0, end=count, width=_BAR_CELLS)
        chart.add_row("" if group == before else group, label, bar, str(count))
        before = group
    return chart
