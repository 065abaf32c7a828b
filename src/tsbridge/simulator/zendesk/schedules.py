"""Routes of schedules: business hours by the week in a zone of Rails's names, and holidays."""

from __future__ import annotations

import re
from datetime import date
from typing import Any, Final

from tsbridge.simulator.zendesk.answers import invalid, not_found
from tsbridge.simulator.zendesk.routes import Asked, Found, RouteGroup, route

A_DAY: Final = 1440
A_WEEK: Final = 7 * A_DAY
PLACE: Final = "/api/v2/business_hours/schedules"
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class Schedules(RouteGroup):
    """Intervals are minutes since Sunday 00:00 and stay within a day; holidays are days of the schedule's own zone, the last included."""

    @route("GET", PLACE)
    def schedules(self, asked: Asked) -> Any:
        return {"schedules": list(self.s.schedules.values()), "url": f"{self.world.url}{PLACE}.json"}

    @route("POST", PLACE)
    def add_schedule(self, asked: Asked) -> Any:
        given = asked.inside("schedule")
        for name in ("name", "time_zone"):
            if not given.get(name):
                raise invalid(name, f"{name} cannot be blank", "BlankValue")
        made = self.world.add_schedule(str(given["name"]), str(given["time_zone"]), [])
        return Found(201, {"schedule": made})

    @route("GET", f"{PLACE}/<id>")
    def show_schedule(self, asked: Asked, id_: int) -> Any:
        return {"schedule": self._schedule(id_)}

    @route("PUT", f"{PLACE}/<id>/workweek")
    def change_workweek(self, asked: Asked, id_: int) -> Any:
        schedule, intervals = self._schedule(id_), asked.inside("workweek").get("intervals")
        if not isinstance(intervals, list) or not all(_within_a_day(one) for one in intervals):
            raise invalid("intervals", "Intervals is not valid")
        schedule["intervals"] = [{"start_time": one["start_time"], "end_time": one["end_time"]} for one in intervals]
        return {"workweek": {"intervals": schedule["intervals"]}}

    @route("GET", f"{PLACE}/<id>/holidays")
    def schedule_holidays(self, asked: Asked, id_: int) -> Any:
        self._schedule(id_)
        return {"holidays": list(self.s.holidays.get(id_, {}).values())}

    @route("POST", f"{PLACE}/<id>/holidays")
    def add_schedule_holiday(self, asked: Asked, id_: int) -> Any:
        self._schedule(id_)
        given = asked.inside("holiday")
        first, last = _date(given.get("start_date")), _date(given.get("end_date"))
        if not given.get("name"):
            raise invalid("name", "Name: cannot be blank", "BlankValue")
        if first is None or last is None or last < first:
            raise invalid("end_date", "End date is not valid")
        new = self.world.new_id()
        made = {"id": new, "name": str(given["name"]), "start_date": str(first), "end_date": str(last)}
        self.s.holidays.setdefault(id_, {})[new] = made
        return Found(201, {"holiday": made})

    def _schedule(self, id_: int) -> dict[str, Any]:
        if id_ not in self.s.schedules:
            raise not_found()
        return self.s.schedules[id_]


def _within_a_day(interval: Any) -> bool:
    if not isinstance(interval, dict):
        return False
    start, end = interval.get("start_time"), interval.get("end_time")
    if type(start) is not int or type(end) is not int:
        return False
    return 0 <= start < end <= A_WEEK and (end - 1) // A_DAY == start // A_DAY


def _date(text: Any) -> date | None:
    if not isinstance(text, str) or _DATE.fullmatch(text) is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
