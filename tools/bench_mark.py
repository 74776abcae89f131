#!/usr/bin/env python3
"""The picture's watermark against what happens to clips: marks many clips, attacks each with ffmpeg (x264, x265, JPEG,
resizing, cropping ...), reads them back blindly and prints how many ids came back exactly. With --csv, rows are appended.

    tools/bench_mark.py BUILD [--data ../shared/data] [--work /tmp/bench-mark] [--only REGEX] [--attacks a,b] [--csv FILE]

BUILD is the meson build folder that holds tests/watermark/wm_tool. A clip is the first SECONDS of a source, marked, and
encoded as the product does (x264 crf 16) before any attack. Finished clips are kept in --work and not done again.
"""
import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import time

ID = "c0ffee0123456789"
SECONDS = 2


def run(*command):
    return subprocess.run([str(c) for c in command], check=True, capture_output=True, text=True).stdout


def ffmpeg(*arguments):
    run("ffmpeg", "-v", "error", "-nostdin", "-y", "-threads", "1", *arguments)


def x264(crf):
    return ["-an", "-c:v", "libx264", "-preset", "veryfast", "-threads", "1", "-pix_fmt", "yuv420p", "-crf", crf]


def recoded(crf, *filters):
    def attack(source, target, size):
        w, h = size
        text = ",".join(filters).format(w=w, h=h, hw=w // 4 * 2, hh=h // 4 * 2, cw=int(w * .35) * 2, ch=int(h * .35) * 2,
                                        pw=int(w * 2 / 3) * 2, ph=int(h * 2 / 3) * 2)
        ffmpeg("-i", source, *(["-vf", text] if text else []), *x264(crf), target)
    return attack


def x265(source, target, _):
    ffmpeg("-i", source, "-an", "-c:v", "libx265", "-preset", "veryfast", "-x265-params", "log-level=error:pools=1",
           "-crf", 28, target)


def twice(source, target, _):
    ffmpeg("-i", source, *x264(28), target + ".first.mp4")
    ffmpeg("-i", target + ".first.mp4", *x264(28), target)
    os.remove(target + ".first.mp4")


# The quantisation of JPEG quality 50 (ITU-T T.81, K.1), which quality 50 of libjpeg is. libavcodec keeps its own DC step.
JPEG_LUMA = """16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56 14 17 22 29 51 87 80 62
18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92 49 64 78 87 103 121 120 101 72 92 95 98 112 100 103 99"""
JPEG_CHROMA = """17 18 24 47 99 99 99 99 18 21 26 66 99 99 99 99 24 26 56 99 99 99 99 99 47 66 99 99 99 99 99 99""" + 32 * " 99"


def jpeg(source, target, _):
    ffmpeg("-i", source, "-vf", "select=eq(n\\,10)", "-frames:v", "1", "-c:v", "mjpeg", "-pix_fmt", "yuvj420p", "-q:v", 8,
           "-intra_matrix", ",".join(JPEG_LUMA.split()), "-chroma_intra_matrix", ",".join(JPEG_CHROMA.split()), target)


# name: what is printed, what is done, the kind of file, the target in per cent (0 = told only)
ATTACKS = {
    "none": ("as it leaves (x264 crf 16)", lambda s, t, _: os.link(s, t), "mp4", 100),
    "crf23": ("x264 crf 23", recoded(23), "mp4", 100),
    "crf28": ("x264 crf 28", recoded(28), "mp4", 100),
    "crf33": ("x264 crf 33", recoded(33), "mp4", 95),
    "x265": ("x265 crf 28", x265, "mp4", 95),
    "half": ("half the size, crf 23", recoded(23, "scale={hw}:{hh}"), "mp4", 95),
    "half28": ("half the size, crf 28", recoded(28, "scale={hw}:{hh}"), "mp4", 0),
    "crop": ("cropped to 70 %, rescaled, crf 23", recoded(23, "crop={cw}:{ch}", "scale={w}:{h}"), "mp4", 95),
    "crop28": ("cropped to 70 %, rescaled, crf 28", recoded(28, "crop={cw}:{ch}", "scale={w}:{h}"), "mp4", 0),
    "fps": ("every other frame, crf 23", recoded(23, "select=not(mod(n\\,2))"), "mp4", 95),
    "twice": ("two generations of crf 28", twice, "mp4", 95),
    "jpeg": ("one frame as JPEG, quality 50", jpeg, "jpg", 95),
    "blur": ("blurred, sigma 1, crf 23", recoded(23, "gblur=sigma=1"), "mp4", 0),
    "noise": ("noise of 10 code values, crf 23", recoded(23, "noise=alls=10:allf=t"), "mp4", 0),
    "bright": ("brighter by 10 %, contrast 1.2, crf 23", recoded(23, "eq=brightness=0.1:contrast=1.2"), "mp4", 0),
    "mirror": ("mirrored, crf 23", recoded(23, "hflip"), "mp4", 0),
    "pad": ("in a frame half as large again, crf 23", recoded(23, "pad={pw}*3/2:{ph}*3/2:{pw}/4:{ph}/6:gray"), "mp4", 0),
    "turn2": ("turned by 2 degrees, crf 23", recoded(23, "rotate=2*PI/180"), "mp4", 0),
    "squeeze": ("width squeezed to 90 %, crf 23", recoded(23, "scale=trunc({w}*0.45)*2:{h}"), "mp4", 0),
    "slow": ("slowed to 80 % of its speed, crf 23", recoded(23, "setpts=1.25*PTS"), "mp4", 0),
}


def sources(data):
    """Name and ffmpeg input of each clip."""
    found = []
    for folder, _, names in sorted(os.walk(data)):
        for name in sorted(names):
            path = os.path.join(folder, name)
            if re.search(r"/(grid|video_intel|truth)/", path) and name.endswith((".mp4", ".mpg")):
                found.append((re.sub(r"\W+", "-", os.path.relpath(path, data)).rsplit("-", 1)[0], ["-i", path]))
            if name in ("perf.mp4", "train.mp4"):
                found.append((re.sub(r"\W+", "-", os.path.relpath(path, data)).rsplit("-", 1)[0], ["-ss", "5", "-i", path]))
    actors = sorted(p for n, (*_, p) in found if n.endswith("perf"))
    for i, path in enumerate(actors[:2]):
        found.append((f"dark-{i}", ["-ss", "2", "-i", path, "-vf", "eq=brightness=-0.05:contrast=0.25:gamma=0.6"]))
        found.append((f"small-{i}", ["-ss", "2", "-i", path, "-vf", "scale=320:180"]))
    if len(actors) > 4:
        found.append(("upright", ["-ss", "2", "-i", actors[2], "-vf", "crop=202:360,scale=404:720"]))
        found.append(("large", ["-ss", "2", "-i", actors[3], "-vf", "scale=1280:720:flags=lanczos"]))
        found.append(("full-hd", ["-ss", "2", "-i", actors[4], "-vf", "scale=1920:1080:flags=lanczos"]))
    for name, text in {"test-picture": "testsrc2=s=640x360:r=25", "mandelbrot": "mandelbrot=s=640x360:r=25",
                       "gradients": "gradients=s=640x360:r=25:seed=3", "bars": "smptehdbars=s=640x360:r=25",
                       "noise": "nullsrc=s=640x360:r=25,geq=random(1)*255:128:128",
                       "life": "life=s=320x180:r=25:mold=10:seed=4,scale=640:360:flags=neighbor,format=yuv420p",
                       "sierpinski": "sierpinski=s=640x360:r=25:seed=5,format=yuv420p"}.items():
        found.append(("made-" + name, ["-f", "lavfi", "-i", text]))
    return found


def one_clip(tool, work, name, source, attacks):
    record = os.path.join(work, name + ".json")
    done = json.load(open(record)) if os.path.exists(record) else {}
    plain, marked = (os.path.join(work, f"{name}.{k}.mp4") for k in ("plain", "marked"))
    if "embed" not in done:
        ffmpeg(*source, "-t", SECONDS, "-an", "-c:v", "libx264", "-preset", "veryfast", "-crf", 4, "-pix_fmt", "yuv420p", plain)
        m = re.match(r"psnr ([\d.]+) least ([\d.]+) ms ([\d.]+) frames (\d+)", run(tool, "embed", plain, marked, ID))
        done["embed"] = [float(x) for x in m.groups()]
        done["plain"] = run(tool, "detect", plain).split()[0]
    missing = [a for a in attacks if a not in done]
    if missing and not os.path.exists(marked):
        ffmpeg(*source, "-t", SECONDS, "-an", "-c:v", "libx264", "-preset", "veryfast", "-crf", 4, "-pix_fmt", "yuv420p", plain)
        run(tool, "embed", plain, marked, ID)
    size = missing and [int(x) for x in run("ffprobe", "-v", "error", "-select_streams", "v", "-show_entries",
                                            "stream=width,height", "-of", "csv=p=0", marked).strip().split(",")[:2]]
    for a in missing:
        target = os.path.join(work, f"{name}.{a}.{ATTACKS[a][2]}")
        if os.path.exists(target):
            os.remove(target)
        ATTACKS[a][1](marked, target, size)
        line = run(tool, "detect", target)
        m = re.match(r"(\w+) z ([\d.]+) errors ([\d.]+) .*seconds ([\d.]+)$", line)
        done[a] = [m[1], float(m[2]), float(m[3]), float(m[4])]
        os.remove(target)
        json.dump(done, open(record, "w"))
    json.dump(done, open(record, "w"))
    for path in (plain, marked):
        if os.path.exists(path):
            os.remove(path)
    return name, done


def main():
    p = argparse.ArgumentParser()
    p.add_argument("build")
    p.add_argument("--data", default=os.environ.get("LIKENESS_DATA", "../shared/data"))
    p.add_argument("--work", default="/tmp/bench-mark")
    p.add_argument("--only", default="")
    p.add_argument("--attacks", default=",".join(ATTACKS))
    p.add_argument("--csv", default="")
    p.add_argument("--jobs", type=int, default=2)
    o = p.parse_args()
    os.makedirs(o.work, exist_ok=True)
    os.nice(10)
    tool = os.path.join(o.build, "tests/watermark/wm_tool")
    if not os.path.exists(tool):
        tool = os.path.join(o.build, "wm_tool")
    attacks = o.attacks.split(",")
    clips = [c for c in sources(o.data) if re.search(o.only, c[0])]
    results = {}
    with concurrent.futures.ThreadPoolExecutor(o.jobs) as pool:
        jobs = [pool.submit(one_clip, tool, o.work, *c, attacks) for c in clips]
        for job in concurrent.futures.as_completed(jobs):
            name, done = job.result()
            results[name] = done
            bad = [a for a in attacks if done[a][0] != ID]
            print(f"{len(results):3} {name:40} {done['embed'][0]:.2f} dB  fails: {' '.join(bad) or 'none'}", flush=True)
    n = len(results)
    rows = [("mark", f"least PSNR of a frame (n {n} clips)", min(r["embed"][1] for r in results.values()), "dB", 43.5),
            ("mark", f"mean PSNR (n {n})", sum(r["embed"][0] for r in results.values()) / n, "dB", 43.5),
            ("unmarked", f"ids read in the sources (n {n})", sum(r["plain"] != "none" for r in results.values()), "", 0)]
    for a in attacks:
        right = sum(r[a][0] == ID for r in results.values())
        wrong = sum(r[a][0] not in (ID, "none") for r in results.values())
        rows.append((a, f"{ATTACKS[a][0]}: exact ids (n {n})", 100 * right / n, "%", ATTACKS[a][3]))
        if wrong:
            rows.append((a, f"{ATTACKS[a][0]}: wrong ids (n {n})", wrong, "", 0))
    cpu = next((line.split(": ")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), "unknown")
    commit = run("git", "describe", "--always", "--dirty").strip()
    fresh = o.csv and (not os.path.exists(o.csv) or os.path.getsize(o.csv) == 0)
    with open(o.csv or os.devnull, "a") as f:
        if fresh:
            f.write("time,version,commit,cpu,threads,bench,case,figure,value,unit\n")
        for case, figure, value, unit, target in rows:
            print(f"{case:10} {figure:60} {value:8.5g} {unit:3} {'target ' + str(target) if target else ''}")
            when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
            f.write(f"{when},0.1.0,{commit},{cpu},1,mark,{case},{figure.replace(',', ';')},{value:.6g},{unit}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
