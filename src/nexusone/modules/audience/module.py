"""Owns: contacts, their consent and suppression, imports, segments.
Does not: send anything, know campaigns.
Invariant: a contact exists once per workspace and identifier; a segment means the same in every statement it is compiled into.
"""

from pathlib import Path

from nexusone.modules.audience.events import (
    ContactCreated,
    ContactDeleted,
    ContactUnsubscribed,
    ContactUpdated,
    ImportFinished,
    SegmentCreated,
    SegmentDeleted,
    SegmentUpdated,
)
from nexusone.modules.audience.graphql import AudienceQuery
from nexusone.modules.audience.jobs import JOBS
from nexusone.modules.audience.routes import contacts, sharing
from nexusone.modules.audience.settings import AudienceSettings
from nexusone.web.module import Module

MODULE = Module(
    name="audience",
    folder=Path(__file__).parent,
    doors=(contacts.door, sharing.door),
    graphql_queries=(AudienceQuery,),
    jobs=JOBS,
    events=(
        ContactCreated,
        ContactUpdated,
        ContactDeleted,
        ContactUnsubscribed,
        ImportFinished,
        SegmentCreated,
        SegmentUpdated,
        SegmentDeleted,
    ),
    settings=(AudienceSettings,),
    permissions=("contacts:read", "contacts:write", "segments:manage", "segments:read", "segments:write"),
    personal_data={
        "contact.external_id": "the name of a person in the company's own systems",
        "contact.email": "where a person gets mail",
        "contact.phone": "where a person gets calls and messages",
        "contact.first_name": "how a person is called",
        "contact.last_name": "how a person is called",
        "contact.locale": "the language of a person",
        "contact.timezone": "roughly where a person lives",
        "contact.country": "where a person lives",
        "contact.attributes": "what the company knows of a person",
        "suppression.address": "an address that must not be written to",
    },
)
