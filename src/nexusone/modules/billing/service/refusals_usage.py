"""What billing refuses about usage."""

from nexusone.kernel.errors import Conflict, NotFound, Unprocessable


class MeterUnknown(Unprocessable):
    """There is no such meter."""

    code = "billing.meter_unknown"


class MeterNotFound(NotFound):
    """There is no such meter."""

    code = "billing.meter_not_found"


class UsageOutOfTime(Unprocessable):
    """Usage is reported that lies too far back, or ahead."""

    code = "billing.usage_out_of_time"


class PeriodTooLong(Unprocessable):
    """A period begins before it ends, and is at most 400 days long."""

    code = "billing.period_too_long"


class PurposeStopped(Conflict):
    """What `purpose` earns no longer covers what it costs; it is stopped until an operator has looked."""

    code = "billing.purpose_stopped"
