"""The certificate that manifests are signed with: from files, or made once for development.

A made one is below a root that nobody trusts: readers say of its manifests that they are whole, and not by whom they are.
"""

import os
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

FILE = "c2pa-development.pem"
ORGANIZATION = "NexusOne development"
LIVES = timedelta(days=3_650)
# Signing C2PA claims, and the older usage that readers before that one know.
CLAIM_SIGNING = x509.ObjectIdentifier("1.3.6.1.4.1.62558.2.1")
USAGES = (CLAIM_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION)
KEY_MARK = b"-----BEGIN PRIVATE KEY-----"
ES_BY_BITS = {256: "es256", 384: "es384", 521: "es512"}


class CredentialUnusable(Exception):
    """The files hold no chain and key that manifests can be signed with; the text says why."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A certificate chain and its key, PEM; `algorithm` as C2PA calls it."""

    algorithm: str
    chain: bytes
    key: bytes = field(repr=False)


def ensure_credential(folder: Path, *, chain_file: Path | None, key_file: Path | None) -> Credential:
    """The credential of the files, or else the folder's development one, made where there is none yet.

    Raises:
        CredentialUnusable: only one file is named, or they do not hold what they should.
    """
    if (chain_file is None) != (key_file is None):
        raise CredentialUnusable("a certificate chain and its key are named together or not at all")
    try:
        if chain_file is not None and key_file is not None:
            return _credential(chain_file.read_bytes(), key_file.read_bytes())
        path = folder / FILE
        if not path.exists():
            _place(path, _made())
        chain, mark, key = path.read_bytes().partition(KEY_MARK)
        return _credential(chain, mark + key)
    except (OSError, ValueError, TypeError) as fault:
        raise CredentialUnusable(str(fault)) from fault


def _credential(chain: bytes, key: bytes) -> Credential:
    first, *_ = x509.load_pem_x509_certificates(chain)
    private = load_pem_private_key(key, password=None)
    if private.public_key() != first.public_key():
        raise ValueError("the key is not that of the first certificate")
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    match private:
        case ec.EllipticCurvePrivateKey() if private.key_size in ES_BY_BITS:
            return Credential(ES_BY_BITS[private.key_size], chain, pem)
        case rsa.RSAPrivateKey():
            return Credential("ps256", chain, pem)
        case ed25519.Ed25519PrivateKey():
            return Credential("ed25519", chain, pem)
        case _:
            raise ValueError("manifests are signed with EC, RSA or Ed25519 keys")


def _made() -> bytes:
    root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    root_name, name = _name("Root of an installation"), _name("Manifests of an installation")
    root = (
        _begun(root_name, root_name, root_key)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .sign(root_key, hashes.SHA256())
    )
    leaf = (
        _begun(name, root_name, key)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(USAGES), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key()), critical=False)
        .sign(root_key, hashes.SHA256())
    )
    chain = leaf.public_bytes(Encoding.PEM) + root.public_bytes(Encoding.PEM)
    return chain + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _begun(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    # Readers judge by the machine's own time, which no other clock of ours may run ahead of.
    begins = datetime.now(UTC) - timedelta(days=1)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + LIVES)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _name(common_name: str) -> x509.Name:
    organization = x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION)
    return x509.Name([organization, x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _place(path: Path, content: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # mkstemp opens with 0600; of processes that make one at the same time, the first one's stays.
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    written = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        path.hardlink_to(written)
    except FileExistsError:
        return
    finally:
        written.unlink()
