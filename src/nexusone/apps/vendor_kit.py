"""Builds vendors' clients with the credentials that workspaces bring."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nexusone.apps.providers import SandboxAddresses, sandbox_address
from nexusone.modules.ai.ports.vendors import Vendor
from nexusone.platform.provider import Capability, Manifest, ProviderSetup


@dataclass(frozen=True, slots=True)
class ManifestKit:
    """The vendors that were found; in the sandbox each is its simulator."""

    manifests: Sequence[Manifest]
    sandbox: SandboxAddresses | None = None

    def vendors(self) -> tuple[Vendor, ...]:
        """All of them."""
        return tuple(_vendor(manifest) for manifest in self.manifests)

    def build(self, vendor: str, port: type[object], *, credentials: Mapping[str, str], address: str | None) -> object:
        """One client.

        Raises:
            LookupError: there is no such vendor, or it does not implement the port.
        """
        manifest, capability = self._capability(vendor, port)
        own = manifest.live_address if self.sandbox is None else sandbox_address(manifest, self.sandbox)
        used = address if address is not None and manifest.takes_address else own
        setup = ProviderSetup(address=used, credentials=credentials, is_sandbox=self.sandbox is not None, is_guarded=True)
        return capability.build(setup)

    def _capability(self, vendor: str, port: type[object]) -> tuple[Manifest, Capability]:
        for manifest in self.manifests:
            for capability in manifest.capabilities:
                if (manifest.name, capability.port) == (vendor, port):
                    return manifest, capability
        raise LookupError(f"{vendor} has no {port.__name__}")


def _vendor(manifest: Manifest) -> Vendor:
    return Vendor(
        name=manifest.name,
        title=manifest.title,
        ports=frozenset(capability.port for capability in manifest.capabilities),
        credential_fields=manifest.credential_fields,
        optional_fields=manifest.optional_fields,
        takes_address=manifest.takes_address,
    )
