"""Routes of jobs and of search."""

from __future__ import annotations

from typing import Any

from tsbridge.simulator.zendesk.answers import Rejected, bad_request, not_found, page
from tsbridge.simulator.zendesk.routes import Asked, RouteGroup, route
from tsbridge.simulator.zendesk.search import search_all, search_named, search_tickets, search_users


class Lookups(RouteGroup):
    """What became of a job, and what is looked for."""

    @route("GET", "/api/v2/job_statuses/show_many")
    def show_jobs(self, asked: Asked) -> Any:
        wanted = asked.query.get("ids", "").split(",")
        return {"job_statuses": [self.world.job(i) for i in wanted if i in self.s.jobs]}

    @route("GET", "/api/v2/job_statuses")
    def list_jobs(self, asked: Asked) -> Any:
        found = page(list(self.s.jobs.values()), "job_statuses", asked.query, asked.url)
        return {**found, "job_statuses": [self.world.job(one["id"]) for one in found["job_statuses"]]}

    @route("GET", "/api/v2/job_statuses/<word>")
    def show_job(self, asked: Asked, id_: Any) -> Any:
        if str(id_) not in self.s.jobs:
            raise not_found()
        return {"job_status": self.world.job(str(id_))}

    @route("GET", "/api/v2/search")
    def search(self, asked: Asked) -> Any:
        query = asked.query.get("query", "")
        found = search_all(self.world, query, asked.query)
        depth = max(int(n) if (n := asked.query.get("page", "1")).isdigit() else 1, 1)
        size = min(int(n) if (n := asked.query.get("per_page", "100")).isdigit() else 100, 100)
        if depth > 1 and depth * size > 1_000:
            raise Rejected(
                422, {"error": "invalid", "description": "Invalid search: Requested response size was greater than Search Response Limits"}
            )
        return {**page(found, "results", asked.query, asked.url), "facets": None}

    @route("GET", "/api/v2/search/count")
    def search_count(self, asked: Asked) -> Any:
        return {"count": len(search_all(self.world, asked.query.get("query", ""), asked.query))}

    @route("GET", "/api/v2/search/export")
    def search_export(self, asked: Asked) -> Any:
        kind = asked.query.get("filter[type]")
        query = asked.query.get("query", "")
        if kind in ("ticket", "user"):
            found = search_tickets(self.world, query) if kind == "ticket" else search_users(self.world, query)
        elif kind in ("organization", "group"):
            found = search_named(self.world, kind, query)
        else:
            raise bad_request("InvalidValue", "filter[type] is needed")
        sized = {"page[size]": "100", **asked.query}
        return page([{**f, "result_type": kind} for f in found], "results", sized, asked.url)
