"""Liquid in mails: the shared language, with the names that a mail's values stand under."""

from typing import ClassVar

from nexusone.kernel.liquid import program
from nexusone.kernel.liquid.sandbox import NOW

ROOTS = frozenset({"contact", "workspace", "campaign", "unsubscribe_url"})
# Set by the sending engine; a template can neither read nor write more than the addresses in it.
TRACKING = "tracking"
RESERVED = ROOTS | {TRACKING, NOW}


class Program(program.Program):
    """A parsed piece of a mail template on one surface."""

    __slots__ = ()

    reserved: ClassVar[frozenset[str]] = RESERVED
