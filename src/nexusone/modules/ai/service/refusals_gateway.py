"""What is refused at the door that speaks the wire of others."""

from nexusone.kernel.errors import Conflict, InvalidRequest, NotFound, RateLimited, Unavailable, Unprocessable


class WireModelUnknown(NotFound):
    """The catalog has no such model, or no price for it."""

    code = "ai.gateway_model_unknown"


class WireNotPassedOn(Unprocessable):
    """The request asks for what cannot be answered for; errors say where."""

    code = "ai.gateway_not_passed_on"


class WireRejected(InvalidRequest):
    """The vendor finds fault with the request; errors say where."""

    code = "ai.gateway_rejected"


class WireContentRefused(InvalidRequest):
    """The moderator or the vendor objects to what is asked or was written."""

    code = "ai.gateway_content_refused"


class WireBusy(RateLimited):
    """So many requests of the workspace are being passed on already."""

    code = "ai.gateway_busy"


class WireVendorBusy(RateLimited):
    """The vendor takes no more for the moment."""

    code = "ai.gateway_vendor_busy"


class WireVendorDown(Unavailable):
    """The vendor did not do it, and it was not the request's fault."""

    code = "ai.gateway_vendor_down"


class WireNoAnswer(Unavailable):
    """The request went out and no whole answer came back; nobody knows whether it was done, so it is not repeated by itself."""

    code = "ai.gateway_no_answer"


class WireInFlight(Conflict):
    """The first request with this key was passed on, and has no answer that could be given again."""

    code = "ai.gateway_in_flight"
