"""What deliveries and the import of triggers call a way in, since neither room knows the other."""

from __future__ import annotations

from tsbridge.rulebook.zendesk_updates import VIA
from tsbridge.vendors.zendesk.channels import channel_of


def test_an_imported_condition_names_the_channel_that_deliveries_of_that_number_have() -> None:
    assert {id_: channel_of(id_) for id_ in VIA} == {id_: channel for id_, (channel, _) in VIA.items()}
