#!/usr/bin/env python3
"""embed_wav.py NAME IN.wav OUT.c: the samples of a 16-bit mono WAV as a C array, for sounds that must never be missing."""
import array
import sys
import wave

name, source, out = sys.argv[1:]
with wave.open(source) as w:
    if w.getsampwidth() != 2 or w.getnchannels() != 1:
        sys.exit(f'{source}: 16-bit mono is wanted')
    rate, x = w.getframerate(), array.array('h', w.readframes(w.getnframes()))
if sys.byteorder == 'big':
    x.byteswap()
with open(out, 'w') as f:
    f.write(f'/* Written by embed_wav.py. */\n#include "mark/notice_data.h"\n\n'
            f'const int {name}_rate = {rate}, {name}_samples = {len(x)};\nconst int16_t {name}[{len(x)}] = {{\n')
    for i in range(0, len(x), 20):
        f.write(','.join(str(v) for v in x[i:i + 20]) + ',\n')
    f.write('};\n')
