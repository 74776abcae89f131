"""The main job on footage that nobody here rendered: a filmed speaker gets the face of a synthetic actor.

A real person's face is only ever swapped onto, never put on; everything stays in the test's own folder, which is
removed. Skipped, with a word, when the data folder is absent.
"""
import glob
import json
import os
import sys

import drive
from drive import add_person, check, cut, likeness, must, stream_md5, tags, times

DATA = os.environ.get("LIKENESS_DATA", os.path.join(os.path.dirname(drive.SOURCE), "shared", "data"))
SPEAKER = sorted(glob.glob(os.path.join(DATA, "grid", "s1", "*.mp*g*")) + glob.glob(os.path.join(DATA, "grid", "s1", "*.mp4")))
TURNING = sorted(glob.glob(os.path.join(DATA, "video_intel", "*.mp4")))


def a_speaker_gets_an_actors_face():
    if not SPEAKER:
        print("# no filmed speaker here: set LIKENESS_DATA")
        return
    clip = SPEAKER[0]
    cut("actor-a-train.mp4", "a.mp4", 1.0)
    add_person("p", "actor-a", "face-source")
    add_person("p", "speaker", "face-target", clip=clip)
    must("import", "a.mp4", "-s", "actor-a", "-a", "source", "-p", "p")
    must("import", clip, "-s", "speaker", "-a", "target", "-p", "p")
    must("train", "swap", "-f", "actor-a", "-o", "speaker", "--steps", 12, "--size", 64, "--batch", 2, "-p", "p")
    ran = must("swap", clip, "-m", "actor-a-on-speaker", "-o", "out.mp4", "-p", "p")
    frames = len(times(clip))
    check(f"{frames} frames, face put into {frames} " in ran.out, "every frame shows the speaker:", ran)
    check(times("out.mp4") == times(clip), "time stamps moved")
    check(stream_md5("out.mp4", "0:a") == stream_md5(clip, "0:a"), "the sound is not the packets of the source")
    check(tags("out.mp4").get("synthetic") == "yes", tags("out.mp4"))


def turning_heads_are_followed():
    if not TURNING:
        print("# no clips of turning heads here: set LIKENESS_DATA")
        return
    for clip in TURNING:
        ran = must("faces", clip)
        lines = [json.loads(line) for line in ran.out.splitlines()]
        people = 2 if "female-and-male" in clip else 1
        good = sum(len(l["faces"]) == people for l in lines)
        check(len(lines) > 10 and good >= 0.99 * len(lines), os.path.basename(clip), f"{good} of {len(lines)} frames show {people}")
        tracks = {f["track"] for l in lines for f in l["faces"]}
        check(len(tracks) == people, os.path.basename(clip), "tracks", sorted(tracks))


if __name__ == "__main__":
    sys.exit(drive.main([a_speaker_gets_an_actors_face, turning_heads_are_followed]))
