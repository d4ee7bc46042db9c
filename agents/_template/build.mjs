/** Bundles the agent: node then reads one file at boot instead of hundreds. Checking types is `tsc`'s part. */
import { build } from 'esbuild';
import { renameSync } from 'node:fs';
import { join } from 'node:path';

const folder = import.meta.dirname;

/** `dist/index.js` is the agent, `dist/job.js` its job alone, for unit tests. */
for (const name of ['index', 'job']) {
  const outfile = join(folder, `dist/.${name}-${process.pid}.js`);
  await build({
    entryPoints: [join(folder, `src/${name}.ts`)],
    outfile,
    bundle: true,
    platform: 'node',
    target: 'node20',
    // Loaded when REDIS_URL is set. A package that cannot be bundled, such as a native one, goes here as well.
    external: ['bullmq'],
    logLevel: 'warning',
  });
  renameSync(outfile, join(folder, `dist/${name}.js`)); // at once, for an agent that starts just now
}
