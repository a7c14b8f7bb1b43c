// Compares the scores of the module with those of the native run: `node run.mjs MODULE SCORE SCORE`.
import { readFile } from "node:fs/promises";

const [path, ...native] = process.argv.slice(2);
const { instance } = await WebAssembly.instantiate(await readFile(path), {});
native.map(Number).forEach((expected, place) => {
  const found = instance.exports.score(place);
  console.log(`score ${place}: ${found} in WebAssembly, ${expected} natively`);
  // Logarithms and sums of products differ in their last bits.
  if (!(Math.abs(found - expected) < 1e-3)) {
    process.exitCode = 1;
  }
});
