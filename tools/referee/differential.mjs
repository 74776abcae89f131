// differential.mjs: changes signed files at random and compares our verdict with c2pa-wasm's. We may be stricter, never
// looser: "ours valid, theirs not" (or "ours trusted, theirs only valid") ends with exit status 1.
//
//   node differential.mjs --judge BUILD/tests/c2pa/c2pa_judge --root ROOTS.pem [--count 10000] [--seed 1] FILE...
//
// Prints every class of disagreement with its number and one example, which --keep FOLDER keeps.
import { spawn } from 'node:child_process';
import readline from 'node:readline';
import zlib from 'node:zlib';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { wasmReader, mimeOf } from './judge.mjs';

// --- arguments --------------------------------------------------------------------------------------------
const files = [], options = { count: '10000', seed: '1' };
for (let i = 2; i < process.argv.length; i++) {
  if (process.argv[i].startsWith('--')) options[process.argv[i].slice(2)] = process.argv[++i];
  else files.push(process.argv[i]);
}
const folder = fs.mkdtempSync(path.join(fs.existsSync('/dev/shm') ? '/dev/shm' : os.tmpdir(), 'lk-differential-'));

// --- random numbers (splitmix32, Steele et al. 2014, cut to 32 bits) -------------------------------------------
let state = Number(options.seed) >>> 0;
function draw(below) {
  state = (state + 0x9e3779b9) >>> 0;
  let z = state;
  z = Math.imul(z ^ (z >>> 16), 0x85ebca6b) >>> 0;
  z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35) >>> 0;
  return ((z ^ (z >>> 16)) >>> 0) % below;
}
const pick = (list) => list[draw(list.length)];

// --- what there is to change ---------------------------------------------------------------------------------
// Boxes of the manifest store, found by their types wherever they stand (JPEG may cut a store into segments).
function storeBoxes(b) {
  const found = [];
  const types = ['jumb', 'jumd', 'cbor', 'json', 'c2sh', 'bfdb', 'bidb'];
  for (const t of types)
    for (let i = b.indexOf(t); i >= 4; i = b.indexOf(t, i + 1)) {
      const size = b.readUInt32BE(i - 4);
      if (size >= 8 && i - 4 + size <= b.length) found.push({ at: i - 4, size, type: t });
    }
  return found;
}
const jpegParts = (b) => {
  const parts = [];
  for (let i = 2; i + 4 <= b.length && b[i] === 0xff && b[i + 1] !== 0xda;) {
    const size = 2 + b.readUInt16BE(i + 2);
    parts.push({ at: i, size });
    i += size;
  }
  return parts;
};
const pngParts = (b) => {
  const parts = [];
  for (let i = 8; i + 12 <= b.length;) {
    const size = 12 + b.readUInt32BE(i);
    parts.push({ at: i, size });
    i += size;
  }
  return parts;
};
const riffParts = (b) => {
  const parts = [];
  for (let i = 12; i + 8 <= b.length;) {
    const n = b.readUInt32LE(i + 4), size = 8 + n + (n & 1);
    parts.push({ at: i, size });
    i += size;
  }
  return parts;
};
const bmffParts = (b) => {
  const parts = [];
  for (let i = 0; i + 8 <= b.length;) {
    const size = b.readUInt32BE(i);
    if (size < 8) break;
    parts.push({ at: i, size });
    i += size;
  }
  return parts;
};
const kinds = { 'image/jpeg': jpegParts, 'image/png': pngParts, 'audio/wav': riffParts };
const partsOf = (b, mime) => (kinds[mime] ?? bmffParts)(b).filter((p) => p.at + p.size <= b.length);
const cut = (b, at, n) => Buffer.concat([b.subarray(0, at), b.subarray(at + n)]);
const insert = (b, at, x) => Buffer.concat([b.subarray(0, at), x, b.subarray(at)]);
const random = (n) => Buffer.from(Array.from({ length: n }, () => draw(256)));

function swap(b, x, y) { // two pieces that do not overlap trade places
  if (x.at > y.at) [x, y] = [y, x];
  if (x.at + x.size > y.at) return null;
  return Buffer.concat([b.subarray(0, x.at), b.subarray(y.at, y.at + y.size), b.subarray(x.at + x.size, y.at),
                        b.subarray(x.at, x.at + x.size), b.subarray(y.at + y.size)]);
}

// PNG readers may look at checksums; with them mended, changes get as far as the store.
function mendPng(b) {
  for (const p of pngParts(b))
    if (p.at + p.size <= b.length) b.writeUInt32BE(zlib.crc32 ? zlib.crc32(b.subarray(p.at + 4, p.at + p.size - 4)) : crc32(b.subarray(p.at + 4, p.at + p.size - 4)), p.at + p.size - 4);
  return b;
}
const table = Array.from({ length: 256 }, (_, n) => { for (let k = 0; k < 8; k++) n = n & 1 ? (n >>> 1) ^ 0xedb88320 : n >>> 1; return n >>> 0; });
function crc32(b) {
  let c = 0xffffffff;
  for (const v of b) c = table[(c ^ v) & 255] ^ (c >>> 8);
  return (c ^ 0xffffffff) >>> 0;
}

const somewhere = (b, boxes) => { // mostly inside the store, and mostly near the heads of its boxes
  if (!boxes.length || draw(4) === 0) return draw(b.length);
  const x = pick(boxes);
  return x.at + draw(draw(2) ? Math.min(x.size, 64) : x.size);
};
const changes = {
  bit(b, boxes) { b[somewhere(b, boxes)] ^= 1 << draw(8); return b; },
  bits(b, boxes) { for (let k = 2 + draw(4); k > 0; k--) b[somewhere(b, boxes)] ^= 1 << draw(8); return b; },
  byte(b, boxes) { b[somewhere(b, boxes)] = pick([0, 1, 0x18, 0x40, 0x7f, 0x80, 0xa0, 0xf6, 0xff, draw(256)]); return b; },
  hole(b, boxes) { const at = somewhere(b, boxes); b.fill(pick([0, 0xff, 0x20]), at, at + 1 + draw(16)); return b; },
  end(b) { return b.subarray(0, draw(b.length)); },
  tail(b) { return insert(b, b.length, draw(2) ? Buffer.alloc(1 + draw(32)) : random(1 + draw(32))); },
  drop(b, boxes) { return cut(b, somewhere(b, boxes), 1 + draw(16)); },
  grow(b, boxes) { return insert(b, somewhere(b, boxes), draw(2) ? Buffer.alloc(1 + draw(16)) : random(1 + draw(16))); },
  length(b, boxes) { // the size of a box lies
    if (!boxes.length) return null;
    const x = pick(boxes), old = b.readUInt32BE(x.at);
    b.writeUInt32BE(pick([0, 1, 7, 8, old - 1, old + 1, old + 8, old - 8, draw(2 ** 16), 0xffffffff, 0x80000000]) >>> 0, x.at);
    return b;
  },
  boxSwap(b, boxes) { const jumb = boxes.filter((x) => x.type === 'jumb'); return jumb.length < 2 ? null : swap(b, pick(jumb), pick(jumb)); },
  boxCopy(b, boxes) { // one box over another of its size
    const x = pick(boxes), same = boxes.filter((y) => y.at !== x.at && y.size === x.size);
    if (!same.length) return null;
    b.copy(b, x.at, ...((y) => [y.at, y.at + y.size])(pick(same)));
    return b;
  },
  boxType(b, boxes) { const x = pick(boxes); b.write(pick(['jumb', 'jumd', 'cbor', 'json', 'free', 'uuid', 'c2sh']), x.at + 4, 'latin1'); return b; },
  label(b, boxes) { // a letter of a label or an address
    const at = b.indexOf(pick(['c2pa', 'urn:', 'self#', 'claim', 'assert', 'hash', 'alg', 'url', 'pad']), somewhere(b, boxes));
    if (at < 0) return null;
    b[at + draw(12)] = 0x61 + draw(26);
    return b;
  },
  number(b, boxes) { // a field of the container: any four bytes as a number, a little more or less
    const at = Math.min(somewhere(b, boxes), b.length - 4);
    b.writeUInt32BE((b.readUInt32BE(at) + pick([-256, -8, -1, 1, 8, 256])) >>> 0, at);
    return b;
  },
  partSwap(b, boxes, mime) { const p = partsOf(b, mime); return p.length < 2 ? null : swap(b, pick(p), pick(p)); },
  partDrop(b, boxes, mime) { const p = partsOf(b, mime); return p.length ? cut(b, ...((x) => [x.at, x.size])(pick(p))) : null; },
  partTwice(b, boxes, mime) {
    const p = partsOf(b, mime);
    if (!p.length) return null;
    const x = pick(p), to = pick(p);
    return insert(b, to.at, Buffer.from(b.subarray(x.at, x.at + x.size)));
  },
  partNew(b, boxes, mime) { // a piece that was not there
    const p = partsOf(b, mime), n = 8 + draw(24), piece = Buffer.alloc(n + 12);
    if (!p.length) return null;
    if (mime === 'image/jpeg') { piece[0] = 0xff; piece[1] = 0xe2 + draw(13); piece.writeUInt16BE(n + 10, 2); }
    else if (mime === 'image/png') { piece.writeUInt32BE(n, 0); piece.write('tEXt', 4); }
    else if (mime === 'audio/wav') { piece.write('LIST', 0); piece.writeUInt32LE(n + 4, 4); }
    else { piece.writeUInt32BE(n + 12, 0); piece.write(pick(['free', 'skip', 'uuid', 'wide']), 4); }
    return insert(b, pick(p).at, piece);
  },
};

// --- both judges -----------------------------------------------------------------------------------------------
const ours = spawn(options.judge, options.root ? ['-r', options.root] : [], { stdio: ['pipe', 'pipe', 'inherit'] });
const lines = readline.createInterface({ input: ours.stdout })[Symbol.asyncIterator]();
ours.on('exit', (code, signal) => { if (signal || code) { console.error(`our judge died: ${signal ?? code}`); process.exit(1); } });
const theirs = await wasmReader(options.root ? fs.readFileSync(options.root, 'utf8') : undefined);
async function ask(bytes, ext) {
  const name = path.join(folder, 'mutant' + ext);
  fs.writeFileSync(name, bytes);
  ours.stdin.write(name + '\n');
  const [line, other] = await Promise.all([lines.next(), theirs(bytes, mimeOf(name))]);
  const [verdict, ...codes] = line.value.split(' ');
  return { verdict, codes, other };
}
const rank = { trusted: 2, Trusted: 2, valid: 1, Valid: 1 };

const seeds = files.map((f) => ({ name: path.basename(f), ext: path.extname(f), mime: mimeOf(f), bytes: fs.readFileSync(f) }));
for (const s of seeds) s.boxes = storeBoxes(s.bytes);
const classes = new Map(), totals = {};
let looser = 0, tried = 0;
const started = Date.now();
while (tried < Number(options.count)) {
  const seed = pick(seeds), how = pick(Object.keys(changes));
  let bytes;
  try { bytes = changes[how](Buffer.from(seed.bytes), seed.boxes, seed.mime); } catch { continue; }
  if (!bytes || bytes.equals(seed.bytes)) continue;
  if (seed.mime === 'image/png' && draw(2)) try { mendPng(bytes); } catch { /* no longer in chunks */ }
  if (bytes.equals(seed.bytes)) continue;
  tried++;
  if (tried % 5000 === 0) console.error(`${tried} changed files, ${looser} looser`);
  const { verdict, codes, other } = await ask(bytes, seed.ext);
  const a = rank[verdict] ?? 0, b = rank[other.state] ?? 0;
  const relation = a > b ? 'LOOSER' : a < b ? 'stricter' : 'same';
  totals[relation] = (totals[relation] ?? 0) + 1;
  if (relation === 'same') {
    const both = a ? 'same, both valid' : 'same, both not';
    totals[both] = (totals[both] ?? 0) + 1;
    if (!a) continue;
  }
  looser += relation === 'LOOSER';
  const key = `${relation}: ${seed.ext} ${how}: ours ${verdict} ${[...new Set(codes)].slice(0, 2).join(' ')} | theirs ${other.state} ${[...new Set(other.codes)].slice(0, 2).join(' ')}`;
  const known = classes.get(key);
  if (known) { known.count++; continue; }
  classes.set(key, { count: 1, example: seed.name });
  if (options.keep && relation !== 'same') fs.writeFileSync(path.join(options.keep, `${classes.size}-${relation}-${how}-${seed.name}`), bytes);
}
const seconds = (Date.now() - started) / 1000;
ours.stdin.end();
fs.rmSync(folder, { recursive: true });
for (const [key, { count, example }] of [...classes].sort()) console.log(`${String(count).padStart(6)}  ${key}  (${example})`);
console.log(JSON.stringify({ mutants: tried, seconds: Math.round(seconds), perMinute: Math.round(tried / seconds * 60), ...totals }));
process.exit(looser ? 1 : 0);
