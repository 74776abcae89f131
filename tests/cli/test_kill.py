"""Interruptions at moments drawn by chance: Ctrl-C and kill -9 while importing, training and rendering.

A training that was stopped and killed ends in the same weights as one that was left alone; a rendering leaves a
whole clip or none, and nothing else beside it.
"""
import json
import os
import random
import signal
import sys
import time

import drive
from drive import add_person, check, cut, likeness, must, start, wait_for

STEPS = 30
SEED = random.randrange(1 << 30)
chance = random.Random(SEED)
TRAIN = ["train", "swap", "-f", "actor-a", "-o", "actor-b", "--steps", STEPS, "--size", 64, "--batch", 2]
MODEL = "models/actor-a-on-actor-b.likeness"
whole = {}


def interrupt(args, line, seconds, how):
    """Start a command, let it run for so long after a progress line, and stop it. None: it was done before."""
    p = start(*args)
    if not wait_for(p, line):
        out, err = p.communicate()
        raise RuntimeError(f"never came to \"{line}\": exit {p.returncode} {out} {err}")
    time.sleep(seconds)
    p.send_signal(how)
    out, err = p.communicate(timeout=drive.RUN_SECONDS)
    return None if p.returncode == 0 else drive.Ran(p.returncode, out, err)


def leftovers(folder, expected):
    return sorted(set(os.listdir(folder)) - set(expected))


def weights(name):
    """The hash of a model's weights, and what else its header says without what the clock wrote. The files themselves are
    encrypted, and no two alike."""
    said = json.loads(must("model", "show", name, "--json", "-p", "p").out)
    for of_the_file in ("path", "hash"):
        said.pop(of_the_file)
    for of_the_clock in ("made", "minutes", "images_per_second"):
        said["card"].pop(of_the_clock, None)
    return said.pop("weights_sha256"), said


def setting_up():
    print(f"# chance is drawn from {SEED}", flush=True)
    cut("actor-a-train.mp4", "a.mp4", 0.6)
    cut("actor-b-performance.mp4", "b.mp4", 0.6)
    add_person("p", "actor-a", "face-source")
    add_person("p", "actor-b", "face-target")


def importing():
    args = ["import", "a.mp4", "-s", "actor-a", "-p", "p"]
    r = interrupt(args, "faces", 0, signal.SIGINT)
    check(r and r.code == 5, r)
    check(not leftovers("p/datasets", []), leftovers("p/datasets", []))
    r = interrupt(args, "faces", chance.random() * 0.2, signal.SIGKILL)
    check(r and r.code == -signal.SIGKILL, r)
    must(*args)
    must("import", "b.mp4", "-s", "actor-b", "-a", "target", "-p", "p")
    names = ["actor-a.source.likeness", "actor-b.target.likeness"]
    check(not leftovers("p/datasets", names), leftovers("p/datasets", names))


def training_left_alone():
    begin = time.monotonic()
    must(*TRAIN, "-p", "p", "--name", "left-alone")
    whole["seconds"] = time.monotonic() - begin
    whole["model"] = weights("left-alone")


def training_stopped_and_killed():
    args = [*TRAIN, "-p", "p"]
    half = 0.5 * whole["seconds"]
    r = interrupt(args, "train ", chance.random() * half * 0.6, signal.SIGINT)
    check(r and r.code == 5 and "goes on from there" in r.err, r)
    check(os.path.exists("p/work/actor-a-on-actor-b.checkpoint"), os.listdir("p/work"))
    check(not os.path.exists(f"p/{MODEL}"), "a stopped training left a model")
    stopped = drive.sha("p/work/actor-a-on-actor-b.checkpoint")
    r = interrupt(args, "train ", chance.random() * half * 0.4, signal.SIGKILL)
    check(r and r.code == -signal.SIGKILL, r)
    check(not os.path.exists(f"p/{MODEL}"), "a killed training left a model")
    check(drive.sha("p/work/actor-a-on-actor-b.checkpoint") == stopped, "the kill changed the checkpoint")
    r = must(*args)
    check(f"{STEPS} steps" in r.out, r)
    data, said = weights("actor-a-on-actor-b")
    data0, said0 = whole["model"]
    check(data == data0, "the weights differ")
    check(said == said0, said, said0)
    both = "actor-a-on-actor-b", "left-alone"
    for folder, ending in (("work", ".checkpoint"), ("work", ".checkpoint.1"), ("models", ".likeness"), ("previews", ".png")):
        names = [n + e for n in both for e in (ending, ".checkpoint", ".checkpoint.1")]  # and the one before it
        check(not leftovers(f"p/{folder}", names), folder, leftovers(f"p/{folder}", names))


def a_checkpoint_of_other_work_is_not_taken():
    r = likeness(*TRAIN[:-1], 3, "-p", "p")
    check(r.code == 2 and "restart" in r.err, r)


def rendering():
    os.mkdir("made")
    args = ["swap", "b.mp4", "-m", "actor-a-on-actor-b", "-o", "made/out.mp4", "--sheet", "made/out.png", "-p", "p"]
    r = interrupt(args, "faces", 0, signal.SIGINT)
    check(r and r.code == 5, r)
    check(not os.listdir("made"), os.listdir("made"))
    r = interrupt(args, "render", 0, signal.SIGINT)
    check(r and r.code == 5, r)
    check(not os.listdir("made"), os.listdir("made"))
    r = interrupt(args, "render", chance.random() * 0.1, signal.SIGKILL)
    check(r and r.code == -signal.SIGKILL, r)
    check("out.mp4" not in os.listdir("made"), os.listdir("made"))
    must(*args)
    check(sorted(os.listdir("made")) == ["out.mp4", "out.png"], "a killed run's file stayed:", os.listdir("made"))
    check(len(drive.times("made/out.mp4")) == len(drive.times("b.mp4")))


def an_older_clip_survives():
    """Stopping a run that would replace a clip leaves the clip that was there."""
    before = drive.sha("made/out.mp4")
    args = ["swap", "b.mp4", "-m", "actor-a-on-actor-b", "-o", "made/out.mp4", "-p", "p"]
    r = interrupt(args, "render", 0, signal.SIGINT)
    check(r and r.code == 5, r)
    check(drive.sha("made/out.mp4") == before, "the older clip was touched")
    check("whole" in must("consent", "audit", "-p", "p").out)


sys.exit(drive.main([setting_up, importing, training_left_alone, training_stopped_and_killed,
                     a_checkpoint_of_other_work_is_not_taken, rendering, an_older_clip_survives]))
