"""drive.py: what the tests that drive the whole command share: a folder of their own, clips, runs, TAP.

A test is a function; check() notes what broke and goes on. Run as: test_NAME.py LIKENESS [TEST...]
Folders and models come from LIKENESS_SAMPLES and LIKENESS_MODELS, which meson.build sets.
"""
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import traceback

LIKENESS = os.path.abspath(sys.argv[1]) if len(sys.argv) > 1 else "likeness"
HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
SAMPLES = os.environ.get("LIKENESS_SAMPLES", os.path.join(SOURCE, "samples"))
os.environ.setdefault("LIKENESS_MODELS", os.path.join(SOURCE, "models"))
# One thread and no spinning: these tests ask whether, not how fast, and run beside others.
os.environ["LIKENESS_THREADS"] = "1"
os.environ["OMP_WAIT_POLICY"] = "passive"
os.environ.pop("LIKENESS_PROJECT", None)
RUN_SECONDS = 240

failures = []


def check(ok, *what):
    if not ok:
        at = traceback.extract_stack()[-2]
        failures.append(f"{os.path.basename(at.filename)}:{at.lineno}: {at.line}: " + " ".join(str(w) for w in what))


class Ran:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __str__(self):
        return f"exit {self.code}\n{self.out[-600:]}{self.err[-900:]}"


def command(args):
    return [LIKENESS] + [str(a) for a in args]


def likeness(*args):
    p = subprocess.run(command(args), capture_output=True, text=True, timeout=RUN_SECONDS)
    return Ran(p.returncode, p.stdout, p.stderr)


def must(*args):
    """A run on which the rest of the test stands."""
    r = likeness(*args)
    if r.code:
        raise RuntimeError(f"likeness {' '.join(str(a) for a in args)}: {r}")
    return r


def preload():
    """The clock; before it the address sanitizer's library when the program was built with it, which insists on being first."""
    needs = subprocess.run(["ldd", command([])[0]], capture_output=True, text=True).stdout
    asan = re.search(r"libasan\S* => (\S+)", needs)
    return " ".join(([asan.group(1)] if asan else []) + [os.environ["LIKENESS_TEST_CLOCK"]])


def at(when, *args):
    """A run with the computer's clock set to `when`."""
    env = dict(os.environ, LD_PRELOAD=preload(), CLOCK_AT=str(int(when)))
    p = subprocess.run(command(args), capture_output=True, text=True, timeout=RUN_SECONDS, env=env)
    return Ran(p.returncode, p.stdout, p.stderr)


def refusals(project, rule):
    rows = [json.loads(line) for line in must("consent", "log", "--json", "-p", project).out.splitlines()]
    return sum(r["kind"] == "refused" and r["detail"]["rule"] == rule for r in rows)


def start(*args):
    return subprocess.Popen(command(args), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for(process, text):
    """Read the process's progress until a line holds the text; False when it ended before."""
    for line in process.stderr:
        if text in line:
            return True
    return False


def ffmpeg(*args):
    subprocess.run(["ffmpeg", "-v", "error", "-y", "-nostdin", "-threads", "1"] + [str(a) for a in args], check=True, timeout=120)


def cut(name, out, seconds, start_at=0.0, width=320):
    """The beginning of a sample clip, small; sound as it is."""
    ffmpeg("-ss", start_at, "-i", os.path.join(SAMPLES, name), "-t", seconds, "-vf", f"scale={width}:-2", "-c:v", "libx264",
           "-preset", "ultrafast", "-crf", "18", "-threads", "1", "-c:a", "copy", out)
    return out


def probe(path, *args):
    p = subprocess.run(["ffprobe", "-v", "error", "-of", "json"] + list(args) + [path], capture_output=True, text=True, check=True)
    return json.loads(p.stdout)


def times(path):
    return [f["pts_time"] for f in probe(path, "-select_streams", "v", "-show_entries", "frame=pts_time")["frames"]]


def tags(path):
    return {k.lower(): v for k, v in probe(path, "-show_entries", "format_tags")["format"].get("tags", {}).items()}


def stream_md5(path, stream):
    """Of the packets as they are, not decoded."""
    p = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-i", path, "-map", stream, "-c", "copy", "-f", "md5", "-"],
                       capture_output=True, text=True, check=True)
    return p.stdout.strip()


def pixels(path):
    """Decoded luma of every frame: (width, height, [bytes])."""
    s = probe(path, "-select_streams", "v", "-show_entries", "stream=width,height")["streams"][0]
    w, h = s["width"], s["height"]
    raw = subprocess.run(["ffmpeg", "-v", "error", "-nostdin", "-i", path, "-vf", "format=gray", "-fps_mode", "passthrough", "-f",
                          "rawvideo", "-"], capture_output=True, check=True).stdout
    return w, h, [raw[i:i + w * h] for i in range(0, len(raw), w * h)]


def sha(path):
    with open(path, "rb") as f:
        return hashlib.sha256(f.read()).hexdigest()


def listing(folder):
    """Every file below a folder with its number, size and time: what a refused command must leave alone. The registry's
    own files are left out, for a refusal is noted in its audit log."""
    seen = {}
    for root, _, names in os.walk(folder):
        for n in names:
            path = os.path.join(root, n)
            if "registry.db" not in n and n != "audit.tip":
                st = os.stat(path)
                seen[os.path.relpath(path, folder)] = (st.st_ino, st.st_size, st.st_mtime_ns)
    return seen


def changed(before, folder):
    after = listing(folder)
    return sorted(k for k in set(before) | set(after) if before.get(k) != after.get(k))


def add_person(project, name, uses, consent=True, clip=None):
    """A synthetic actor, enrolled by the clip that shows it. Returns the number of the signed record."""
    clip = clip or {"actor-a": "a.mp4", "actor-b": "b.mp4"}.get(name)
    must("subject", "add", name, "--synthetic", "-p", project)
    if clip:
        must("subject", "enroll", name, clip, "--no-challenge", "-p", project)
    if not consent:
        return None
    return must("consent", "grant", name, "-u", uses, "-s", "a synthetic actor, for a test", "-p", project).out.split()[2]


def main(tests):
    """TAP of all tests, or of those named; the tests of a file share its folder and run in their order."""
    if sys.argv[2:] == ["--selftest"]:
        check(1 == 2, "this failure is the self-test")
        print("\n".join("# " + f for f in failures) + "\nnot ok 1 - selftest\n1..1")
        return 1
    for tool in ("ffmpeg", "ffprobe"):
        if not shutil.which(tool):
            print(f"1..0 # SKIP there is no {tool}")
            return 0
    bad = 0
    folder = tempfile.mkdtemp(prefix="lk-cli-", dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None)
    os.chdir(folder)
    try:
        chosen = [t for t in tests if not sys.argv[2:] or t.__name__ in sys.argv[2:]]
        for i, t in enumerate(chosen, 1):
            failures.clear()
            try:
                t()
            except Exception:
                failures.append(traceback.format_exc())
            for f in failures:
                print("\n".join("# " + line for line in f.splitlines()))
            bad += bool(failures)
            print(f"{'not ok' if failures else 'ok'} {i} - {t.__name__}", flush=True)
        print(f"1..{len(chosen)}")
    finally:
        os.chdir("/")
        shutil.rmtree(folder, ignore_errors=True)
    return 1 if bad else 0
