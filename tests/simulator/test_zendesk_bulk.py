"""Many records at once: a job with a result per item, and no item that takes another one down."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulator.zendesk_account import Account

pytestmark = pytest.mark.anyio


async def job(account: Account, method: str, path: str, body: Any = None) -> list[dict[str, Any]]:
    """The results of the job that a request makes, as the job shows them."""
    asked = await account.call(method, path, body)
    assert asked.status_code == 200, asked.text
    done = (await account.get(f"job_statuses/{asked.json()['job_status']['id']}"))["job_status"]
    assert (done["status"], done["total"]) == ("completed", len(done["results"]))
    found: list[dict[str, Any]] = done["results"]
    return found


@pytest.mark.parametrize("path", ["tickets/create_many", "imports/tickets/create_many"])
async def test_tickets_that_cannot_be_made_fail_alone(path: str) -> None:
    account = Account()
    good = {"subject": "One", "comment": {"body": "text"}}
    results = await job(account, "POST", path, {"tickets": [good, {"subject": "no text"}, {**good, "tags": 5}, good]})
    assert [("id" in r, r["index"]) for r in results] == [(True, 0), (False, 1), (False, 2), (True, 3)]
    assert results[1] == {"index": 1, "error": "RecordInvalid", "details": "Description: cannot be blank"}
    assert results[2]["error"] == "InvalidValue"
    assert sorted(t["id"] for t in (await account.get("tickets"))["tickets"]) == [results[0]["id"], results[3]["id"]]


async def test_imported_tickets_run_no_trigger_together_as_one_by_one() -> None:
    account = Account()
    await account.trigger([{"field": "update_type", "value": "Create"}], [{"field": "current_tags", "value": "seen"}])
    made = await job(account, "POST", "imports/tickets/create_many", {"tickets": [{"subject": "old", "comments": [{"value": "words"}]}]})
    found = (await account.get(f"tickets/{made[0]['id']}"))["ticket"]
    assert (found["tags"], found["description"]) == ([], "words")


async def test_an_update_without_a_usable_id_fails_alone() -> None:
    account = Account()
    id_ = (await account.ticket())["id"]
    batch = [{"priority": "low"}, {"id": "x", "priority": "low"}, {"id": "9" * 5_000}, {"id": id_, "priority": "low"}]
    results = await job(account, "PUT", "tickets/update_many", {"tickets": batch})
    assert [(r["success"], r["status"]) for r in results] == [(False, "Failed")] * 3 + [(True, "Updated")]
    assert {r.get("error") for r in results[:3]} == {"RecordNotFound"}


async def test_a_failed_update_says_what_is_wrong_with_it() -> None:
    account = Account()
    id_ = (await account.ticket(status="closed"))["id"]
    (result,) = await job(account, "PUT", f"tickets/update_many?ids={id_}", {"ticket": {"priority": "low"}})
    assert (result["error"], result["details"]) == ("RecordInvalid", "Status: closed prevents ticket update")


async def test_users_are_made_changed_and_deleted_by_the_hundred() -> None:
    account = Account()
    made = await job(account, "POST", "users/create_many", {"users": [{"name": "Ann", "external_id": "a"}, {"email": "no@name"}]})
    assert (made[1]["index"], made[1]["error"]) == (1, "RecordInvalid")
    ann = made[0]["id"]
    changed = await job(account, "PUT", f"users/update_many?ids={ann},4711", {"user": {"name": "Anna"}})
    assert [r["success"] for r in changed] == [True, False]
    gone = await job(account, "DELETE", f"users/destroy_many?ids={ann},4711")
    assert [(r["id"], r["action"], r["success"]) for r in gone] == [(ann, "delete", True), (4711, "delete", False)]
    user = (await account.get(f"users/{ann}"))["user"]
    assert (user["name"], user["active"]) == ("Anna", False)


async def test_users_are_deleted_by_their_external_ids_too() -> None:
    account = Account()
    made = await job(account, "POST", "users/create_many", {"users": [{"name": "Ann", "external_id": "a"}, {"name": "Bob"}]})
    gone = await job(account, "DELETE", "users/destroy_many?external_ids=a,nobody")
    assert [r["id"] for r in gone] == [made[0]["id"]]


async def test_a_deleted_user_can_be_deleted_for_good_an_active_one_cannot() -> None:
    account = Account()
    id_ = (await account.call("POST", "users", {"user": {"name": "Ann", "email": "ann@example.com"}})).json()["user"]["id"]
    assert (await account.call("DELETE", f"deleted_users/{id_}")).status_code == 403
    await account.call("DELETE", f"users/{id_}")
    assert (await account.call("DELETE", f"deleted_users/{id_}")).status_code == 200
    left = (await account.get(f"users/{id_}"))["user"]
    assert (left["email"], left["active"]) == (None, False)
    assert "Ann" not in str(left)
    assert (await account.get(f"users/{id_}/identities"))["identities"] == []


async def test_organizations_are_made_changed_and_deleted_by_the_hundred() -> None:
    account = Account()
    batch = [{"name": "Acme", "external_id": "a"}, {"name": "acme"}, {"name": "Beta"}]
    made = await job(account, "POST", "organizations/create_many", {"organizations": batch})
    assert [r.get("error") for r in made] == [None, "RecordInvalid", None]
    acme, beta = made[0]["id"], made[2]["id"]
    changed = await job(account, "PUT", "organizations/update_many", {"organizations": [{"id": acme, "notes": "big"}, {"id": 4711}]})
    assert [r["success"] for r in changed] == [True, False]
    shown = (await account.get("organizations/show_many?external_ids=a"))["organizations"]
    assert [(o["id"], o["notes"]) for o in shown] == [(acme, "big")]
    await job(account, "DELETE", "organizations/destroy_many?external_ids=a")
    assert [o["id"] for o in (await account.get("organizations"))["organizations"]] == [beta]


@pytest.mark.parametrize(("word", "one"), [("views", {"view": {"title": "V"}}), ("macros", {"macro": {"title": "M"}})])
async def test_views_and_macros_are_thrown_away_together(word: str, one: dict[str, Any]) -> None:
    account = Account()
    ids = [next(iter((await account.call("POST", word, one)).json().values()))["id"] for _ in range(3)]
    assert (await account.call("DELETE", f"{word}/destroy_many?ids={ids[0]},{ids[2]},4711")).status_code == 204
    assert [v["id"] for v in (await account.get(word))[word]] == [ids[1]]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "tickets/update_many", {"tickets": [{"id": n} for n in range(101)]}),
        ("POST", "users/create_many", {"users": [{"name": "x"}] * 101}),
        ("GET", "tickets/show_many?ids=" + ",".join(map(str, range(101))), None),
        ("DELETE", "users/destroy_many?ids=" + ",".join(map(str, range(101))), None),
        ("DELETE", "organizations/destroy_many?external_ids=" + ",".join(map(str, range(101))), None),
    ],
)
async def test_more_than_a_hundred_at_once_are_too_many_values(method: str, path: str, body: Any) -> None:
    """Under the name by which clients know it."""
    refused = await Account().call(method, path, body)
    assert refused.status_code == 400
    assert refused.json()["error"] == "TooManyValues"
    assert "100" in refused.json()["description"]


@pytest.mark.parametrize("path", ["job_statuses/show_many?ids={id}", "job_statuses"])
async def test_a_job_at_work_is_so_in_every_list(path: str) -> None:
    account = Account()
    account.zendesk.world.job_looks = 1
    id_ = (await account.call("POST", "users/create_many", {"users": [{"name": "Ann"}]})).json()["job_status"]["id"]
    seen = [(await account.get(path.format(id=id_)))["job_statuses"][0] for _ in range(2)]
    assert [(one["status"], one["results"] is None) for one in seen] == [("working", True), ("completed", False)]
