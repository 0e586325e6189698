// The protocol's end in a Node.js adapter: requests on standard input, JSON lines on standard output.
import fs from 'node:fs';
import path from 'node:path';
import readline from 'node:readline';
import { createRequire } from 'node:module';

const [folder, environment] = process.argv.slice(2);
export const options = process.argv.slice(4);
export const modules = path.join(environment, 'node_modules');
export const require = createRequire(path.join(environment, 'package.json'));

// What the libraries print must not come between the answers.
console.log = console.info = console.debug = console.error;

export function version(name) {
  return JSON.parse(fs.readFileSync(path.join(modules, name, 'package.json'))).version;
}

// TensorFlow.js on WebAssembly: tfjs-node is faster, but no lock could pin its library.
export function openBackend() {
  const wasm = require('@tensorflow/tfjs-backend-wasm');
  const dist = path.join(modules, '@tensorflow/tfjs-backend-wasm', 'dist') + path.sep;
  wasm.setWasmPaths(dist);
  return { name: 'wasm', text: 'WebAssembly', package: '@tensorflow/tfjs-backend-wasm', path: dist };
}

// adapter: { labels, versions, backend, prepare(rgb, height, width, isFace), frame(tensor), face(tensor), free(tensor) }
export async function serve(adapter) {
  const material = JSON.parse(fs.readFileSync(path.join(folder, 'material.json')));
  const answer = (content) => fs.writeSync(1, JSON.stringify(content) + '\n');

  function read(clip, index) {
    const size = clip.height * clip.width * 3;
    const bytes = Buffer.alloc(size);
    const file = fs.openSync(path.join(folder, clip.file));
    fs.readSync(file, bytes, 0, size, index * size);
    fs.closeSync(file);
    for (let i = 0; i < size; i += 3) [bytes[i], bytes[i + 2]] = [bytes[i + 2], bytes[i]]; // BGR -> RGB
    return bytes;
  }

  answer({
    ready: true, frames: true, labels: adapter.labels, backend: adapter.backend,
    versions: { ...adapter.versions, node: process.version.slice(1) },
  });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const request = JSON.parse(line);
    const end = performance.now() + 1e3 * request.limit_s;
    const isFrames = request.do === 'frames';
    const clip = isFrames ? material.clips[request.clip] : material.faces;
    const first = isFrames ? 0 : request.first;
    for (let index = first; index < first + request.count; index++) {
      const input = adapter.prepare(read(clip, index), clip.height, clip.width, !isFrames);
      const start = performance.now();
      const labels = await (isFrames ? adapter.frame(input) : adapter.face(input));
      const now = performance.now();
      adapter.free(input);
      answer({ index, ms: now - start, labels });
      if (now > end) break;
    }
    answer({ done: true });
  }
  process.exit(0); // worker threads would keep it
}
