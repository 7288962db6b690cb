"""SipHash-2-4 (Aumasson and Bernstein, 2012), compiled, over a slice of bytes.

Record ids must be computed alike by the compiled scanner and by the specification, and a producer who does not
know the key must not be able to make two ids collide.
"""

from numpy import uint64

from schemas.compiled import Int, compiled


@compiled
def _rotate(value: uint64, bits: int) -> uint64:
    return uint64((value << uint64(bits)) | (value >> uint64(64 - bits)))


@compiled
def _round(v0: uint64, v1: uint64, v2: uint64, v3: uint64) -> tuple[uint64, uint64, uint64, uint64]:
    v0 += v1
    v1 = _rotate(v1, 13) ^ v0
    v0 = _rotate(v0, 32)
    v2 += v3
    v3 = _rotate(v3, 16) ^ v2
    v0 += v3
    v3 = _rotate(v3, 21) ^ v0
    v2 += v1
    v1 = _rotate(v1, 17) ^ v2
    v2 = _rotate(v2, 32)
    return v0, v1, v2, v3


@compiled
def siphash(data: bytes, start: Int, stop: Int, k0: uint64, k1: uint64) -> uint64:
    """Return the 64-bit keyed hash of ``data[start:stop]``."""
    v0 = k0 ^ uint64(0x736F6D6570736575)
    v1 = k1 ^ uint64(0x646F72616E646F6D)
    v2 = k0 ^ uint64(0x6C7967656E657261)
    v3 = k1 ^ uint64(0x7465646279746573)
    i = start
    while i + 8 <= stop:
        word = uint64(0)
        for k in range(8):
            word |= uint64(data[i + k]) << uint64(8 * k)
        v3 ^= word
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
        v0 ^= word
        i += 8
    word = uint64((stop - start) & 0xFF) << uint64(56)
    for k in range(stop - i):
        word |= uint64(data[i + k]) << uint64(8 * k)
    v3 ^= word
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    v0 ^= word
    v2 ^= uint64(0xFF)
    for _ in range(4):
        v0, v1, v2, v3 = _round(v0, v1, v2, v3)
    return uint64(v0 ^ v1 ^ v2 ^ v3)


def siphash_bytes(data: bytes, k0: int, k1: int) -> int:
    """Return the 64-bit keyed hash of a byte string."""
    return int(siphash(data, 0, len(data), uint64(k0), uint64(k1)))
