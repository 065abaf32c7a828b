"""The one module that knows the library of signatures: Ed25519 (RFC 8032). Loaded it takes a dozen megabytes, so the service signs in a
process that ends with it: `python -m tsbridge.ed25519` reads a seed and a message, hex, one a line, and prints key and signature."""

from __future__ import annotations

import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey


def public_key_of(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def sign(seed: bytes, message: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).sign(message)


def proves(key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the owner of this public key signed this message. False for what is no key or no signature."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def main() -> None:
    seed, message = (bytes.fromhex(line) for line in sys.stdin.read().split())
    sys.stdout.write(f"{public_key_of(seed).hex()} {sign(seed, message).hex()}\n")


if __name__ == "__main__":
    main()
