"""Figures as people read them."""

from __future__ import annotations

from tsbridge.reports.model import Column, Figure, Row

UNITS = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))


def shown(column: Column, row: Row) -> str:
    """A figure with its unit; `at least …` of one that is not known yet, `-` of none."""
    bound = row.at_least_s.get(column.key)
    return f"at least {said(column, bound)}" if bound is not None else said(column, row.figures[column.key])


def said(column: Column, figure: Figure) -> str:
    if figure is None:
        return "-"
    if column.unit == "s" and isinstance(figure, int):
        return duration(figure)
    if column.unit == "fraction" and isinstance(figure, int | float):
        return f"{figure * 100:.1f} %"
    return f"{figure:,}" if isinstance(figure, int) else str(figure)


def duration(seconds: int) -> str:
    """The two largest units: `2 d 3 h`, `41 min`, `0 s`; what is below them is cut."""
    parts: list[str] = []
    for unit, size in UNITS:
        count, seconds = divmod(seconds, size)
        if count or parts:
            parts.append(f"{count} {unit}")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if not part.startswith("0 ")) or "0 s"
