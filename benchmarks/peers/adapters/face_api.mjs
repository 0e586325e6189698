// @vladmandic/face-api from npm: its default detector, and expressions.
import path from 'node:path';
import { modules, openBackend, require, serve, version } from './serve.mjs';

const backend = openBackend();
const tf = require('@tensorflow/tfjs');
const faceapi = require(path.join(modules, '@vladmandic/face-api/dist/face-api.node-wasm.js'));
await tf.setBackend(backend.name);
await tf.ready();
const weights = path.join(modules, '@vladmandic/face-api/model');
await faceapi.nets.ssdMobilenetv1.loadFromDisk(weights);
await faceapi.nets.faceExpressionNet.loadFromDisk(weights);

const best = (expressions) => expressions.asSortedArray()[0].expression;

await serve({
  labels: ['neutral', 'happy', 'sad', 'angry', 'fearful', 'disgusted', 'surprised'],
  versions: {
    '@vladmandic/face-api': version('@vladmandic/face-api'),
    [backend.package]: version(backend.package),
  },
  backend: backend.text,
  prepare: (rgb, height, width) => tf.tensor3d(new Int32Array(rgb), [height, width, 3], 'int32'),
  free: (tensor) => tf.dispose(tensor),
  frame: async (tensor) => {
    const found = await faceapi.detectAllFaces(tensor, new faceapi.SsdMobilenetv1Options()).withFaceExpressions();
    return found.map((face) => best(face.expressions));
  },
  face: async (tensor) => [best(await faceapi.nets.faceExpressionNet.predictExpressions(tensor))],
});
