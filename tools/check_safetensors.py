#!/usr/bin/env python3
"""Checks that a file written by Likeness is read alike by other programs.

Reads the file with a reader written here from the format's description (numpy only) and, where it is installed,
with the reference package `safetensors`, compares names, types, shapes and bytes, and checks both hashes that
Likeness adds to the metadata. Prints one line a tensor with -v. Exit status 1 when anything disagrees.
"""
import argparse
import hashlib
import json
import struct
import sys

import numpy as np

SIZES = {"F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2, "U16": 2,
         "I8": 1, "U8": 1, "BOOL": 1}


def read(path):
    with open(path, "rb") as f:
        raw = f.read()
    (n,) = struct.unpack("<Q", raw[:8])
    text, data = raw[8:8 + n], raw[8 + n:]
    header = json.loads(text)
    meta = header.pop("__metadata__", {})
    at = 0
    for name, t in sorted(header.items(), key=lambda kv: kv[1]["data_offsets"]):
        begin, end = t["data_offsets"]
        count = int(np.prod(t["shape"], dtype=np.int64))
        if begin != at or end - begin != count * SIZES[t["dtype"]]:
            raise ValueError(f"{name}: offsets {begin}..{end} do not fit {t['dtype']} {t['shape']}")
        at = end
    if at != len(data):
        raise ValueError(f"{len(data) - at} bytes are left over")
    if "data_sha256" in meta and hashlib.sha256(data).hexdigest() != meta["data_sha256"]:
        raise ValueError("data_sha256 does not fit")
    if "header_sha256" in meta:
        blank = text.replace(meta["header_sha256"].encode(), b"0" * 64, 1)
        if hashlib.sha256(blank).hexdigest() != meta["header_sha256"]:
            raise ValueError("header_sha256 does not fit")
    return header, meta, data


def values(t, data):
    raw = data[slice(*t["data_offsets"])]
    if t["dtype"] == "BF16":
        return (np.frombuffer(raw, "<u2").astype(np.uint32) << 16).view(np.float32)
    kinds = {"F": "f", "I": "i", "U": "u", "B": "?"}
    kind = kinds[t["dtype"][0]]
    return np.frombuffer(raw, "?" if kind == "?" else f"<{kind}{SIZES[t['dtype']]}")


def compare_with_package(path, header, meta, data):
    try:
        from safetensors import safe_open
    except ImportError:
        return "the package safetensors is not installed: compared with the description of the format alone"
    with safe_open(path, framework="np") as f:
        if set(f.keys()) != set(header):
            raise ValueError("the package sees other names")
        if (f.metadata() or {}) != meta:
            raise ValueError("the package sees other metadata")
        for name, t in header.items():
            if list(f.get_slice(name).get_shape()) != t["shape"]:
                raise ValueError(f"{name}: the package sees another shape")
            if t["dtype"] != "BF16" and f.get_tensor(name).tobytes() != data[slice(*t["data_offsets"])]:
                raise ValueError(f"{name}: the package sees other values")
    return "the package safetensors agrees"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("file", nargs="+")
    p.add_argument("-v", action="store_true", help="one line a tensor")
    a = p.parse_args()
    for path in a.file:
        try:
            header, meta, data = read(path)
            verdict = compare_with_package(path, header, meta, data)
        except (ValueError, KeyError, OSError, struct.error) as e:
            sys.exit(f"{path}: {e}")
        for name, t in header.items() if a.v else ():
            v = values(t, data).astype(np.float64)
            spread = f"mean {v.mean():+.4g} deviation {v.std():.4g}" if v.size else "empty"
            print(f"  {name:40s} {t['dtype']:5s} {str(t['shape']):22s} {spread}")
        print(f"{path}: {len(header)} tensors, {len(data)} bytes, {', '.join(sorted(meta))}; {verdict}")


if __name__ == "__main__":
    main()
