"""What people of the account do, for the control endpoint: by name, with plain arguments, as whom one says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from tsbridge.simulator.zendesk.answers import Rejected, bad_request
from tsbridge.simulator.zendesk.world import World

ALL_KINDS: Final = tuple(
    f"zen:event-type:ticket.{kind}"
    for kind in (
        "created",
        "status_changed",
        "priority_changed",
        "type_changed",
        "subject_changed",
        "external_id_changed",
        "group_assignment_changed",
        "agent_assignment_changed",
        "organization_changed",
        "requester_changed",
        "brand_changed",
        "form_changed",
        "problem_link_changed",
        "task_due_at_changed",
        "tags_changed",
        "custom_field_changed",
        "comment_added",
        "comment_made_private",
        "comment_redacted",
        "merged",
        "soft_deleted",
        "undeleted",
        "attachment_linked_to_comment",
        "permanently_deleted",
    )
)
# Told beside status_changed, to those who subscribe it by name.
CUSTOM_STATUS: Final = "zen:event-type:ticket.custom_status_changed"
NEVER_HERE: Final = tuple(
    f"zen:event-type:ticket.{kind}"
    for kind in (
        "description_changed",
        "submitter_changed",
        "attachment_redacted_from_comment",
        "email_ccs_changed",
        "followers_changed",
        "marked_as_spam",
        "next_sla_breach_changed",
        "sla_policy_changed",
        "ola_policy_changed",
        "schedule_changed",
        "csat_requested",
        "csat_received",
    )
)


def check_subscriptions(given: Any) -> None:
    """Refuse event types that do not exist, though much code uses them, like ticket.updated, and a mixture of both ways to connect."""
    if not isinstance(given, list) or not given:
        raise bad_request("InvalidSubscriptions", "subscriptions must be a list of event types")
    if given == ["conditional_ticket_events"]:
        return
    for kind in given:
        text = str(kind)
        known = text in (*ALL_KINDS, *NEVER_HERE, CUSTOM_STATUS)
        if not text.startswith("zen:event-type:") or (text.startswith("zen:event-type:ticket.") and not known):
            raise bad_request("InvalidSubscriptions", f"{text[:80]} is not a valid subscription")


def perform(world: World, act: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """Do an act; answers {"id": <what it made or touched>}. `as` names the acting user by id or e-mail (default: the requester).

    `create` {ticket}; `change` {id, ticket}; `tag`/`untag` {id, tags}; `delete`/`restore` {id}; `merge` {id, into};
    `user` {user}.
    """
    if act == "user":
        props = dict(args["user"])
        return {"id": world.add_user(str(props.pop("name")), props.pop("email", None), **props)["id"]}
    if act == "create":
        actor = _actor(world, args.get("as")) or world.admin
        return {"id": world.create(args["ticket"], actor, str(args.get("via", "web")))["id"]}
    id_ = int(args["id"])
    if act == "restore":
        world.restore(id_, _actor(world, args.get("as")) or world.admin)
        return {"id": id_}
    ticket = world.ticket(id_)
    actor = _actor(world, args.get("as")) or world.user(ticket["requester_id"])
    if act == "change":
        world.change(id_, args["ticket"], actor, str(args.get("via", "web")))
    elif act == "tag":
        world.change(id_, {"tags": sorted({*ticket["tags"], *args["tags"]})}, actor, "web")
    elif act == "untag":
        world.change(id_, {"tags": sorted(set(ticket["tags"]) - set(args["tags"]))}, actor, "web")
    elif act == "delete":
        world.delete(id_, actor)
    elif act == "merge":
        world.merge(int(args["into"]), [id_], actor, None, None)
    else:
        raise Rejected(400, f"no such act: {act}")
    return {"id": id_}


def _actor(world: World, who: Any) -> dict[str, Any] | None:
    if who is None:
        return None
    if str(who).isdigit():
        return world.user(int(who))
    return world.user_by_email(str(who)) or world.add_user(str(who).partition("@")[0], str(who), role="agent")
