"""What ai refuses about brand voices."""

from nexusone.kernel.errors import NotFound


class BrandVoiceNotFound(NotFound):
    """There is no such brand voice in this workspace, or no such version of it."""

    code = "ai.brand_voice_not_found"
