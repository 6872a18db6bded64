"""Settings of ai. Environment prefix `NEXUSONE_AI_`."""

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from nexusone.platform.media.bounds import MediaLimits


class AiSettings(BaseSettings):
    """Bounds of generations in seconds, tokens and bytes, and the price of a vendor's dollar in credits.

    `moderation`: what is asked and what was written is not judged (off), judged and marked (flag), or kept back (refuse).
    `running_max` bounds how many of a workspace's generations are made at once. `own_key_fee_percent` is charged, of the
    vendor's price, where a workspace pays the vendor itself. `models_file` (TOML: vendor, model, then `prices`, `hidden`,
    `is_default`, `retires_on`) changes the vendors' tables of models.

    `hedge_after_seconds`: after how long without an answer the next model of a text's chain is asked beside the first (0: never).
    The first answer alone is charged; what the vendor of the slower one charges is the deployment's.

    One process passes at most `gateway_running_max` of a workspace's requests in the wire of others on at once.
    """

    model_config = SettingsConfigDict(env_prefix="NEXUSONE_AI_", extra="ignore", frozen=True)

    wait_seconds: float = Field(default=25.0, ge=0, le=55)
    call_seconds_max: float = Field(default=120.0, gt=0, le=300)
    making_seconds_max: float = Field(default=1_800.0, gt=0)
    queue_seconds_max: float = Field(default=3600.0, gt=0)
    unknown_kept_seconds: float = Field(default=86_400.0, gt=0)
    output_tokens_default: int = Field(default=4_000, ge=16)
    output_tokens_max: int = Field(default=16_000, ge=16)
    repairs_max: int = Field(default=2, ge=0, le=2)
    retries_max: int = Field(default=2, ge=0, le=5)
    retry_wait_seconds: float = Field(default=0.5, ge=0)
    retry_wait_seconds_max: float = Field(default=5.0, ge=0)
    hedge_after_seconds: float = Field(default=0.0, ge=0)
    running_max: int = Field(default=20, ge=1)
    gateway_running_max: int = Field(default=100, ge=1)
    running_retry_seconds: float = Field(default=2.0, ge=0)
    look_again_seconds_max: float = Field(default=30.0, gt=0)
    file_bytes_max: int = Field(default=200 * 1024 * 1024, ge=1)
    breaker_failures: int = Field(default=5, ge=1)
    breaker_seconds: float = Field(default=30.0, gt=0)
    credits_per_dollar: int = Field(default=100, ge=1)
    margin_percent: int = Field(default=20, ge=0)
    own_key_fee_percent: int = Field(default=0, ge=0, le=1_000)
    models_file: Path | None = None
    voices_kept_seconds: float = Field(default=300.0, ge=0)
    moderation: Literal["off", "flag", "refuse"] = "flag"
    knowledge_passages_max: int = Field(default=100_000, ge=1)

    @property
    def hold_lifetime(self) -> timedelta:
        """How long credits may stay reserved: longer than any generation can stay open."""
        calls = self.call_seconds_max * (1 + self.repairs_max + self.retries_max)
        return timedelta(seconds=self.queue_seconds_max + calls + self.making_seconds_max + self.unknown_kept_seconds) + timedelta(hours=1)


class AssetSettings(BaseSettings):
    """Bounds of files in the media library, and what manifests are signed with (PEM; without it a development certificate).

    `asset_frame_pixels_max` bounds all pictures of an animation together, `asset_work_seconds_max` the decoding of one file.
    """

    model_config = SettingsConfigDict(env_prefix="NEXUSONE_AI_", extra="ignore", frozen=True)

    asset_image_bytes_max: int = Field(default=25 * 2**20, ge=1024)
    asset_audio_bytes_max: int = Field(default=50 * 2**20, ge=1024)
    asset_video_bytes_max: int = Field(default=200 * 2**20, ge=1024)
    asset_pixels_max: int = Field(default=40_000_000, ge=1, le=80_000_000)
    asset_edge_max: int = Field(default=16_000, ge=1, le=16_000)
    asset_frames_max: int = Field(default=300, ge=1)
    asset_frame_pixels_max: int = Field(default=120_000_000, ge=1)
    asset_seconds_max: int = Field(default=1_800, ge=1)
    asset_streams_max: int = Field(default=8, ge=1)
    asset_work_seconds_max: float = Field(default=60.0, gt=0)
    asset_storage_bytes_max: int = Field(default=10 * 2**30, ge=0)
    asset_link_seconds: int = Field(default=3_600, ge=1, le=7 * 86_400)
    manifest_chain_file: Path | None = None
    manifest_key_file: Path | None = None

    @property
    def media_limits(self) -> MediaLimits:
        """The bounds of one file."""
        return MediaLimits(
            image_bytes_max=self.asset_image_bytes_max,
            audio_bytes_max=self.asset_audio_bytes_max,
            video_bytes_max=self.asset_video_bytes_max,
            pixels_max=self.asset_pixels_max,
            edge_max=self.asset_edge_max,
            frames_max=self.asset_frames_max,
            frame_pixels_max=self.asset_frame_pixels_max,
            seconds_max=self.asset_seconds_max,
            streams_max=self.asset_streams_max,
            work_seconds_max=self.asset_work_seconds_max,
        )
