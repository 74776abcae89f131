// judge.mjs: what readers that are not ours say of files. Prints one JSON line for each file and reader:
//   {"file", "reader", "state", "codes"}   state: Trusted, Valid, Invalid, None or Throw; codes: the failures
//
//   npm install --ignore-scripts && node judge.mjs [--root ROOTS.pem] [--readers wasm,ts,node] FILE...
//
// Readers (pinned in package.json): c2pa-wasm (c2pa-rs 0.91, the reference), c2pa-ts (an unrelated code base; looks at no
// trust, reads no WAV), c2pa-node (c2pa-rs 0.82, an older generation). Install with --ignore-scripts: c2pa-node's script
// wants the network. LIKENESS_REFEREE names another folder whose node_modules holds them.
import { pathToFileURL } from 'node:url';
import fs from 'node:fs';
import path from 'node:path';

const home = process.env.LIKENESS_REFEREE ?? path.dirname(new URL(import.meta.url).pathname);
const folderOf = (name) => path.join(home, 'node_modules', ...name.split('/').slice(0, 2));
// By hand: the packages export for import alone, which createRequire cannot resolve from another folder.
function fileOf(name) {
  const folder = folderOf(name), about = JSON.parse(fs.readFileSync(path.join(folder, 'package.json'), 'utf8'));
  const entry = about.exports?.[['.', ...name.split('/').slice(2)].join('/')];
  return path.join(folder, entry?.import ?? entry ?? about.module ?? about.main);
}
const load = (name) => import(pathToFileURL(fileOf(name)));

const mimes = { '.jpg': 'image/jpeg', '.jpeg': 'image/jpeg', '.png': 'image/png', '.wav': 'audio/wav', '.mp4': 'video/mp4',
                '.mov': 'video/quicktime', '.m4a': 'audio/mp4' };
export const mimeOf = (file) => mimes[path.extname(file).toLowerCase()];
// documentSigning and C2PA's own usage are not among those that c2pa-rs takes with anchors of the caller's.
const usages = '1.3.6.1.5.5.7.3.4\n1.3.6.1.5.5.7.3.36\n1.3.6.1.4.1.62558.2.1\n';
const settings = (root) => JSON.stringify(root
  ? { trust: { trust_anchors: root, trust_config: usages }, verify: { verify_trust: true } } : {});

function verdictOf(report) {
  const failures = (report.validation_status ?? []).map((s) => s.code);
  return { state: report.validation_state ?? (failures.length ? 'Invalid' : 'Valid'), codes: failures };
}
const thrown = (e) => (/JumbfNotFound|no JUMBF data found/i.test(String(e))
  ? { state: 'None', codes: [] } : { state: 'Throw', codes: [String(e.message ?? e).slice(0, 200)] });

export async function wasmReader(root) {
  const m = await load('@contentauth/c2pa-wasm');
  await m.default({ module_or_path: fs.readFileSync(fileOf('@contentauth/c2pa-wasm/c2pa.wasm')) });
  const config = settings(root);
  return async (bytes, mime) => {
    let reader;
    try {
      reader = await m.WasmReader.fromBytes(mime, new Uint8Array(bytes), config);
      return verdictOf(JSON.parse(reader.json()));
    } catch (e) {
      return thrown(e);
    } finally {
      reader?.free();
    }
  };
}

export async function tsReader() {
  const asset = await load('@trustnxt/c2pa-ts/asset');
  const { SuperBox } = await load('@trustnxt/c2pa-ts/jumbf');
  const { ManifestStore } = await load('@trustnxt/c2pa-ts/manifest');
  asset.BMFF.canReadBrands?.add?.('isom');
  asset.BMFF.canReadBrands?.add?.('qt  ');
  return async (bytes, mime) => {
    try {
      const buffer = new Uint8Array(bytes);
      const kind = [asset.JPEG, asset.PNG, asset.BMFF].find((k) => k.canRead(buffer));
      if (!kind) return { state: 'Unread', codes: [] };
      const file = new kind(buffer);
      const jumbf = file.getManifestJUMBF();
      if (!jumbf) return { state: 'None', codes: [] };
      const store = ManifestStore.read(SuperBox.fromBuffer(jumbf));
      const result = await store.validate(file);
      const failures = result.statusEntries.filter((s) => !s.success).map((s) => s.code);
      return { state: result.isValid ? 'Valid' : 'Invalid', codes: failures };
    } catch (e) {
      return thrown(e);
    }
  };
}

export async function nodeReader(root) {
  const m = await load('@contentauth/c2pa-node');
  return async (bytes, mime) => {
    try {
      const reader = await m.Reader.fromAsset({ buffer: Buffer.from(bytes), mimeType: mime }, JSON.parse(settings(root)));
      if (!reader) return { state: 'None', codes: [] };
      const json = reader.json();
      return verdictOf(typeof json === 'string' ? JSON.parse(json) : json);
    } catch (e) {
      return thrown(e);
    }
  };
}

const makers = { wasm: wasmReader, ts: tsReader, node: nodeReader };

if (process.argv[1] === new URL(import.meta.url).pathname) {
  const files = [];
  let root, names = Object.keys(makers);
  for (let i = 2; i < process.argv.length; i++) {
    if (process.argv[i] === '--root') root = fs.readFileSync(process.argv[++i], 'utf8');
    else if (process.argv[i] === '--readers') names = process.argv[++i].split(',');
    else files.push(process.argv[i]);
  }
  const readers = [];
  for (const name of names) readers.push([name, await makers[name](root)]);
  for (const file of files) {
    const bytes = fs.readFileSync(file);
    for (const [reader, judge] of readers)
      console.log(JSON.stringify({ file, reader, ...await judge(bytes, mimeOf(file)) }));
  }
}
