"""An issuer of tokens as an identity provider is one: a key of its own, its public half as a key set, and signed tokens."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ISSUER = "https://id.example.org"
AUDIENCE = "registry"


class Issuer:
    """Signs with Ed25519; writes `keys.json` into a folder."""

    def __init__(self, folder: Path) -> None:
        self.key = Ed25519PrivateKey.generate()
        public = coded(self.key.public_key().public_bytes_raw())
        key = {"kty": "OKP", "crv": "Ed25519", "kid": "e2e", "alg": "EdDSA", "use": "sig", "x": public}
        (folder / "keys.json").write_text(json.dumps({"keys": [key]}))

    def token(self, subject: str, *groups: str) -> str:
        now = int(time.time())
        head = {"alg": "EdDSA", "typ": "JWT", "kid": "e2e"}
        claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": subject, "groups": groups, "iat": now, "exp": now + 3600}
        signed = ".".join(coded(json.dumps(part).encode()) for part in (head, claims))
        return f"{signed}.{coded(self.key.sign(signed.encode()))}"


def coded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
