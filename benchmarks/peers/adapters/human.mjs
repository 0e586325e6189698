// @vladmandic/human from npm: faces and emotions, nothing else.
// Option `every_frame`: no result is reused.
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { modules, openBackend, options, require, serve, version } from './serve.mjs';

const SIDE = 160; // of a face crop, in the picture
const [HEIGHT, WIDTH] = [480, 640];

const backend = openBackend();
// Node's own fetch takes no file: addresses, and the WebAssembly build reads its models by it.
const plain = globalThis.fetch;
globalThis.fetch = (address, init) => (String(address).startsWith('file:')
  ? Promise.resolve(new Response(fs.readFileSync(new URL(address))))
  : plain(address, init));
const { Human } = require(path.join(modules, '@vladmandic/human/dist/human.node-wasm.js'));
const off = { enabled: false };
// 0 reuses nothing; 0.7 is its default.
const reuse = options.includes('every_frame') ? 0 : 0.7;
const human = new Human({
  backend: backend.name,
  wasmPath: backend.path,
  modelBasePath: pathToFileURL(path.join(modules, '@vladmandic/human/models') + path.sep).href,
  debug: false,
  cacheSensitivity: reuse,
  face: {
    detector: { maxDetected: 10 }, emotion: { enabled: true },
    iris: off, description: off, antispoof: off, liveness: off,
  },
  body: off, hand: off, object: off, gesture: off, segmentation: off,
});
await human.load();
// It says nothing where a model is missing.
const loaded = human.models.loaded();
if (!loaded.includes('emotion') || !loaded.includes('blazeface')) throw new Error(`models did not load: has only ${loaded}`);
const { tf } = human;

async function frame(tensor, sensitivity = reuse) {
  human.config.cacheSensitivity = sensitivity;
  const result = await human.detect(tensor);
  if (result.error) throw new Error(result.error);
  return result.face.filter((face) => face.emotion?.length).map((face) => face.emotion[0].emotion);
}

await serve({
  labels: ['angry', 'disgust', 'fear', 'happy', 'sad', 'surprise', 'neutral'],
  versions: {
    '@vladmandic/human': version('@vladmandic/human'),
    [backend.package]: version(backend.package),
  },
  backend: backend.text,
  prepare: (rgb, height, width, isFace) => tf.tidy(() => {
    const picture = tf.tensor3d(new Int32Array(rgb), [height, width, 3], 'int32');
    if (!isFace) return picture;
    const large = tf.cast(tf.round(tf.image.resizeBilinear(picture, [SIDE, SIDE])), 'int32');
    const [top, left] = [(HEIGHT - SIDE) / 2, (WIDTH - SIDE) / 2];
    return tf.pad(large, [[top, top], [left, left], [0, 0]], 128);
  }),
  free: (tensor) => tf.dispose(tensor),
  frame: (tensor) => frame(tensor),
  face: async (tensor) => (await frame(tensor, 0)).slice(0, 1), // no two faces are of one person
});
