"""The audit trail: entries in the transaction of the change, a chain over them, checkpoints outside the database.

`record` is for whoever changes something without an event; `events.publish` writes an entry for every fact by itself.
"""

from nexusone.platform.audit.entries import INSTALLATION, Result, entry_parameters, object_of, record, record_apart
from nexusone.platform.audit.masking import Sealed, changes_between

__all__ = [
    "INSTALLATION",
    "Result",
    "Sealed",
    "changes_between",
    "entry_parameters",
    "object_of",
    "record",
    "record_apart",
]

PERSONAL_DATA = {
    "audit_entry.ip": "the address a member, an operator or a stranger called from; leaves with the entry's retention",
}
"""Columns of the trail that are about a person, as module cards declare theirs."""
