#!/usr/bin/env python3
"""Compute the mean face shapes of src/face/shape.c and print that file.

Needs Debian's python3-numpy and the data folder (LIKENESS_DATA or ../shared/data).

2-D mean: generalised Procrustes mean of (a) the 82 London photographs (hand-placed
points) and (b) the rendered stills and the training clips of actors E and F within
6 degrees of frontal, each set with half the weight, aligned by the 33 points,
symmetrised; the unit is the distance of the outer eye corners, the origin the
centroid of the 33 points.

3-D mean: alternating least squares of a scaled-orthographic camera with the known
head angles over all stills and actors E and F, symmetrised, same unit; the depth
axis points to the viewer. A point's weight is the inverse of its mean squared
residual (expressions move the mouth and the brows, so they count less). Actors A to
D are left out: the pose error is measured on them.

Usage: tools/mean_shape.py > src/face/shape.c
"""
import glob
import gzip
import json
import os
import sys

import numpy as np

DATA = os.environ.get("LIKENESS_DATA") or os.path.join(os.path.dirname(__file__), "../../shared/data")
RIGID = list(range(17, 48)) + [48, 54]
MIRROR = ([16 - i for i in range(17)] + [26 - i for i in range(10)] + [27, 28, 29, 30]
          + [35 - i for i in range(5)] + [45, 44, 43, 42, 47, 46, 39, 38, 37, 36, 41, 40]
          + [54, 53, 52, 51, 50, 49, 48, 59, 58, 57, 56, 55] + [64, 63, 62, 61, 60, 67, 66, 65])


def frames_of(path):
    with gzip.open(path, "rt") as f:
        next(f)
        return [json.loads(line) for line in f]


def points(frame):
    return np.array(frame["lm"]).reshape(68, 2)


def similarity(a, b):
    """Least-squares similarity that maps points a to b, as (2x2, offset)."""
    ma, mb = a.mean(0), b.mean(0)
    p, q = a - ma, b - mb
    v = (p ** 2).sum()
    c = (p * q).sum() / v
    s = (p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]).sum() / v
    m = np.array([[c, -s], [s, c]])
    return m, mb - m @ ma


def onto(p, mean):
    m, t = similarity(p[RIGID], mean[RIGID])
    return p @ m.T + t


def mean_2d(sets):
    mean = sets[0][0]
    for _ in range(10):
        acc = sum(np.mean([onto(p, mean) for p in s], 0) for s in sets) / len(sets)
        acc = acc - acc[RIGID].mean(0)
        acc = (acc + acc[MIRROR] * [-1, 1]) / 2
        mean = acc / np.linalg.norm(acc[36] - acc[45])
    return mean


def rotation(yaw, pitch, roll):
    """Rows x, y of Ry(yaw) Rx(-pitch) Rz(-roll); x right, y down, z to the viewer."""
    y, p, r = np.deg2rad([yaw, -pitch, -roll])
    ry = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    rx = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    rz = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return ry @ rx @ rz


def mean_3d(frames, start):
    p = np.array([points(f) for f in frames])
    r = np.array([rotation(*f["ypr"])[:2] for f in frames])
    x = np.c_[start, np.zeros(68)]
    weight = np.ones(68)
    for _ in range(25):
        proj = np.einsum("nij,kj->nki", r, x)
        w = weight[None, :, None]
        mp, mq = (w * proj).sum(1) / weight.sum(), (w * p).sum(1) / weight.sum()
        dp, dq = proj - mp[:, None], p - mq[:, None]
        s = (w * dp * dq).sum((1, 2)) / (w * dp ** 2).sum((1, 2))
        t = mq - s[:, None] * mp
        # Residuals are in units of each face (divided by s), so that large faces do not count more.
        a = np.einsum("nij,nik->jk", r, r)
        b = np.einsum("nij,nki->jk", r, (p - t[:, None]) / s[:, None, None])
        x = np.linalg.solve(a, b).T
        x = (x + x[MIRROR] * [-1, 1, 1]) / 2
        x -= x[RIGID].mean(0)
        x /= np.linalg.norm(x[36] - x[45])
        res = np.einsum("nij,kj->nki", r, x) - (p - t[:, None]) / s[:, None, None]
        var = (res ** 2).sum(2).mean(0)
        var = (var + var[MIRROR]) / 2
        weight = 1 / (var + 0.02 ** 2)
        weight /= weight.mean()
    return x, weight


def table(name, comment, rows):
    out = [f"/* {comment} */", f"const float {name} = {{"]
    step = 4 if len(rows[0]) == 2 else 3
    for i in range(0, len(rows), step):
        cells = ["{" + ", ".join(f"{v:.4f}f" for v in row) + "}," for row in rows[i:i + step]]
        out.append("    " + " ".join(cells))
    return "\n".join(out + ["};", ""])


def main():
    stills = [s for s in map(json.loads, open(f"{DATA}/actors/stills/labels.jsonl")) if s.get("face")]
    clips = sum((frames_of(f"{DATA}/actors/actors/{a}/train.jsonl.gz") for a in "EF"), [])
    london = [np.array([[float(v) for v in l.split()] for l in open(f) if len(l.split()) == 2])
              for f in sorted(glob.glob(f"{DATA}/faces_london/*.pts68"))]
    frontal = [points(f) for f in stills + clips if abs(f["ypr"][0]) < 6 and abs(f["ypr"][1]) < 6]
    mean = mean_2d([london, frontal])
    shape, weight = mean_3d(stills + clips[::2], mean)
    print("/* The mean face shapes, computed by tools/mean_shape.py (which prints this file): its head\n"
          " * says from what and how. Unit: distance of the outer eye corners; origin: centroid of the 33\n"
          " * alignment points; x right, y down, z to the viewer. */\n"
          '#include "face/shape.h"\n')
    print(table("lk_shape_2d[LK_LANDMARKS][2]", "Frontal picture of the mean face.", mean))
    print(table("lk_shape_3d[LK_LANDMARKS][3]", "Mean face in space, for the head pose.", shape))
    weights = ["    " + " ".join(f"{w:.4f}f," for w in weight[i:i + 8]) for i in range(0, 68, 8)]
    print("\n".join(["/* Inverse mean squared residual of each point, mean 1. */",
                     "const float lk_shape_weight[LK_LANDMARKS] = {", *weights, "};"]))
    posed = len(stills) + len(clips[::2])
    print(f"{len(london)} photographs, {len(frontal)} frontal and {posed} posed renderings", file=sys.stderr)


if __name__ == "__main__":
    main()
