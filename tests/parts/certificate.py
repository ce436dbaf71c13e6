"""A certificate authority of one test run and a certificate for 127.0.0.1 and localhost, as PEM files."""

from __future__ import annotations

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass(frozen=True)
class Certificate:
    """`authority` (what clients trust), `certificate` and `key` (what the server shows), `both` in one file."""

    authority: Path
    certificate: Path
    key: Path
    both: Path

    @classmethod
    def issue(cls, folder: Path) -> Certificate:
        """A new authority and a certificate signed by it, good for a day."""
        authority_key, server_key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        authority = _builder("Veedor test authority", "Veedor test authority", authority_key).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        signed_authority = authority.sign(authority_key, hashes.SHA256())
        names = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        server = _builder("localhost", "Veedor test authority", server_key).add_extension(names, critical=False).sign(authority_key, hashes.SHA256())
        pem = serialization.Encoding.PEM
        key = server_key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        made = cls(folder / "authority.pem", folder / "certificate.pem", folder / "key.pem", folder / "both.pem")
        made.authority.write_bytes(signed_authority.public_bytes(pem))
        made.certificate.write_bytes(server.public_bytes(pem))
        made.key.write_bytes(key)
        made.both.write_bytes(key + server.public_bytes(pem))
        return made


def _builder(subject: str, issuer: str, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)]))
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, issuer)]))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + dt.timedelta(days=1))
    )
