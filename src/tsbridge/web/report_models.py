"""The shapes of reports, for `/openapi.json`; see `models`."""

from __future__ import annotations

from typing import Any, Literal

from typing_extensions import TypedDict


class ReportColumn(TypedDict):
    """What a figure means: of what it is counted, in which sense, in which kind of time."""

    key: str
    title: str
    unit: str
    metric: str
    sense: Literal["true", "zendesk"]
    time: Literal["calendar", "business"] | None
    schedule: str | None
    population: str


class ReportKind(TypedDict):
    id: str
    name: str
    title: str
    definition: str
    group_by: str
    groups: list[str]
    columns: list[ReportColumn]


ReportShown = TypedDict(
    "ReportShown",
    {
        "name": str,
        "title": str,
        "from": str,  # no name a class could have
        "to": str,
        "timezone": str,
        "as_of": str,
        "sense": Literal["true", "zendesk"],
        "group_by": str,
        "definition": str,
        "notes": list[str],
        "columns": list[ReportColumn],
        "rows": list[dict[str, Any]],  # `group`, a figure by the key of each column, `at_least_s`, `cases_url`
        "totals": dict[str, Any],
    },
)


class ReportCase(TypedDict):
    id: str
    value: int | None
