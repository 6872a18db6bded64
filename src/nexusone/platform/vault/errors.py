"""How the vault fails. None of these carries a key or a plaintext."""

from nexusone.kernel.errors import Conflict, Unavailable


class VaultLocked(Unavailable):
    """A master key that data is wrapped with is not here; `key_ids` says which."""

    code = "vault.locked"


class KeyInUse(Conflict):
    """The master key `key_id` still wraps `data_keys` data keys: re-wrap them first."""

    code = "vault.key_in_use"


class SealBroken(Exception):
    """The ciphertext was changed, moved to another place, or sealed with another key."""
