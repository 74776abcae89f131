#!/usr/bin/env python3
"""Attacks the sound watermark and counts the ids that come back whole.

    bench_audiomark.py attack AM_TOOL [--data DIR] [--work DIR] [--targets|--others|--only NAME,...] [--pieces GLOB] [--jobs N]
                     [--csv FILE]
    bench_audiomark.py null   AM_TOOL [--data DIR] [--hours 10] [--seed 1] [--csv FILE]

AM_TOOL is BUILD/tests/audiomark/am_tool; the `ffmpeg` program does the attacks. Speech is cut into pieces of 12 s: LibriSpeech
at 16 kHz, LJ at 22.05 kHz, GRID at 44.1 kHz, the synthetic actors, besides music and noise. Every piece gets an id of its own.
An attack is one row of ATTACKS. Rows are appended to FILE as time,version,commit,cpu,threads,bench,case,figure,value,unit.
"""
import argparse
import concurrent.futures
import fnmatch
import glob
import math
import os
import random
import re
import subprocess
import sys
import tempfile
import time

# name, extension of the result, ffmpeg's output options ({sr} = the piece's own rate), asked for by --targets
ATTACKS = [
    ("none", "wav", "-c:a pcm_s16le", True),
    ("AAC 64k", "m4a", "-c:a aac -b:a 64k", True),
    ("MP3 64k", "mp3", "-c:a libmp3lame -b:a 64k", True),
    ("Opus 32k", "opus", "-c:a libopus -b:a 32k", True),
    ("resampled to 16 kHz", "wav", "-ar 16000 -c:a pcm_s16le", True),
    ("2 % faster", "wav", "-af asetrate={sr}*1.02,aresample={sr} -c:a pcm_s16le", True),
    ("2 % slower", "wav", "-af asetrate={sr}*0.98,aresample={sr} -c:a pcm_s16le", True),
    ("4.3 % faster", "wav", "-af asetrate={sr}*1.043,aresample={sr} -c:a pcm_s16le", False),
    ("tempo 3 % faster; pitch kept", "wav", "-af atempo=1.03 -c:a pcm_s16le", False),
    ("tempo 3 % slower; pitch kept; MP3 64k", "mp3", "-af atempo=0.97 -c:a libmp3lame -b:a 64k", False),
    ("AAC 128k", "m4a", "-c:a aac -b:a 128k", False),
    ("MP3 128k", "mp3", "-c:a libmp3lame -b:a 128k", False),
    ("AAC 32k", "m4a", "-c:a aac -b:a 32k", False),
    ("Opus 16k", "opus", "-c:a libopus -b:a 16k", False),
    ("MP3 64k then AAC 64k", "m4a", ["mp3 -c:a libmp3lame -b:a 64k", "-c:a aac -b:a 64k"], False),
    ("AAC 64k and 2 % faster", "m4a", "-af asetrate={sr}*1.02,aresample={sr} -c:a aac -b:a 64k", False),
    ("resampled to 8 kHz", "wav", "-ar 8000 -c:a pcm_s16le", False),
    ("low-pass 4 kHz", "wav", "-af lowpass=f=4000:p=2,lowpass=f=4000:p=2 -c:a pcm_s16le", False),
    ("high-pass 300 Hz", "wav", "-af highpass=f=300:p=2 -c:a pcm_s16le", False),
    ("white noise 20 dB", "wav", "NOISE -20", False),
    ("white noise 30 dB", "wav", "NOISE -30", False),
    ("volume -20 dB at 16 bits", "wav", "-af volume=-20dB -c:a pcm_s16le", False),
    ("clipped by 9 dB", "wav", "CLIP", False),
    ("compressor", "wav", "-af acompressor=threshold=0.05:ratio=6:attack=5:release=80:makeup=3 -c:a pcm_s16le", False),
    ("echo 60 ms", "wav", "-af aecho=0.8:0.7:60:0.35 -c:a pcm_s16le", False),
    ("first 1.237 s cut off", "wav", "-ss 1.237 -c:a pcm_s16le", False),
    ("only the middle 8 s", "wav", "-ss 2.11 -t 8 -c:a pcm_s16le", False),
]


def run(command):
    return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout


def ffmpeg(*args):
    out = run(["ffmpeg", "-hide_banner", "-nostats", "-y", *args])
    if not os.path.exists(args[-1]):
        sys.exit("bench_audiomark.py: ffmpeg made nothing of %s:\n%s" % (" ".join(args), out))
    return out


def pieces_of(files, name, folder, seconds, count):
    """Cut what the files say one after the other into pieces."""
    plain = []
    for i, f in enumerate(files):
        p = os.path.join(folder, "part%d.wav" % i)
        ffmpeg("-i", f, "-vn", "-c:a", "pcm_s16le", p)
        plain.append(p)
    concat = os.path.join(folder, "parts.txt")
    with open(concat, "w") as f:
        f.writelines("file '%s'\n" % p for p in plain)
    whole = os.path.join(folder, "whole.wav")
    ffmpeg("-f", "concat", "-safe", "0", "-i", concat, "-c:a", "pcm_s16le", whole)
    duration = float(run(["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", whole]))
    for i in range(min(count, int(duration / seconds))):
        ffmpeg("-ss", str(i * seconds), "-t", str(seconds), "-i", whole, "-c:a", "pcm_s16le",
               os.path.join(folder, "%s-%d.wav" % (name, i)))
    for p in plain + [concat, whole]:
        os.remove(p)


def make_pieces(data, folder, seconds=12):
    os.makedirs(folder, exist_ok=True)
    if glob.glob(folder + "/speech-*.wav"):
        return
    for speaker in sorted(os.listdir(data + "/speech_librispeech/ten_utt")):
        pieces_of(sorted(glob.glob("%s/speech_librispeech/ten_utt/%s/*.flac" % (data, speaker))), "speech-libri" + speaker,
                  folder, seconds, 4)
    pieces_of(sorted(glob.glob(data + "/speech_lj/*.flac")), "speech-lj", folder, seconds, 12)
    pieces_of(sorted(glob.glob(data + "/grid/s1/*.mpg")), "speech-grid", folder, seconds, 6)
    for a in "ABCDEF":
        pieces_of(["%s/actors/actors/%s/%s" % (data, a, f) for f in ("perf.wav", "train.flac")], "speech-actor" + a,
                  folder, seconds, 3)
    for n in ["arcade_music", "cinematic", "jazz_guitar", "piano", "rain", "train", "crowd_cheering", "applause", "birds1"]:
        f = "%s/noise/%s.flac" % (data, n)
        pieces_of([f, f], "other-" + n, folder, seconds, 1)


def attack(row, source, rate, folder, seed):
    _, ext, how, _ = row
    out = os.path.join(folder, "attacked." + ext)
    if os.path.exists(out):
        os.remove(out)
    if isinstance(how, list):
        first_ext, first = how[0].split(" ", 1)
        between = os.path.join(folder, "between." + first_ext)
        ffmpeg("-i", source, *first.split(), between)
        ffmpeg("-i", between, *how[1].split(), out)
    elif how.startswith("NOISE") or how == "CLIP":
        stats = run(["ffmpeg", "-hide_banner", "-nostats", "-i", source, "-af", "astats", "-f", "null", "-"])
        level = float(re.findall(r"RMS level dB: (\S+)", stats)[-1])
        peak = float(re.findall(r"Peak level dB: (\S+)", stats)[-1])
        if how == "CLIP":  # 9 dB over what 16 bits hold
            ffmpeg("-i", source, "-af", "volume=%.2fdB" % (9 - peak), "-c:a", "pcm_s16le", out)
        else:
            amplitude = 10 ** ((level + float(how.split()[1])) / 20) * math.sqrt(3)  # uniform noise
            ffmpeg("-i", source, "-filter_complex", "anoisesrc=r=%d:c=white:a=%.6f:seed=%d[n];[0:a][n]amix=inputs=2:duration=first:"
                   "normalize=0" % (rate, amplitude, seed), "-c:a", "pcm_s16le", out)
    else:
        ffmpeg("-i", source, *how.format(sr=rate).split(), out)
    return out


class Table:
    """Appends rows in the format of bench/results."""

    def __init__(self, path):
        self.path = path
        self.commit = run(["git", "rev-parse", "--short", "HEAD"]).strip()
        here = os.path.dirname(os.path.abspath(__file__))
        self.version = re.search(r"version: '([^']+)'", open(os.path.join(here, "..", "meson.build")).read())[1]
        self.cpu = next((l.split(":", 1)[1].strip().replace(",", " ") for l in open("/proc/cpuinfo") if l.startswith("model name")), "?")

    def row(self, case, figure, value, unit=""):
        print("%-32s %-40s %10.6g %s" % (case, figure, value, unit), flush=True)
        if not self.path:
            return
        new = not os.path.exists(self.path)
        with open(self.path, "a") as f:
            if new:
                f.write("time,version,commit,cpu,threads,bench,case,figure,value,unit\n")
            f.write("%s,%s,%s,%s,1,audiomark,%s,%s,%.6g,%s\n" % (time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
                    self.version, self.commit, self.cpu, case, figure, value, unit))


def one_piece(a, rows, f, number):
    """Mark a piece with an id of its own and attack it: SNR, costs, and for each attack whether the id came back."""
    name = os.path.basename(f)[:-4]
    ident = "%016x" % random.Random(name).getrandbits(64)
    with tempfile.TemporaryDirectory(dir=a.work) as scratch:
        marked = os.path.join(scratch, "marked.wav")
        out = run([a.tool, "embed", f, marked, ident])
        m = re.search(r"marked (\d) snr (\S+) cpu (\S+) seconds (\S+)", out)
        if not m:
            sys.exit("bench_audiomark.py: am_tool said: " + out)
        rate = int(run(["ffprobe", "-v", "error", "-show_entries", "stream=sample_rate", "-of", "csv=p=0", f]).strip().strip(","))
        result = {"name": name, "kind": name.split("-")[0], "snr": float(m[2]), "write": (float(m[3]), float(m[4])),
                  "read": (0, 0), "ok": {}}
        for row in rows:
            out = run([a.tool, "detect", attack(row, marked, rate, scratch, number)])
            d = re.search(r"found (\d) id (\w+) z (\S+) errors (\S+) speed (\S+) cpu (\S+) seconds (\S+)", out)
            if not d:
                sys.exit("bench_audiomark.py: am_tool said: " + out)
            result["ok"][row[0]] = d[1] == "1" and d[2] == ident
            if d[1] == "1" and d[2] != ident:
                print("WRONG ID: %s after %s" % (name, row[0]))
            if row[0] == "none":
                result["read"] = float(d[6]), float(d[7])
    print("# %s: missed %s" % (name, "; ".join(k for k, ok in result["ok"].items() if not ok) or "nothing"), flush=True)
    return result


def bench_attacks(a):
    table = Table(a.csv)
    make_pieces(a.data, a.work + "/pieces")
    files = [f for f in sorted(glob.glob(a.work + "/pieces/*.wav")) if fnmatch.fnmatch(os.path.basename(f), a.pieces)]
    rows = [r for r in ATTACKS if (not a.only or r[0] in a.only.split(",")) and (not a.targets or r[3]) and (not a.others or not r[3])]
    with concurrent.futures.ThreadPoolExecutor(a.jobs) as pool:
        results = list(pool.map(lambda x: one_piece(a, rows, x[1], x[0]), enumerate(files, 1)))
    for kind, words in [("speech", "speech"), ("other", "music or noise")]:
        these = [r for r in results if r["kind"] == kind]
        if not these:
            continue
        case, n = "12 s of " + words, len(these)
        table.row(case, "SNR least (n %d)" % n, min(r["snr"] for r in these), "dB")
        table.row(case, "SNR mean (n %d)" % n, sum(r["snr"] for r in these) / n, "dB")
        for row in rows:
            missed = [r["name"] for r in these if not r["ok"][row[0]]]
            table.row(case, "exact ids; %s (n %d)" % (row[0], n), 100.0 * (n - len(missed)) / n, "%")
            if missed:
                print("    missed: " + " ".join(missed))
    for what, key in [("writing", "write"), ("reading a marked piece", "read")]:
        cost = sum(r[key][0] for r in results)
        if cost:
            table.row("speed", what + "; one core", sum(r[key][1] for r in results) / cost, "x real time")


def bench_null(a):
    """Unmarked sound from everything there is, each piece with its own start, speed, volume and noise."""
    table = Table(a.csv)
    files = sorted(glob.glob(a.data + "/speech_librispeech/*/*.flac") + glob.glob(a.data + "/speech_librispeech/*/*/*.flac") +
                   glob.glob(a.data + "/speech_lj/*.flac") + glob.glob(a.data + "/noise/*.flac") +
                   glob.glob(a.data + "/actors/actors/*/train.flac") + glob.glob(a.data + "/grid/*/*.mpg"))
    files = [f for f in files if "rir_" not in f]
    if not files:
        sys.exit("bench_audiomark.py: no sound under " + a.data)
    seconds = accepted = tried = largest = turn = 0
    piece, each = 30, 4
    while seconds < a.hours * 3600:
        f = files[turn % len(files)]
        out = run([a.tool, "null", f, str(a.seed * 1000003 + turn), str(piece), str(each)])
        m = re.search(r"seconds (\S+) accepted (\d+) tried (\d+) z (\S+)", out)
        if not m:
            sys.exit("bench_audiomark.py: am_tool said: " + out)
        seconds += float(m[1])
        accepted += int(m[2])
        tried += int(m[3])
        largest = max(largest, float(m[4]))
        turn += 1
        if m[2] != "0":
            print("ACCEPTED: %s turn %d" % (f, turn - 1))
        if turn % 50 == 0:
            print("# %.2f h accepted %d tried %d z %.2f" % (seconds / 3600, accepted, tried, largest), flush=True)
    case = "unmarked sound %.3g h from %d files" % (seconds / 3600, len(files))
    table.row(case, "accepted", accepted)
    table.row(case, "pieces of 30 s whose sync passed 4.8", tried)
    table.row(case, "largest sync", largest, "deviations")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", choices=["attack", "null"])
    p.add_argument("tool")
    here = os.path.dirname(os.path.abspath(__file__))
    p.add_argument("--data", default=os.environ.get("LIKENESS_DATA", os.path.join(here, "..", "..", "shared", "data")))
    p.add_argument("--work", default="/tmp/bench-audiomark")
    p.add_argument("--only", default="", help="attacks by name, with commas between")
    p.add_argument("--targets", action="store_true", help="only the attacks that must never succeed")
    p.add_argument("--others", action="store_true", help="only the other attacks")
    p.add_argument("--pieces", default="*")
    p.add_argument("--csv", default="")
    p.add_argument("--jobs", type=int, default=1, help="pieces at a time")
    p.add_argument("--hours", type=float, default=10)
    p.add_argument("--seed", type=int, default=1)
    a = p.parse_args()
    bench_attacks(a) if a.what == "attack" else bench_null(a)


if __name__ == "__main__":
    main()
