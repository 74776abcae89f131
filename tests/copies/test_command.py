"""registry add, list, remove and search, as a user meets them: folders with all sorts of files, Ctrl-C, exit codes, words."""
import json
import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "cli"))
import drive  # noqa: E402
from drive import check, cut, ffmpeg, likeness, must, start  # noqa: E402

P = "p"


def clips():
    os.makedirs("rushes/day-2")
    cut("actor-a-train.mp4", "rushes/a.mp4", 4)
    cut("actor-b-performance.mp4", "rushes/day-2/b.mp4", 4)
    ffmpeg("-ss", 1, "-i", "rushes/a.mp4", "-frames:v", 1, "rushes/poster.png")
    with open("rushes/notes.txt", "w") as f:
        f.write("scene 4: again\n")
    with open("rushes/a.mp4", "rb") as f, open("rushes/broken.mp4", "wb") as g:
        g.write(f.read()[:5000])


def nothing_there_yet():
    r = must("registry", "list", "-p", P) if os.path.exists(P) else likeness("registry", "list", "-p", P)
    check(r.code == 6 and "no project" in r.err, r)
    must("subject", "add", "somebody", "-p", P)
    check("nothing is registered here yet" in must("registry", "list", "-p", P).out, "list")
    r = must("search", "rushes/a.mp4", "-p", P)
    check("nothing like a.mp4 is registered here" in r.out, r)


def a_folder():
    r = likeness("registry", "add", "rushes", "-p", P)
    check(r.code == 0 and "3 of 5 files registered" in r.out and "2 skipped" in r.out, r)
    check("notes.txt" in r.out and "broken.mp4" in r.out, r)
    check("%" in r.err and "kB" in r.err, "progress", r)
    r = must("registry", "add", "rushes", P, "-p", P)   # the project's own files are no footage
    check("0 of" in r.out and "3 were already" in r.out, r)
    rows = [json.loads(line) for line in must("registry", "list", "--json", "-p", P).out.splitlines()]
    check(sorted(os.path.basename(x["path"]) for x in rows) == ["a.mp4", "b.mp4", "poster.png"], rows)
    check(all(x["kind"] == "added" and len(x["sha256"]) == 64 for x in rows), rows)
    check(len(must("registry", "list", "-p", P).out.splitlines()) == 3, "list")


def named_files_must_be_there():
    r = likeness("registry", "add", "rushes/notes.txt", "-p", P)
    check(r.code == 6 and "notes.txt" in r.err, r)
    r = likeness("registry", "add", "rushes/a.mp4", "absent.mp4", "-p", P)
    check(r.code == 6 and "absent.mp4" in r.err, r)
    r = likeness("search", "rushes/notes.txt", "-p", P)
    check(r.code == 6 and "notes.txt" in r.err, r)


def an_edit_is_found():
    ffmpeg("-ss", 1, "-t", 3, "-i", "rushes/day-2/b.mp4", "-vf", "hflip,scale=240:-2", "-crf", "28", "seen.mp4")
    r = must("search", "seen.mp4", "-p", P)
    check("seen.mp4 is very likely a copy or an edit of" in r.out and "b.mp4" in r.out and "mirrored" in r.out, r)
    check("seconds 0.0-" in r.out and "match seconds 1.0-" in r.out, r)
    found = json.loads(must("search", "seen.mp4", "--json", "-p", P).out)
    best = found["matches"][0]
    check(found["registered"] == 3 and best["level"] == "copy" and best["view"] == 4 and best["share"] > 0.8, found)
    check(abs(best["entry_begin"] - best["query_begin"] - 1) < 0.3, best)
    same = json.loads(must("search", "rushes/a.mp4", "--json", "-p", P).out)["matches"]
    check(same[0]["level"] == "same" and os.path.basename(same[0]["path"]) == "a.mp4", same)


def a_stranger_is_not():
    ffmpeg("-f", "lavfi", "-i", "testsrc2=s=320x180:r=25:d=3", "stranger.mp4")
    r = must("search", "stranger.mp4", "-p", P)
    check("nothing like stranger.mp4 is registered here (3 files were compared)" in r.out, r)
    check(json.loads(must("search", "stranger.mp4", "--json", "-p", P).out)["matches"] == [], "json")
    for words in (r.out, must("search", "seen.mp4", "-p", P).out):
        check("real" not in words.lower(), words)


def removing():
    r = likeness("registry", "remove", "nowhere.mp4", "-p", P)
    check(r.code == 6 and "nowhere.mp4" in r.err, r)
    digits = json.loads(must("registry", "list", "--json", "-p", P).out.splitlines()[0])["sha256"][:10]
    check("no longer registered" in must("registry", "remove", digits, "-p", P).out, "by digits")
    check("the file itself was not touched" in must("registry", "remove", "rushes/day-2/b.mp4", "-p", P).out, "by path")
    check(os.path.exists("rushes/day-2/b.mp4"), "the file stays")
    check("nothing like" in must("search", "seen.mp4", "-p", P).out, "gone")


def stopped_in_the_middle():
    os.mkdir("many")
    for i in range(24):
        ffmpeg("-ss", 0.3 * i, "-i", os.path.join(drive.SAMPLES, "actor-a-train.mp4"), "-t", 2, "-c:v", "libx264", "-preset", "ultrafast",
               "-an", f"many/{i:02}.mp4")
    p = start("registry", "add", "many", "-p", "q")
    for _ in range(400):
        time.sleep(0.05)
        done = likeness("registry", "list", "-p", "q").out.count(".mp4") if os.path.exists("q/copies.db") else 0
        if done >= 2 or p.poll() is not None:
            break
    p.send_signal(signal.SIGINT)
    out, err = p.communicate(timeout=60)
    kept = must("registry", "list", "-p", "q").out.count(".mp4")
    check(p.returncode == 5 and "what was finished is kept" in err, p.returncode, err)
    check(2 <= kept < 24 and f"{kept} of 24 files registered" in out, kept, out)
    r = must("registry", "add", "many", "-p", "q")
    check(f"{24 - kept} of 24 files registered" in r.out and f"{kept} were already" in r.out, r)


def a_damaged_registry():
    with open("q/copies.db", "r+b") as f:
        f.seek(100)
        f.write(b"\x5a" * 5000)
    for args in (("search", "seen.mp4"), ("registry", "list"), ("registry", "add", "rushes")):
        r = likeness(*args, "-p", "q")
        check(r.code == 6 and "q/copies.db" in r.err and "move it away" in r.err, args, r)


sys.exit(drive.main([clips, nothing_there_yet, a_folder, named_files_must_be_there, an_edit_is_found, a_stranger_is_not, removing,
                     stopped_in_the_middle, a_damaged_registry]))
