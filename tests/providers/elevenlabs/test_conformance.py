"""ElevenLabs against the conformance suite, over real sockets, each call held against the vendor's contract."""

from tests.providers.conformance.media_model import MediaModelConformance


class TestElevenLabs(MediaModelConformance):
    """With the studio of this folder."""
