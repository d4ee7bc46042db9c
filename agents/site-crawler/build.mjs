/** Bundles the agent: node then reads one file at boot instead of hundreds. Checking types is `tsc`'s part. */
import { build } from 'esbuild';
import { renameSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';

const folder = import.meta.dirname;
/** Loaded when REDIS_URL is set. A package that cannot be bundled, such as a native one, goes here as well. */
const external = ['bullmq'];
/** Packages that the code imports only when it needs them, `await import('…')`, and the files they become. */
const later = new Map();

/** Each of them is a file of its own: an agent that waits for work does not even read it. */
const apart = {
  name: 'apart',
  setup: ({ onResolve }) =>
    onResolve({ filter: /^[^./]/ }, ({ path, kind }) => {
      if (kind !== 'dynamic-import' || isBuiltin(path) || external.includes(path)) return undefined;
      later.set(path, `${path.replace(/\W+/g, '-').replace(/^-/, '')}.mjs`);
      return { path: `./${later.get(path)}`, external: true };
    }),
};

async function bundle(entry, name, options) {
  const temporary = join(folder, `dist/.${process.pid}-${name}`);
  await build({
    entryPoints: [entry],
    outfile: temporary,
    absWorkingDir: folder,
    bundle: true,
    platform: 'node',
    target: 'node20',
    external,
    logLevel: 'warning',
    // Costs no boot time: `reveille agent dev` reads it, and a node that is started with --enable-source-maps.
    sourcemap: 'external',
    sourcesContent: false,
    footer: { js: `//# sourceMappingURL=${name}.map` },
    ...options,
  });
  // At once, for an agent that starts just now.
  for (const end of ['.map', '']) renameSync(temporary + end, join(folder, 'dist', name + end));
}

/** `dist/index.js` is the agent, `dist/job.js` its job alone, for unit tests. */
for (const name of ['index', 'job']) await bundle(`./src/${name}.ts`, `${name}.js`, { plugins: [apart] });
/** Some packages ask for Node's own modules as CommonJS does. */
const require =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";
for (const [name, file] of later) await bundle(name, file, { format: 'esm', banner: { js: require } });
