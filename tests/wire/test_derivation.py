"""Derived keys are those of RFC 5869."""

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis.strategies import binary
import pytest

from crdtnode.wire.derivation import DERIVED_BYTES, derived


@pytest.mark.parametrize(
    ("key", "salt", "info", "okm"),
    [
        (
            b"\x0b" * 22,
            bytes(range(0x0D)),
            bytes(range(0xF0, 0xFA)),
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf",
        ),
        (
            bytes(range(0x50)),
            bytes(range(0x60, 0xB0)),
            bytes(range(0xB0, 0x100)),
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c",
        ),
        (
            b"\x0b" * 22,
            b"",
            b"",
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d",
        ),
    ],
)
def test_the_examples_of_the_rfc_begin_with_our_keys(
    key: bytes, salt: bytes, info: bytes, okm: str
) -> None:
    assert derived(salt, key, info).hex() == okm


@given(binary(max_size=80), binary(min_size=1, max_size=80), binary(max_size=80))
def test_the_library_derives_the_same(salt: bytes, key: bytes, purpose: bytes) -> None:
    library = HKDF(SHA256(), DERIVED_BYTES, salt, purpose)
    assert derived(salt, key, purpose) == library.derive(key)
