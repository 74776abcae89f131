"""Files that are not what they say, through every command that reads a clip: the right exit status, a sentence that
names the file, and nothing written."""
import os
import sys

import drive
from drive import add_person, changed, check, cut, ffmpeg, likeness, listing, must

P = "p"


def patched(source, out, find, offset, data):
    """A copy with bytes changed at a distance behind the first place where `find` stands."""
    with open(source, "rb") as f:
        body = bytearray(f.read())
    at = body.index(find) + offset
    body[at:at + len(data)] = data
    with open(out, "wb") as f:
        f.write(body)


def setting_up():
    cut("actor-a-train.mp4", "a.mp4", 0.3)
    cut("actor-b-performance.mp4", "b.mp4", 0.3)
    add_person(P, "actor-a", "face-source")
    add_person(P, "actor-b", "face-target")
    must("import", "a.mp4", "-s", "actor-a", "-p", P)
    must("import", "b.mp4", "-s", "actor-b", "-a", "target", "-p", P)
    must("train", "swap", "-f", "actor-a", "-o", "actor-b", "--steps", 1, "--size", 64, "--batch", 2, "--name", "m", "-p", P)


def make_clips():
    with open("b.mp4", "rb") as f:
        body = f.read()
    open("empty.mp4", "wb").close()
    with open("text.mp4", "w") as f:
        f.write("This is a shopping list, not a film.\n" * 50)
    with open("cut-off.mp4", "wb") as f:      # the index, which stands at the end, is gone
        f.write(body[:len(body) // 2])
    patched("b.mp4", "no-index.mp4", b"moov", 0, b"xxxx")
    patched("b.mp4", "no-config.mp4", b"avcC", 4, b"\xff" * 24)
    with open("noise.mp4", "wb") as f:        # the frames' data is noise, the index is whole
        at = body.index(b"mdat") + 4
        end = body.index(b"moov") - 4
        f.write(body[:at] + bytes((i * 7919 >> 3) & 255 for i in range(end - at)) + body[end:])
    os.mkdir("folder.mp4")
    ffmpeg("-f", "lavfi", "-i", "sine=d=0.3", "-c:a", "aac", "sound.mp4")
    ffmpeg("-f", "lavfi", "-i", "color=c=gray:s=160x120:r=10:d=0.3", "-c:v", "libx264", "-preset", "ultrafast", "faceless.mp4")
    ffmpeg("-i", "b.mp4", "-frames:v", 1, "-an", "-c:v", "libx264", "-preset", "ultrafast", "one.mp4")
    hour = 3600 * 1000
    patched("b.mp4", "three-hours.mp4", b"mvhd", 20, (3 * hour).to_bytes(4, "big"))
    with open("huge.ppm", "wb") as f:
        f.write(b"P6\n60000 60000\n255\n" + b"\0" * 1000)
    check(len(os.listdir(".")) >= 14)


# What is wrong with the file -> exit status of faces, import, swap. A clip without a face is no mistake of `faces`.
BAD = {
    "gone.mp4": (6, 6, 6),
    "empty.mp4": (6, 6, 6),
    "text.mp4": (6, 6, 6),
    "cut-off.mp4": (6, 6, 6),
    "no-index.mp4": (6, 6, 6),
    "no-config.mp4": (6, 6, 6),
    "noise.mp4": (6, 6, 6),
    "folder.mp4": (6, 6, 6),
    "sound.mp4": (6, 6, 6),
    "huge.ppm": (6, 6, 6),
    "faceless.mp4": (0, 6, 6),
}


def calls(name):
    return (["faces", name, "--picture", "found.png"],
            ["import", name, "-s", "actor-a", "-p", P],
            ["swap", name, "-m", "m", "-o", "out.mp4", "--sheet", "out.png", "-p", P])


def bad_files_are_refused():
    for name, codes in BAD.items():
        for args, want in zip(calls(name), codes):
            before = listing(".")
            r = likeness(*args, "-q")
            check(r.code == want, name, args[0], "wanted", want, r)
            if want:
                check(r.err.count(name) >= 1, args[0], "does not name", name, r)
                check("likeness: " in r.err and len(r.err.strip().splitlines()[-1]) > len("likeness: ") + len(name) + 15, r)
                check(not changed(before, "."), name, args[0], "wrote", changed(before, "."))
            elif os.path.exists("found.png"):
                os.remove("found.png")


def a_bad_file_among_good_ones():
    before = listing(".")
    r = likeness("import", "a.mp4", "text.mp4", "-s", "actor-a", "-p", P)
    check(r.code == 6 and "text.mp4" in r.err, r)
    check(not changed(before, "."), changed(before, "."))


def odd_but_usable():
    """One frame, and a header that claims three hours for a third of a second: taken as what they are."""
    frames = {"one.mp4": 1, "three-hours.mp4": len(drive.times("b.mp4"))}
    for name, n in frames.items():
        r = must("faces", name)
        check(len(r.out.splitlines()) == n, name, r)
        r = must("swap", name, "-m", "m", "-o", "made.mp4", "-p", P)
        check(len(drive.times("made.mp4")) == n, name, drive.times("made.mp4"))


def nothing_to_write_to():
    before = listing(".")
    r = likeness("faces", "b.mp4", "--picture", "no/such/folder/x.png")
    check(r.code in (1, 2, 6) and "no/such/folder" in r.err, r)
    for name in ("out.avi", "out", "folder.mp4"):
        r = likeness("swap", "b.mp4", "-m", "m", "-o", name, "-p", P)
        check(r.code in (1, 2, 6) and name in r.err, name, r)
    check(not changed(before, "."), changed(before, "."))


sys.exit(drive.main([setting_up, make_clips, bad_files_are_refused, a_bad_file_among_good_ones, odd_but_usable, nothing_to_write_to]))
