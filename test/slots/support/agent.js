#!/usr/bin/env node
// An agent that speaks stream-json and does what its message says, as JSON on its standard input.
const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const { setInterval, clearInterval } = require('node:timers');

const say = (event) => fs.writeSync(1, `${JSON.stringify(event)}\n`);
const { fetch } = globalThis;
const orders = JSON.parse(fs.readFileSync(0, 'utf8').split('\n')[0]);

async function main() {
  say({ type: 'system', subtype: 'init', session_id: 'session-1', args: process.argv.slice(2) });
  if (orders.env) say({ type: 'env', env: process.env, cwd: process.cwd() });
  for (const { url, method = 'GET' } of orders.probe ?? []) {
    const seen = await fetch(url, { method }).then(
      (answer) => answer.status,
      () => 'no answer',
    );
    say({ type: 'probed', url, seen });
  }
  for (const command of orders.run ?? []) {
    const { stdout, stderr } = spawnSync('/bin/sh', ['-c', command], { encoding: 'utf8', timeout: 20_000 });
    say({ type: 'ran', command, out: stdout + stderr });
  }
  for (const [file, text] of Object.entries(orders.write ?? {})) fs.writeFileSync(file, text);
  if (orders.waitFor) {
    say({ type: 'waiting' });
    await new Promise((resolve) => {
      const timer = setInterval(() => {
        if (!fs.existsSync(orders.waitFor)) return;
        clearInterval(timer);
        resolve();
      }, 20);
    });
  }
  fs.writeSync(1, 'no json\n');
  say({ type: 'result', subtype: 'success' });
  process.exitCode = orders.exit ?? 0;
}
main();
