"""The policy: whatever a command writes that people look at or listen to carries both marks, a manifest that fits it and a
watermark that belongs to the manifest. The rows of the command table are walked: a command that is new and has no row here
fails the test, and afterwards every picture, clip and sound that any of them left in the folder is verified, whether it was
expected or not."""
import itertools
import json
import os
import re
import subprocess
import sys

import drive
from drive import add_person, check, cut, likeness, must, start, wait_for

P = "studio"
INPUTS = {"a.mp4", "b.mp4"}


def commands():
    """The table itself: the headings of the man page, `.SS "likeness consent list [NAME]"`."""
    heads = re.findall(r'^\.SS "likeness (.*)"$', must("manual").out, re.M)
    return [" ".join(itertools.takewhile(re.compile("[a-z]+$").match, h.split())) for h in heads]


def setting_up():
    os.environ["XDG_CONFIG_HOME"] = os.path.abspath("home")
    cut("actor-a-train.mp4", "a.mp4", 0.8, width=480)
    cut("actor-b-performance.mp4", "b.mp4", 0.8, width=480)


def media_below(folder):
    """Files that begin like a picture, a clip or a sound."""
    for root, _, names in os.walk(folder):
        for n in names:
            path = os.path.join(root, n)
            with open(path, "rb") as f:
                head = f.read(12)
            if head[:8] == b"\x89PNG\r\n\x1a\n" or head[:3] == b"\xff\xd8\xff" or head[:4] in (b"RIFF", b"fLaC", b"OggS", b"GIF8") \
                    or head[4:8] == b"ftyp" or head[:4] == b"\x1aE\xdf\xa3":
                yield os.path.relpath(path, folder)


def nothing():
    """A command that writes no picture, clip or sound: that is what is tested of it."""


def run_subject_add():
    add_person(P, "actor-a", "face-source")
    add_person(P, "actor-b", "face-target")


def run_import():
    must("import", "a.mp4", "-s", "actor-a", "-a", "source", "-p", P)
    must("import", "b.mp4", "-s", "actor-b", "-a", "target", "-p", P)


def run_train_swap():
    must("train", "swap", "-f", "actor-a", "-o", "actor-b", "--steps", 8, "--size", 64, "--batch", 2, "-p", P)
    check(os.path.isfile(f"{P}/previews/actor-a-on-actor-b.png"), "no preview was written")


def run_swap():
    must("swap", "b.mp4", "-m", "actor-a-on-actor-b", "-o", "out.mp4", "--sheet", "out.png", "-p", P)
    must("swap", "b.mp4", "-m", "actor-a-on-actor-b", "-o", "out.mov", "-p", P)


def run_faces():
    must("faces", "a.mp4", "-o", "faces.png", "--no-json")
    must("faces", "a.mp4", "-o", "faces.jpg", "--no-json", "-p", P)


def run_trace():
    must("trace", "out.mp4", "--picture", "trace.png", "-p", P)


def run_demo():
    must("demo", "--dir", "demo", "--minutes", "0.05")


# One row a command. Those whose whole work is in another's test here, or that only print, are rows of `nothing`.
ROWS = {
    "subject add": run_subject_add,
    "import": run_import,
    "train swap": run_train_swap,
    "swap": run_swap,
    "faces": run_faces,
    "trace": run_trace,
    "demo": run_demo,
    "bench": nothing,  # its clips and sheets are made by the same jobs
}
PRINT_ONLY = {"doctor", "subject list", "subject enroll", "subject enrolled", "subject protect", "subject unprotect", "subject outputs",
              "subject erase", "model show", "model export", "model import", "takedown", "verify", "search", "completion", "manual"}
# Groups that deal in papers and keys: nothing of theirs is looked at or listened to.
PAPERS = {"consent", "keys", "registry"}


def every_command_has_a_row():
    names = commands()
    check(len(names) > 10, "the manual shows no commands:", names)
    for n in names:
        check(n in ROWS or n in PRINT_ONLY or n.split()[0] in PAPERS,
              f"likeness {n} is new: say in tests/cli/test_marks.py what it writes")


def every_command_runs():
    for name, run in ROWS.items():
        before = set(media_below("."))
        run()
        made = set(media_below(".")) - before
        if run in (run_train_swap, run_swap, run_faces, run_trace, run_demo):
            check(made, f"likeness {name} made nothing to look at")


def every_output_carries_both_marks():
    files = sorted(set(media_below(".")) - INPUTS)
    check(len(files) >= 8, "few outputs:", files)
    for f in files:
        r = likeness("verify", f, "--json")
        check(r.code in (0, 10), f, r)
        report = json.loads(r.out)
        check(report["outcome"] in ("claimed", "proven"), f, report["outcome"])
        check(report["c2pa"]["state"] in ("valid", "trusted"), f, r.out[:400])
        synthetic = not os.path.basename(f).startswith(("faces.", "trace."))
        mark = report["watermark_picture"]
        check(mark["found"], f"{f}: no watermark was read")
        if mark["found"]:
            check((int(mark["id"], 16) >> 63 == 1) == synthetic, f"{f}: the mark says the wrong kind")


def changed_output_is_broken():
    data = bytearray(open("out.png", "rb").read())
    data[len(data) // 2] ^= 1
    open("bent.png", "wb").write(data)
    r = likeness("verify", "bent.png")
    check(r.code == 13 and "BROKEN" in r.out, r)
    os.remove("bent.png")


def lost_manifest_is_found_by_the_mark():
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", "out.mp4", "-map_metadata", "-1", "-c:v", "libx264", "-crf", "23",
                    "-threads", "1", "copy.mp4"], check=True)
    r = likeness("verify", "copy.mp4", "-p", P)
    check(r.code == 11 and "MARKED AS SYNTHETIC" in r.out and "this project made it" in r.out, r)
    r = likeness("verify", "a.mp4", "-p", P)
    check(r.code == 12 and "NOTHING IS KNOWN" in r.out, r)
    for text in (r.out, r.err):
        check("is real" not in text and "is genuine." not in text, "verify may not call a file real", text)
    os.remove("copy.mp4")


def consent_state_is_told():
    r = must("consent", "list", "-p", P).out
    record = r.split()[0]
    r = likeness("verify", "out.mp4", "-p", P)
    check(r.code in (0, 10) and "Consent: actor-a" in r.out and "valid now" in r.out, r)
    must("consent", "revoke", record, "-p", P)
    r = likeness("verify", "out.mp4", "-p", P)
    check("revoked now" in r.out, r)


def killed_swap_leaves_nothing_unsigned():
    """At any moment of rendering a killed process leaves no file that could be played."""
    people = add_person("kill", "actor-a", "face-source"), add_person("kill", "actor-b", "face-target")
    check(all(people))
    for who, role in (("a", "source"), ("b", "target")):
        must("import", f"{who}.mp4", "-s", f"actor-{who}", "-a", role, "-p", "kill")
    must("train", "swap", "-f", "actor-a", "-o", "actor-b", "--steps", 4, "--size", 64, "--batch", 2, "-p", "kill")
    for text in ("render", "analyse"):
        p = start("swap", "b.mp4", "-m", "actor-a-on-actor-b", "-o", "killed.mp4", "-p", "kill")
        wait_for(p, text)
        p.kill()
        p.communicate()
        left = [f for f in os.listdir(".") if f.startswith("killed.mp4")]
        for f in left:
            check(likeness("verify", f).code in (0, 10), f"{f} was left and carries no manifest")


if __name__ == "__main__":
    sys.exit(drive.main([setting_up, every_command_has_a_row, every_command_runs, every_output_carries_both_marks,
                         changed_output_is_broken, lost_manifest_is_found_by_the_mark, consent_state_is_told,
                         killed_swap_leaves_nothing_unsigned]))
