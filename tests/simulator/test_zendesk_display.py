"""How the simulated account writes what its triggers send: exactness of times, language of words, its own name."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest

from tests.simulator.test_zendesk_triggers import hook
from tests.simulator.zendesk_account import Account, do, when
from tsbridge.cli.simulate import Locale, Stamps
from tsbridge.simulator.zendesk import Display
from tsbridge.simulator.zendesk.display import STAMPS, WORDS
from tsbridge.vendors.zendesk.trigger import trigger_body

pytestmark = pytest.mark.anyio
BODY = json.dumps(trigger_body("created"))


async def ringing(**display: Any) -> Account:
    """An account with the trigger that we hand out."""
    account = Account(subscribed=False, display=Display(**display))
    action = do("notification_webhook", [await hook(account), BODY])
    await account.trigger([when("update_type", "is", "Create")], [action])
    return account


async def body(account: Account, **props: Any) -> dict[str, Any]:
    await account.ticket(**props)
    (found,) = await account.heard()
    return found


async def test_the_body_of_our_trigger_names_the_account() -> None:
    assert (await body(await ringing()))["account"] == "Example"
    assert (await body(await ringing(account="Other Inc")))["account"] == "Other Inc"


async def test_times_end_with_the_second_or_with_the_minute() -> None:
    by_second, by_minute = await body(await ringing()), await body(await ringing(stamps="minutes"))
    assert (by_second["ticket"]["updated_at"], by_second["ticket"]["created_at"]) == ("2026-06-01T09:14:03Z",) * 2
    assert (by_minute["ticket"]["updated_at"], by_minute["ticket"]["created_at"]) == ("2026-06-01T09:14Z",) * 2
    assert by_minute["delivery"] == f"{by_minute['ticket_id']}-2026-06-01T09:14Z"


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("en-US", ("Pending", "Urgent", "Incident", "Mail")),
        ("de", ("Wartend", "Dringend", "Vorfall", "E-Mail")),
        ("ja", ("保留中", "緊急", "インシデント", "メール")),
    ],
)
async def test_words_are_in_the_language_of_the_account(locale: str, words: tuple[str, ...]) -> None:
    given = {"status": "pending", "priority": "urgent", "type": "incident", "via": {"channel": "mail"}}
    ticket = (await body(await ringing(locale=locale), **given))["ticket"]
    assert (ticket["status"], ticket["priority"], ticket["type"], ticket["channel"]) == words


@pytest.mark.parametrize("locale", sorted(WORDS))
async def test_what_is_not_set_is_a_dash_and_an_unknown_channel_is_shown_as_it_is(locale: str) -> None:
    ticket = (await body(await ringing(locale=locale), via={"channel": "any_channel"}))["ticket"]
    assert (ticket["priority"], ticket["channel"]) == ("-", "Any channel")


async def test_every_language_has_the_same_words() -> None:
    assert {locale: sorted(words) for locale, words in WORDS.items()} == dict.fromkeys(WORDS, sorted(WORDS["en-US"]))


async def test_the_api_speaks_as_before_whatever_the_display_says() -> None:
    account = await ringing(locale="de", stamps="minutes")
    made = await account.ticket(status="pending")
    assert (made["status"], made["updated_at"]) == ("pending", "2026-06-01T09:14:03Z")


async def test_texts_that_are_not_escaped_break_the_body() -> None:
    account = await ringing(escaped=False)
    await account.ticket(subject='The "best" dog')
    with pytest.raises(json.JSONDecodeError):
        await account.heard()


async def test_the_display_is_turned_while_it_runs() -> None:
    account = await ringing()
    turned = await account.http.put("/_sim/display", json={"stamps": "minutes", "locale": "de", "account": "B"})
    assert turned.json() == {"account": "B", "stamps": "minutes", "locale": "de", "escaped": True}
    found = await body(account)
    assert (found["account"], found["ticket"]["status"], found["ticket"]["updated_at"]) == ("B", "Neu", "2026-06-01T09:14Z")


@pytest.mark.parametrize(
    ("knobs", "said"),
    [
        ("display", {"stamps": "hours"}),
        ("display", {"locale": "xx"}),
        ("display", {"locale": None}),
        ("display", {"account": 5}),
        ("display", {"escaped": "yes"}),
        ("display", []),
        ("limits", {"updates": "many"}),
        ("limits", {"updates": True}),
        ("faults", {"drop": "often"}),
        ("faults", {"down": 1}),
        ("faults", "down"),
    ],
)
async def test_a_knob_takes_only_what_it_can_be(knobs: str, said: Any) -> None:
    account = Account()
    before = (await account.http.get(f"/_sim/{knobs}")).json()
    assert (await account.http.put(f"/_sim/{knobs}", json=said)).status_code == 400
    assert (await account.http.get(f"/_sim/{knobs}")).json() == before


async def test_a_share_may_be_a_whole_number_and_a_wait_may_be_left_out() -> None:
    account = Account()
    assert (await account.http.put("/_sim/faults", json={"drop": 100, "slow_s": 0, "retry_after": None})).status_code == 200


async def test_the_command_offers_what_the_account_can_do() -> None:
    assert (get_args(Stamps), get_args(Locale)) == (STAMPS, tuple(WORDS))
