"""What a talk is asked for with, as the vendor takes it."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, model_validator

MARKED = r"\S"
PICTURE = r"^(https|s3):.*\.(?:jpg|jpeg|png|JPG|JPEG|PNG)"
SOUND = r"^(https|s3)://\S+\.(?:m4a|M4A|flac|FLAC|mp3|MP3|mp4|MP4|wav|WAV)([?#].*)?$"
DEFAULT_PICTURE = "https://d-id-public-bucket.s3.us-west-2.amazonaws.com/alice.jpg"
DEFAULT_WORDS = "Making videos is easy with D-ID"
LOOPBACK = frozenset({"127.0.0.1", "localhost"})


class _Asked(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Provider(_Asked):
    """Who speaks."""

    type: Literal["microsoft", "elevenlabs", "amazon", "google", "azure-openai"] = "microsoft"
    voice_id: str | None = None
    voice_config: dict[str, object] | None = None
    model_id: str | None = None
    language: str | None = None

    @model_validator(mode="after")
    def _named(self) -> Self:
        if self.type == "microsoft" and not (self.voice_id or "").endswith("Neural"):
            raise ValueError("no such voice")
        return self


class TextScript(_Asked):
    """Words to say."""

    type: Literal["text"]
    input: str = Field(default=DEFAULT_WORDS, min_length=3, max_length=40_000)
    provider: Provider | None = None
    subtitles: bool = False
    ssml: bool = False


class AudioScript(_Asked):
    """A sound to move the lips to."""

    type: Literal["audio"]
    audio_url: str = Field(pattern=SOUND)
    subtitles: bool = False


class Config(_Asked):
    """How the film is made."""

    stitch: bool | None = None
    result_format: Literal["mp4"] = "mp4"
    fluent: bool = False
    pad_audio: float = Field(default=0, ge=0, le=60)


class NewTalk(_Asked):
    """The body of POST /talks."""

    script: Annotated[TextScript | AudioScript, Field(discriminator="type")]
    source_url: str = Field(default=DEFAULT_PICTURE, pattern=PICTURE)
    config: Config = Config()
    user_data: str | None = Field(default=None, min_length=1, max_length=1000, pattern=MARKED)
    name: str | None = None
    webhook: str | None = None

    @model_validator(mode="after")
    def _heard(self) -> Self:
        # The vendor takes https alone; in the sandbox whoever listens is on this machine and speaks http.
        parts = urlsplit(self.webhook or "https:")
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
            raise ValueError("webhook is not https")
        return self

    def hears(self) -> str | None:
        """Where the webhook goes: nothing leaves this machine."""
        return self.webhook if self.webhook and urlsplit(self.webhook).hostname in LOOPBACK else None
