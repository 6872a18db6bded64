"""ElevenLabs: speech."""
