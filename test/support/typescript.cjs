/**
 * Lets a process that a test starts load our TypeScript: `node --require test/support/typescript.cjs file.ts`.
 * By the compiler that Jest has here, and each file once a run: an orchestrator starts in half the processor
 * time that the loader for developers takes, which looks into every file of every package.
 */
const { createHash, randomUUID } = require('node:crypto');
const { mkdirSync, readFileSync, renameSync, statSync, writeFileSync } = require('node:fs');
const Module = require('node:module');
const { dirname, join } = require('node:path');
const process = require('node:process');

/** See run-folder.ts; outside of Jest nothing is kept. */
const runFolder = process.env.TEST_RUN_FOLDER;

require.extensions['.ts'] = (module, file) => module._compile(compiled(file), file);

// `import('./x.js')` is how a module of ours is named where it is loaded late, whatever its file is called.
const resolve = Module._resolveFilename;
Module._resolveFilename = function (request, parent, ...rest) {
  const ours = /^\.{1,2}\/.*\.js$/.test(request) && parent?.filename?.endsWith('.ts');
  if (!ours) return resolve.call(this, request, parent, ...rest);
  try {
    return resolve.call(this, request.replace(/\.js$/, '.ts'), parent, ...rest);
  } catch (error) {
    if (error.code !== 'MODULE_NOT_FOUND') throw error;
    return resolve.call(this, request, parent, ...rest);
  }
};

function compiled(file) {
  if (runFolder === undefined) return compile(file);
  const { mtimeMs, size } = statSync(file);
  const key = createHash('sha1').update(`${file} ${mtimeMs} ${size}`).digest('hex');
  const kept = join(runFolder, 'compiled', `${key}.js`);
  try {
    return readFileSync(kept, 'utf8');
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  const code = compile(file);
  // Complete or not there: others read it at the same time.
  const draft = `${kept}.${randomUUID()}`;
  mkdirSync(dirname(kept), { recursive: true });
  writeFileSync(draft, code);
  renameSync(draft, kept);
  return code;
}

function compile(file) {
  const { transformSync } = require('@swc/core');
  return transformSync(readFileSync(file, 'utf8'), {
    filename: file,
    configFile: false,
    swcrc: false,
    jsc: { parser: { syntax: 'typescript' }, target: 'es2023' },
    module: { type: 'commonjs' },
    sourceMaps: 'inline',
  }).code;
}
