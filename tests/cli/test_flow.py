"""The main job from one end to the other on half a second of each sample actor, and what happens to it when consent ends."""
import json
import os
import re
import struct
import sys

import drive
from drive import add_person, changed, check, cut, likeness, listing, must, pixels, probe, stream_md5, tags, times

P = "studio"
record = {}


def setting_up():
    cut("actor-a-train.mp4", "a.mp4", 0.8)
    cut("actor-b-performance.mp4", "b.mp4", 0.6)
    record["a"] = add_person(P, "actor-a", "face-source")
    record["b"] = add_person(P, "actor-b", "face-target")
    check(re.fullmatch(r"[0-9a-f-]{36}", record["a"]), record["a"])
    check("actor-a" in must("subject", "list", "-p", P).out)
    check(must("consent", "list", "-p", P).out.count("a synthetic actor, for a test") == 2)


def consent_is_for_one_purpose():
    before = listing(".")
    r = likeness("import", "b.mp4", "-s", "actor-a", "-a", "target", "-p", P)
    check(r.code == 3 and "face-target" in r.err, r)
    r = likeness("import", "b.mp4", "-s", "actor-b", "-a", "source", "-p", P)
    check(r.code == 3 and "face-source" in r.err, r)
    check(not changed(before, "."), changed(before, "."))


def importing():
    for who, role in (("a", "source"), ("b", "target")):
        r = must("import", f"{who}.mp4", "-s", f"actor-{who}", "-a", role, "-p", P)
        n = len(times(f"{who}.mp4"))
        check(f"{n} frames, {n} with the face" in r.out and "advice" in r.out, r)
        check(os.path.getsize(f"{P}/datasets/actor-{who}.{role}.likeness") > 100000)
    add_person("few", "actor-b", "face-target")
    r = must("import", "b.mp4", "-s", "actor-b", "-a", "target", "--max-samples", 8, "-p", "few")
    check(" 8 kept" in r.out, "asked for 8 samples:", r)


def training():
    r = must("train", "swap", "-f", "actor-a", "-o", "actor-b", "--steps", 12, "--size", 64, "--batch", 2, "-p", P)
    check("12 steps" in r.out and "held-out loss" in r.out, r)
    check(os.path.isfile(f"{P}/models/actor-a-on-actor-b.likeness"))
    check(open(f"{P}/previews/actor-a-on-actor-b.png", "rb").read(8) == b"\x89PNG\r\n\x1a\n")


def swapping():
    before = drive.sha("b.mp4")
    r = must("swap", "b.mp4", "-m", "actor-a-on-actor-b", "-o", "out.mp4", "--sheet", "out.png", "-p", P)
    n = len(times("b.mp4"))
    check(f"{n} frames, face put into {n}" in r.out, r)
    check(drive.sha("b.mp4") == before, "the footage was touched")
    check(times("out.mp4") == times("b.mp4"), times("out.mp4"), times("b.mp4"))
    check(stream_md5("out.mp4", "0:a") == stream_md5("b.mp4", "0:a"), "the sound's packets differ")
    streams = [s["codec_type"] for s in probe("out.mp4", "-show_streams")["streams"]]
    check(sorted(streams) == ["audio", "video"], streams)


def difference(a, b, box):
    """Mean absolute difference of luma in a box of frame-relative edges, over all frames."""
    (w, h, fa), (_, _, fb) = a, b
    x0, y0, x1, y1 = (int(box[0] * w), int(box[1] * h), int(box[2] * w), int(box[3] * h))
    total = n = 0
    for p, q in zip(fa, fb):
        for y in range(y0, y1, 2):
            total += sum(abs(i - j) for i, j in zip(p[y * w + x0:y * w + x1], q[y * w + x0:y * w + x1]))
            n += x1 - x0
    return total / n


def the_clip_is_marked():
    a, b = pixels("out.mp4"), pixels("b.mp4")
    check(a[:2] == b[:2] and len(a[2]) == len(b[2]), a[:2], b[:2])
    label, corner = difference(a, b, (0, 0.85, 0.4, 1)), difference(a, b, (0.7, 0, 1, 0.15))
    check(label > 8, "no label at the bottom left: it differs by", label)
    check(corner < 3, "the upper right corner differs by", corner)
    said = " ".join(tags("out.mp4").values()).lower()
    check("synthetic" in said, tags("out.mp4"))
    records = [v for k, v in tags("out.mp4").items() if "consent" in k]
    check(any(re.fullmatch("[0-9a-f]{64},[0-9a-f]{64}", v) for v in records), "the tags do not name both records", tags("out.mp4"))


def the_sheet_is_a_picture():
    with open("out.png", "rb") as f:
        head = f.read(24)
    check(head[:8] == b"\x89PNG\r\n\x1a\n", head)
    w, h = struct.unpack(">II", head[16:24])
    check(w >= 3 * 320 and h >= 180, w, h)


def the_model_card():
    r = must("model", "show", "actor-a-on-actor-b", "-p", P)
    check(record["a"] in r.out and record["b"] in r.out and "64 px" in r.out, r)
    card = json.loads(must("model", "show", f"{P}/models/actor-a-on-actor-b.likeness", "--json").out)
    check(card["source_record"] == record["a"] and card["size"] == 64 and card["card"], card)


def a_quota_is_kept():
    """One clip was made; the contact sheet and the previews of the training do not count."""
    must("consent", "amend", record["a"], "--quota", 1, "-p", P)
    shown = json.loads(must("consent", "show", record["a"], "--json", "-p", P).out)
    check(shown["outputs"] == 1 and shown["state"] == "used up", shown)
    before = listing(".")
    r = likeness("swap", "b.mp4", "-m", "actor-a-on-actor-b", "-o", "more.mp4", "-p", P)
    check(r.code == 3 and "(rule: quota)" in r.err and "consent amend" in r.err, r)
    check(not changed(before, "."), changed(before, "."))
    must("consent", "amend", record["a"], "--quota", 0, "-p", P)


def own_mistakes_are_refused():
    before = listing(".")
    r = likeness("swap", "b.mp4", "-m", "actor-a-on-actor-b", "-o", "b.mp4", "-p", P)
    check(r.code == 2 and "replace the input" in r.err, r)
    r = likeness("swap", "b.mp4", "-m", "actor-a-on-actor-b", "-o", "no/such/folder/x.mp4", "-p", P)
    check(r.code in (1, 2) and "no/such/folder" in r.err, r)
    r = likeness("swap", "b.mp4", "-m", "actor-a-on-actor-b", "-o", "x.mp4", "--track", 7, "-p", P)
    check(r.code == 2 and "track" in r.err, r)
    r = likeness("swap", "b.mp4", "-m", "b.mp4", "-o", "x.mp4", "-p", P)
    check(r.code == 6 and "b.mp4" in r.err, r)
    check(not changed(before, "."), changed(before, "."))


# What each command that makes media is called with once consent is gone. A command without a line here fails the test.
MAKES_MEDIA = {
    "train swap": ["-f", "actor-a", "-o", "actor-b", "--steps", 12, "--size", 64, "-p", P, "--name", "again", "--preview", "again.png"],
    "swap": ["b.mp4", "-m", "actor-a-on-actor-b", "-o", "again.mp4", "--sheet", "again.png", "-p", P],
    "demo": ["--dir", "."],     # its own project, whose records are withdrawn below
    "bench": ["swap", "--data", "nowhere", "--work", "bench-work"],  # actors of its own; without their data nothing is made
}


def rows_that_make_media():
    with open(os.path.join(drive.SOURCE, "cli", "commands.c")) as f:
        rows = re.findall(r'\n    \{"([a-z ]+)", "[A-Z](.*?)cmd_[a-z_]+\}', f.read(), re.S)
    check(len(rows) > 10, rows)
    return [name for name, row in rows if "CLI_MAKES_MEDIA" in row]


def nothing_is_made_without_consent():
    for role in "a", "b":   # each of the two is enough
        must("consent", "revoke", record[role], "--reason", "a test", "-p", P)
        before = listing(".")
        for name in ("train swap", "swap"):
            r = likeness(*name.split(), *MAKES_MEDIA[name])
            check(r.code == 3 and "consent" in r.err, name, r)
        r = likeness("import", f"{role}.mp4", "-s", f"actor-{role}", "-a", "source" if role == "a" else "target", "-p", P)
        check(r.code == 3, r)
        check(not changed(before, "."), changed(before, "."))
        if role == "a":     # a new record does not wake what stands on the old one
            record["a"] = must("consent", "grant", "actor-a", "-u", "face-source", "-s", "again", "-p", P).out.split()[2]
    for who, use in (("actor-a", "face-source"), ("actor-b", "face-target")):
        must("consent", "revoke", add_person("project", who, use), "-p", "project")
    before = listing(".")
    names = rows_that_make_media()
    check(sorted(names) == sorted(MAKES_MEDIA), names)
    for name in names:
        r = likeness(*name.split(), *MAKES_MEDIA.get(name, []))
        check(r.code in ((3,) if name != "bench" else (2, 6)), name, r)
        media = [f for f in changed(before, ".") if f.endswith((".mp4", ".mov", ".png", ".jpg", ".safetensors", ".likeness", ".checkpoint"))]
        check(not media, name, "left", media)
    check("whole" in must("consent", "audit", "-p", P).out)


def nobody_is_trained_unasked():
    add_person("bare", "actor-a", "", consent=False)
    before = listing(".")
    r = likeness("import", "a.mp4", "-s", "actor-a", "-p", "bare")
    check(r.code == 3 and "consent grant" in r.err, r)
    r = likeness("train", "swap", "-f", "actor-a", "-o", "actor-a", "-p", "bare")
    check(r.code == 3, r)
    check(not changed(before, "."), changed(before, "."))


sys.exit(drive.main([setting_up, consent_is_for_one_purpose, importing, training, swapping, the_clip_is_marked,
                     the_sheet_is_a_picture, the_model_card, a_quota_is_kept, own_mistakes_are_refused, nothing_is_made_without_consent,
                     nobody_is_trained_unasked]))
