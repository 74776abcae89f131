"""Showing who somebody is: challenges and their answers, whose face footage must show, one name for one face, and those who
must never be cloned. Every refusal exits with 3, names its rule and stands in the log."""
import array
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import time
import wave

import drive
from drive import at, changed, check, cut, ffmpeg, likeness, listing, must, refusals

P = "studio"


def refused(rule, *args, run=likeness, says=""):
    before = refusals(P, rule)
    r = run(*args, "-p", P)
    check(r.code == 3 and f"rule: {rule}" in r.err and says in r.err + r.out, "not refused by", rule, r)
    check(refusals(P, rule) == before + 1, "the refusal is not in the log once:", rule, refusals(P, rule) - before)
    return r


def setting_up():
    cut("actor-a-train.mp4", "a.mp4", 6.0)
    cut("actor-a-train.mp4", "a2.mp4", 4.0, start_at=8)
    cut("actor-b-performance.mp4", "b.mp4", 0.8)
    ffmpeg("-i", "a.mp4", "-i", "b.mp4", "-filter_complex", "[0:v]scale=320:180[x];[1:v]scale=320:180[y];[x][y]hstack=shortest=1", "-c:v",
           "libx264", "-crf", "16", "-preset", "ultrafast", "-threads", "1", "-an", "both.mp4")
    must("subject", "add", "actor-a", "--synthetic", "-p", P)
    must("consent", "grant", "actor-a", "-u", "face-source", "-s", "a synthetic actor, for a test", "-p", P)


def footage_needs_an_enrolment():
    before = listing(".")
    refused("enrolment", "import", "a.mp4", "-s", "actor-a", says="subject enroll")
    check(not changed(before, "."), changed(before, "."))


def the_same_person_is_taken():
    r = must("subject", "enroll", "actor-a", "a.mp4", "--no-challenge", "-p", P)
    check("one face" in r.out and "face and voice" in r.out and "unverified" in r.out, r)
    check("actor-a" in must("subject", "enrolled", "-p", P).out)
    must("import", "a2.mp4", "-s", "actor-a", "-p", P)


def somebody_else_is_not():
    before = listing(P)
    r = refused("match", "import", "b.mp4", "-s", "actor-a")
    check("does not show actor-a" in r.err and "scores" in r.err, r)
    check(not changed(before, P), changed(before, P))
    refused("match", "import", "a2.mp4", "b.mp4", "-s", "actor-a")   # one wrong clip of two


def others_in_the_footage_are_left_out():
    r = must("import", "both.mp4", "-s", "actor-a", "-p", P)
    check("somebody else, left out" in r.out and "faces of other people left out" in r.out, r)
    tracks = [l for l in r.out.splitlines() if "left out" in l and "track" in l]
    check(len(tracks) == 1, "one other person is listed:", r)


def one_face_has_one_name():
    must("subject", "add", "actor-x", "--synthetic", "-p", P)
    refused("twin", "subject", "enroll", "actor-x", "a2.mp4", "--no-challenge", says="actor-a")
    refused("twin", "subject", "enroll", "actor-x", "a2.mp4", "--no-challenge", "--review", "Rita", says="actor-a")
    check("actor-x" not in must("subject", "enrolled", "-p", P).out)
    refused("match", "subject", "enroll", "actor-a", "b.mp4", "--no-challenge", "--review", "Rita", says="another face")
    r = must("subject", "enroll", "actor-a", "a.mp4", "--no-challenge", "-p", P)   # again, by the same clip
    check("as before    good" in r.out, r)


def some_must_never_be_cloned():
    r = must("subject", "protect", "Nora Never", "b.mp4", "-p", P)
    check("Nora Never is protected" in r.out, r)
    must("subject", "add", "actor-b", "--synthetic", "-p", P)
    refused("protected", "subject", "enroll", "actor-b", "b.mp4", "--no-challenge", says="Nora Never")
    check("PROTECTED" in must("subject", "enrolled", "-p", P).out)
    must("subject", "unprotect", "Nora Never", "-p", P)
    check(likeness("subject", "unprotect", "Nora Never", "-p", P).code == 6)
    must("subject", "enroll", "actor-b", "b.mp4", "--no-challenge", "-p", P)
    must("subject", "protect", "Nora Again", "a2.mp4", "-p", P)   # after the enrolment: the import asks again
    refused("protected", "import", "a.mp4", "-s", "actor-a", says="Nora Again")
    must("subject", "unprotect", "Nora Again", "-p", P)
    must("import", "a.mp4", "-s", "actor-a", "-p", P)


def a_real_person_answers_a_challenge():
    must("subject", "add", "Ada", "-p", P)
    refused("challenge", "subject", "enroll", "Ada", "a.mp4", "--no-challenge", says="vouch")
    for nobody in "", " ", "..", "7":
        r = likeness("subject", "enroll", "Ada", "a.mp4", "--no-challenge", "--review", nobody, "-p", P)
        check(r.code == 2 and "by name" in r.err, "vouched for by nobody:", nobody, r)
        r = likeness("import", "a.mp4", "-s", "actor-a", "--review", nobody, "-p", P)
        check(r.code == 2 and "by name" in r.err, "decided by nobody:", nobody, r)
    refused("challenge", "subject", "enroll", "Ada", "a.mp4", says="no challenge is open")
    r = must("subject", "enroll", "Ada", "-p", P)
    check("I am Ada and I agree" in r.out and "turn your head" in r.out and "Open until" in r.out, r)
    check(likeness("subject", "enroll", "Ada", "absent.mp4", "-p", P).code == 6)   # takes no try
    for _ in range(3):
        r = refused("challenge", "subject", "enroll", "Ada", "a.mp4")
        check("FAILED" in r.out and "words" in r.out and "head turns" in r.out, r)
    refused("challenge", "subject", "enroll", "Ada", "a.mp4", says="three answers")
    must("subject", "enroll", "Ada", "--minutes", 5, "-p", P)
    refused("challenge", "subject", "enroll", "Ada", "a.mp4", run=lambda *a: at(time.time() + 301, *a), says="expired")


def a_voice_alone_enrolls_the_voice():
    ffmpeg("-i", os.path.join(drive.SAMPLES, "actor-a-train.mp4"), "-t", "12", "-vn", "-c:a", "pcm_s16le", "voice.wav")
    ffmpeg("-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono", "-t", "5", "quiet.wav")
    must("subject", "add", "singer", "--synthetic", "-p", P)
    refused("challenge", "subject", "enroll", "singer", "quiet.wav", "--no-challenge", says="'voice' failed")
    r = must("subject", "enroll", "singer", "voice.wav", "--no-challenge", "-p", P)
    check("singer is enrolled: voice;" in r.out and "sound alone" in r.out, r)
    must("consent", "grant", "singer", "-u", "face-source", "-s", "for a test", "-p", P)
    refused("enrolment", "import", "b.mp4", "-s", "singer", says="voice alone")
    # Nor does it take the face away from a name that has one: the next enrolment could bring any other.
    refused("match", "subject", "enroll", "actor-a", "voice.wav", "--no-challenge", says="'as before' failed")
    refused("match", "subject", "enroll", "actor-a", "b.mp4", "--no-challenge", says="another face")


def poses(clip):
    """Frame, yaw and pitch away from the rest pose, and how far the mouth is open."""
    found = []
    for i, line in enumerate(must("faces", clip, "-p", P).out.splitlines()):
        faces = json.loads(line)["faces"]
        if faces:
            lm = faces[0]["landmarks"]
            found.append((i, faces[0]["yaw"], faces[0]["pitch"], lm[67 * 2 + 1] + lm[66 * 2 + 1] - lm[61 * 2 + 1] - lm[62 * 2 + 1]))
    yaw, pitch = statistics.median(p[1] for p in found), statistics.median(p[2] for p in found)
    return [(i, y - yaw, p - pitch, m) for i, y, p, m in found]


def loudness(path):
    """Of each 40 ms of a WAV file of one channel and 16 bits."""
    with wave.open(path) as f:
        data, step = array.array("h", f.readframes(f.getnframes())), f.getframerate() // 25
    return [math.sqrt(sum(x * x for x in data[k:k + step]) / step) for k in range(0, len(data), step)]


def act(turns, sentence, lips_move, out):
    """A clip of actor A, put together from frames whose mouth is as open as flite is loud and whose head is turned as asked."""
    film = os.path.join(drive.SAMPLES, "actor-a-train.mp4")
    frames = poses(film)
    subprocess.run(["flite", "-voice", "rms", "-t", sentence, "-o", "said.wav"], check=True, capture_output=True)

    def nearest(yaw, pitch):
        return min(frames, key=lambda f: abs(f[1] - yaw) + abs(f[2] - pitch))[0]

    calm = sorted((f for f in frames if abs(f[1]) < 9 and abs(f[2]) < 7), key=lambda f: f[3])   # from shut to open
    loud = loudness("said.wav")
    top = sorted(loud)[-len(loud) // 10]
    order = [calm[min(int(len(calm) * v / top), len(calm) - 1)][0] if lips_move else nearest(0, 0) for v in loud]
    order += [nearest(0, 0)] * 25
    for turn in turns.split():
        yaw, pitch = {"left": (30, 0), "right": (-30, 0), "up": (0, -18)}[turn]
        way = [nearest(yaw * k / 8, pitch * k / 8) for k in range(1, 9)]
        order += way + [way[-1]] * 4 + way[::-1] + [nearest(0, 0)] * 14
    os.makedirs("frames", exist_ok=True)
    ffmpeg("-i", film, "-q:v", "2", "frames/%05d.jpg")
    with open("order.txt", "w") as f:
        f.writelines(f"file 'frames/{i + 1:05d}.jpg'\nduration 0.04\n" for i in order)
    ffmpeg("-f", "concat", "-safe", "0", "-i", "order.txt", "-i", "said.wav", "-r", "25", "-c:v", "libx264", "-crf", "14", "-preset",
           "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", "-b:a", "128k", out)
    shutil.rmtree("frames")


def the_right_answer_enrolls():
    if not shutil.which("flite"):
        print("# no flite here: nobody can say the sentence")
        return
    for _ in range(100):   # the actor's footage shows no head bent down
        out = must("subject", "enroll", "Ada", "-p", P).out
        turns = out.split("each time:")[1].splitlines()[0].strip()
        if "down" not in turns:
            break
    sentence = out.split("Say:")[1].splitlines()[0].strip()
    must("subject", "erase", "actor-a", "--yes", "-p", P)   # else Ada is a twin
    act(turns, sentence, False, "dubbed.mp4")
    r = refused("challenge", "subject", "enroll", "Ada", "dubbed.mp4", says="'lips' failed")
    check("words        good" in r.out and "head turns   good" in r.out, "all else fits:", r)
    act(turns, sentence, True, "answer.mp4")
    r = likeness("subject", "enroll", "Ada", "answer.mp4", "--review", "Rita Reviewer", "-p", P)
    check(r.code == 0 and "Ada is enrolled: face and voice" in r.out and "FAILED" not in r.out, r)
    check("assurance: upload" in r.out or "assurance: reviewed" in r.out, r)
    record = must("consent", "grant", "Ada", "-u", "face-source", "-s", "for a test", "-p", P).out.split()[2]
    page = must("consent", "show", record, "-p", P).out
    check("upload" in page or "reviewed" in page, "the record does not say how sure the studio was:", page[:1500])
    refused("challenge", "subject", "enroll", "Ada", "answer.mp4", says="no challenge is open")   # used up
    must("import", "a2.mp4", "-s", "Ada", "-p", P)
    check("whole" in must("consent", "audit", "-p", P).out)


if __name__ == "__main__":
    sys.exit(drive.main([setting_up, footage_needs_an_enrolment, the_same_person_is_taken, somebody_else_is_not,
                         others_in_the_footage_are_left_out, one_face_has_one_name, some_must_never_be_cloned,
                         a_real_person_answers_a_challenge, a_voice_alone_enrolls_the_voice, the_right_answer_enrolls]))
