"""Owns: templates, campaigns, deliveries, tracking, campaign reports.
Does not: own contacts or consent, speak SMTP, keep credits.
Invariant: every recipient of a campaign ends in exactly one state, and nobody is mailed twice.
"""

from pathlib import Path

from nexusone.modules.marketing import routes_tracking
from nexusone.modules.marketing.service.tracking import Tracker, flushing_hits
from nexusone.web.module import Module

MODULE = Module(
    name="marketing",
    folder=Path(__file__).parent,
    doors=(routes_tracking.door,),
    keepers={Tracker: Tracker},
    companions=(flushing_hits,),
    permissions=("templates:read", "templates:write", "campaigns:read", "campaigns:write", "campaigns:send"),
    personal_data={
        "delivery.address": "where a mail went",
        "delivery.contact_id": "whom a mail was for",
        "engagement.contact_id": "who opened, clicked or unsubscribed",
        "engagement.user_agent": "with which program",
        "engagement.ip_hash": "from which address, hashed",
    },
)
