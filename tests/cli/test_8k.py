"""The main job on a clip of 7680 x 4320: found, imported, swapped and marked like any other."""
import json
import sys

import drive
from drive import SAMPLES, add_person, check, cut, ffmpeg, likeness, must, tags, times

FRAMES = 8


def eight_thousand_across():
    cut("actor-a-train.mp4", "a.mp4", 0.3)
    cut("actor-b-performance.mp4", "b.mp4", 0.3)
    ffmpeg("-i", f"{SAMPLES}/actor-b-performance.mp4", "-frames:v", FRAMES, "-vf", "scale=7680:4320", "-c:v", "libx264", "-preset",
           "ultrafast", "-crf", 30, "8k.mp4")
    add_person("p", "actor-a", "face-source")
    add_person("p", "actor-b", "face-target")
    must("import", "a.mp4", "-s", "actor-a", "-p", "p")
    must("import", "8k.mp4", "-s", "actor-b", "-a", "target", "-p", "p")
    must("train", "swap", "-f", "actor-a", "-o", "actor-b", "--steps", 1, "--size", 64, "--batch", 2, "--name", "m", "-p", "p")
    ran = must("swap", "8k.mp4", "-m", "m", "-o", "out.mp4", "-p", "p")
    check(f"{FRAMES} frames, face put into {FRAMES} " in ran.out, ran)
    check(times("out.mp4") == times("8k.mp4"), "time stamps moved")
    check(tags("out.mp4").get("synthetic") == "yes", tags("out.mp4"))
    report = json.loads(likeness("verify", "out.mp4", "--json", "-p", "p").out)
    check(report["outcome"] == "proven" and report["watermark_picture"]["found"], report["outcome"], report["watermark_picture"])


def a_face_across_the_whole_picture():
    """The face found in the small clip is the face found in the large one, twelve times larger."""
    ffmpeg("-i", f"{SAMPLES}/actor-b-performance.mp4", "-frames:v", 1, "small.png")
    small = json.loads(must("faces", "small.png").out.splitlines()[0])["faces"]
    large = json.loads(must("faces", "8k.mp4").out.splitlines()[0])["faces"]
    check(len(small) == 1 and len(large) == 1, len(small), len(large))
    width = small[0]["box"][2] - small[0]["box"][0]
    for a, b in zip(small[0]["box"], large[0]["box"]):
        check(abs(a - b / 12) < width / 20, "box", small[0]["box"], large[0]["box"])


sys.exit(drive.main([eight_thousand_across, a_face_across_the_whole_picture]))
