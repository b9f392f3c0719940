"""Ways to damage bytes and JSON at random."""

import json
from pathlib import Path
from typing import Any

import numpy as np

Random = np.random.Generator

NAMES = [
    "../secret.txt",
    "../../secret.txt",
    "/etc/passwd",
    "a\0b",
    "",
    ".",
    "..",
    "\ud800",
    "x" * 300,
]
VALUES = [
    None, True, False, 0, 1, -1, 2**31, 2**63, 10**30, -(10**30), 0.5, 1e308, float("nan"),
    float("inf"), "", "5", [], {}, [[]], {"class_name": "Lambda", "config": {}}, *NAMES,
]  # fmt: skip


def pick(random: Random, values: Any) -> Any:
    """One of several values."""
    return values[int(random.integers(len(values)))]


def damaged_bytes(random: Random, data: bytes) -> bytes:
    """Bytes with one to four of: bits turned, numbers set, cuts, insertions, chunks moved.

    Half of the time none that moves what follows, which most formats notice at once.
    """
    found = bytearray(data)
    stays = random.integers(2) == 0
    for _ in range(int(random.integers(1, 5))):
        first, last = sorted(random.integers(0, len(found) + 1, 2).tolist())
        last = min(last, first + 2 ** int(random.integers(0, 10)))
        kind = pick(random, [0, 1, 2, 6]) if stays else int(random.integers(8))
        if kind <= 2 and found:
            found[first - 1] ^= 1 << int(random.integers(8))
        elif kind == 3:
            del found[first:last]
        elif kind == 4:
            found[first:first] = random.bytes(int(random.integers(1, 20)))
        elif kind == 5:
            found[first:last], found[:0] = b"", found[first:last]
        elif kind == 6:
            word = pick(random, [0, 1, 0x7F, 0xFF, 2**31 - 1, 2**32 - 1, 2**16, 2**24])
            found[first : first + 4] = int(word).to_bytes(4, "little")
        else:
            del found[int(random.integers(len(found) + 1)) :]
    return bytes(found)


def places(value: Any, path: tuple = ()) -> list[tuple]:
    """The ways to all values inside a JSON value."""
    if not isinstance(value, (dict, list)):
        return []
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    return [found for key, one in inner for found in ((*path, key), *places(one, (*path, key)))]


def damaged_json(random: Random, value: Any) -> Any:
    """A copy of a JSON value with one to three changes of its values and names."""
    copy = json.loads(json.dumps(value))
    for _ in range(int(random.integers(1, 4))):
        ways = places(copy)
        if not ways:
            return _value(random)
        # As likely near the top as deep inside, where most of the values are.
        depth = pick(random, sorted({len(way) for way in ways}))
        *above, last = pick(random, [way for way in ways if len(way) == depth])
        owner = copy
        for key in above:
            owner = owner[key]
        _change(random, owner, last)
    return copy


def _change(random: Random, owner: Any, key: Any) -> None:
    kind, old = int(random.integers(7)), owner[key]
    if kind == 0:
        del owner[key]
    elif kind == 1 and isinstance(owner, dict):
        owner[pick(random, NAMES)] = owner.pop(key)
    elif kind == 2 and isinstance(old, (int, float)):
        owner[key] = pick(random, [old + 1, -old, old * 10**6, old * 10**15, float(old), str(old)])
    elif kind == 3 and isinstance(old, str) and old:
        place = int(random.integers(len(old)))
        owner[key] = old[:place] + pick(random, ["", "x", "é", "\0", "/", "../"]) + old[place + 1 :]
    elif kind == 4 and isinstance(owner, list):
        owner.insert(key, json.loads(json.dumps(old)))
    else:
        owner[key] = _value(random)


def _value(random: Random) -> Any:
    """One of the values, of its own: what it is put into may be changed again."""
    return json.loads(json.dumps(pick(random, VALUES)))


def damaged_text(random: Random, value: Any) -> bytes:
    """A damaged JSON value as a file; now and then the file is damaged too, or nests deeply."""
    kind = int(random.integers(20))
    if kind == 0:
        return pick(
            random, [b"[" * 10**5, b'{"a":' * 10**5, b"9" * 10**4, b"\xff\xfe", b"", b"null"]
        )
    text = json.dumps(damaged_json(random, value) if kind > 3 else value).encode()
    return damaged_bytes(random, text) if kind <= 5 else text


def link(random: Random, path: Path) -> None:
    """Now and then puts a link in the place of a file: to elsewhere, or to itself."""
    if random.integers(40) == 0:
        path.unlink(missing_ok=True)
        path.symlink_to(
            pick(random, ["/etc/passwd", path.name, "../../../secret.txt", "/dev/zero"])
        )
