// check.mjs: signs small files of every format and has readers that are not ours judge them; then the forged ones of
// tests/c2pa/test_rules.c and test_schema.c: where we say valid, c2pa-wasm must too. `meson test --suite referee` runs it.
//
//   npm install --ignore-scripts && node check.mjs C2PA_SAMPLES TEST_C2PA_RULES TEST_C2PA_SCHEMA
//
// Exit status 0 all agree, 1 not, 77 (skipped) without the readers (npm install, or LIKENESS_REFEREE) or ffmpeg.
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const skip = (why) => { console.log(`skipped: ${why}`); process.exit(77); };
const home = process.env.LIKENESS_REFEREE ?? path.dirname(new URL(import.meta.url).pathname);
if (!fs.existsSync(path.join(home, 'node_modules', '@contentauth', 'c2pa-wasm'))) skip(`no readers in ${home}: npm install --ignore-scripts`);
if (spawnSync('ffmpeg', ['-version']).error) skip('no ffmpeg to make files with');
const { wasmReader, tsReader, nodeReader, mimeOf } = await import('./judge.mjs');
const [samples, ...forgers] = process.argv.slice(2);

const work = fs.mkdtempSync(path.join(os.tmpdir(), 'lk-referee-'));
const [plain, signed, forged] = ['plain', 'signed', 'forged'].map((n) => path.join(work, n));
for (const d of [plain, signed, forged]) fs.mkdirSync(d);
const make = (name, ...args) => execFileSync('ffmpeg', ['-v', 'error', '-y', ...args, path.join(plain, name)]);
const picture = ['-f', 'lavfi', '-i', 'testsrc=size=160x120:rate=10'], sound = ['-f', 'lavfi', '-i', 'sine=440'];
const clip = [...picture, ...sound, '-t', '1', '-c:v', 'mpeg4', '-c:a', 'aac'];
make('still.jpg', ...picture, '-frames:v', '1');
make('progressive.png', ...picture, '-frames:v', '1');
make('odd.wav', ...sound, '-t', '0.5', '-c:a', 'pcm_u8', '-ar', '11025');
make('last.mp4', ...clip);
make('first.mp4', ...clip, '-movflags', '+faststart');
make('clip.mov', ...clip);
make('sound.m4a', ...sound, '-t', '1', '-c:a', 'aac');

let wrong = 0;
const complain = (text) => { wrong++; console.log(`not ok: ${text}`); };
const listed = (folder) => fs.readdirSync(folder).filter((f) => mimeOf(f)).map((f) => path.join(folder, f));
const root = (folder) => fs.readFileSync(path.join(folder, 'root.pem'), 'utf8');

// --- what we sign ------------------------------------------------------------------------------------------------
execFileSync(samples, [plain, signed]);
const readers = { wasm: await wasmReader(root(signed)), ts: await tsReader() };
try { readers.node = await nodeReader(root(signed)); } catch (e) { console.log(`c2pa-node does not run here: ${e.message.split('\n')[0]}`); }
const counts = {};
for (const file of listed(signed)) {
  for (const [name, judge] of Object.entries(readers)) {
    const { state, codes } = await judge(fs.readFileSync(file), mimeOf(file));
    // c2pa-ts knows no WAV, judges no trust, and wants whole responses as time stamps.
    const known = name === 'ts' && (state === 'Unread' || file.includes('.stamped.'));
    counts[`${name} ${state}`] = (counts[`${name} ${state}`] ?? 0) + 1;
    if (!known && state !== (name === 'ts' ? 'Valid' : 'Trusted')) complain(`${path.basename(file)}: ${name} says ${state} ${codes}`);
  }
}
console.log(`${listed(signed).length} signed files:`, counts);

// --- what is forged -------------------------------------------------------------------------------------------------
for (const forger of forgers) {
  const rows = execFileSync(forger, ['--write', forged], { encoding: 'utf8' }).trim().split('\n').map((l) => l.split(' '));
  const judge = await wasmReader(root(forged));
  const relations = {};
  for (const [file, ours] of rows) {
    const { state, codes } = await judge(fs.readFileSync(file), 'image/png');
    const good = ours !== 'invalid', theirs = state === 'Valid' || state === 'Trusted';
    const relation = good === theirs ? 'same' : good ? 'LOOSER' : 'stricter';
    relations[relation] = (relations[relation] ?? 0) + 1;
    if (relation === 'LOOSER') complain(`${path.basename(file)}: we say ${ours}, c2pa-wasm ${state} ${codes}`);
  }
  console.log(`${rows.length} forged files of ${path.basename(forger)}:`, relations);
}
fs.rmSync(work, { recursive: true });
process.exit(wrong ? 1 : 0);
