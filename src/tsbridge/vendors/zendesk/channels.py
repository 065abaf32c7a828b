"""How a ticket came in: Zendesk's via types, their titles and ids, in our few channel words.

Types and ids: Zendesk's "Via types reference"; titles: as the account's pages and `{{ticket.via}}` write them in English. A title in
another language, or a word that came later, is unknown and told so.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from tsbridge.vendors.reading import label

_WORDS: Final[Mapping[str, str]] = {
    "email": "mail email e_mail mailgun connect_mail side_conversation recovered_from_suspended_tickets recover_from_suspended_ticket 4",
    "web": "web web_form web_widget web_widget_classic helpcenter help_center help_center_post help_center_and_community"
    " dropbox feedback_tab topic forum_topic forum get_satisfaction closed_ticket merge batch lotus sample_ticket sample_interactive_ticket"
    " answer_bot_for_web_widget web_and_messaging 0 17 24 27 48 50",
    "api": "api web_service web_service_api rule trigger_automation trigger automation ticket_sharing import blog github linked_problem"
    " group_deletion group_change change_group user_change change_user user_deletion delete_user user_merge merge_user resource_push"
    " push_resource macro_reference automatic_solution_suggestions monitor_event churned_account admin_setting satisfaction_prediction"
    " ticket_tagging rule_revision symphony omnichannel answer_bot answer_bot_api answer_bot_for_agents 5 8 31 36 39 40",
    "chat": "chat live_chat chat_transcript chat_offline_message logmein_rescue 28 29",
    "messaging": "native_messaging messaging mobile_sdk mobile iphone whatsapp line wechat telegram viber kakaotalk google_rcs rcs"
    " apple_business_chat apple_messages_for_business google_business_messages sunshine_conversations_api sunshine_conversations"
    " business_messaging_slack_connect slack_connect slack answer_bot_for_sdk answer_bot_for_slack connect_ipm 49 56 72 73 74 75",
    "sms": "sms text text_message connect_sms twilio_sms twilio messagebird_sms messagebird 37 57",
    "social": "social social_messaging twitter twitter_dm twitter_favorite twitter_like x x_dm x_corp_dm x_like x_formerly_twitter"
    " x_formerly_twitter_dm x_formerly_twitter_like facebook facebook_post facebook_message facebook_private_message facebook_messenger"
    " instagram instagram_dm instagram_direct sunshine_conversations_facebook_messenger sunshine_conversations_twitter_dm any_channel"
    " channel_framework channel_integrations 23 26 30 38 41 55",
    "voice": "voice talk phone voicemail phone_call phone_call_inbound phone_call_incoming phone_call_outbound phone_call_outgoing"
    " api_voicemail api_phone_call_inbound api_phone_call_outbound cti_voicemail cti_phone_call_inbound cti_phone_call_incoming"
    " cti_phone_call_outbound cti_phone_call_outgoing computer_telephony_integration 33 34 35 44 45 46",
}
CHANNELS: Final[Mapping[str, str]] = {word: channel for channel, words in _WORDS.items() for word in words.split()}
_BETWEEN: Final = re.compile(r"[^\w]+|_+")


def channel_of(value: Any) -> str | None:
    """Our word for a vendor's channel; an unknown one is nothing rather than a guess."""
    found = plain(value)
    return None if found is None else CHANNELS.get(found)


def unknown_channel(value: Any) -> tuple[str, ...]:
    """The warning for a channel's word or title that we have no word for; empty for one that we have, and for none."""
    found = plain(value)
    return () if not found or found in CHANNELS else (f"channel:{found}",)


def plain(value: Any) -> str | None:
    """Type, title and id in one writing: "Phone call (incoming)" as phone_call_incoming."""
    if isinstance(value, bool | float | list | dict):
        return None
    found = label(value, 100)
    return None if found is None else _BETWEEN.sub("_", found.lower()).strip("_")
