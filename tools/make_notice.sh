#!/bin/sh
# Makes samples/notice-en.wav, the spoken disclosure that is put before made sound (src/mark/notice.c).
# Needs flite (Debian package; voice slt, CMU ARCTIC, BSD-like licence) and python3. flite writes 16 kHz mono.
set -e
out=${1:-$(dirname "$0")/../samples/notice-en.wav}
raw=$(mktemp --suffix=.wav)
trap 'rm -f "$raw"' EXIT
flite -voice slt --setf duration_stretch=1.15 -t "This sound was made with A I." -o "$raw"
# Silence at both ends goes, but for 20 ms; the loudest sample comes to -3 dB.
python3 - "$raw" "$out" <<'PYTHON'
import array, sys, wave
with wave.open(sys.argv[1]) as w:
    rate, x = w.getframerate(), array.array('h', w.readframes(w.getnframes()))
loud = [i for i, v in enumerate(x) if abs(v) > 300]
edge = rate // 50
x = x[max(loud[0] - edge, 0):loud[-1] + edge]
gain = 23198 / max(abs(v) for v in x)
x = array.array('h', (round(v * gain) for v in x))
for i in range(edge // 2):  # no click at the ends
    x[i] = x[i] * i // (edge // 2)
    x[-1 - i] = x[-1 - i] * i // (edge // 2)
with wave.open(sys.argv[2], 'wb') as w:
    w.setnchannels(1), w.setsampwidth(2), w.setframerate(rate), w.writeframes(x.tobytes())
print(f'{sys.argv[2]}: {len(x) / rate:.2f} s at {rate} Hz')
PYTHON
