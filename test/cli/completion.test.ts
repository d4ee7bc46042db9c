/** Completion in real shells: bash wherever the tests run, zsh and fish where they are installed. */
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';
import { scriptFor, SHELLS } from '../../src/cli/completion/scripts';
import { placesOf } from '../../src/cli/completion/words';
import { createProgram } from '../../src/cli/program';
import { temporaryFolder } from '../support/folders';

const places = placesOf(createProgram());
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
  for (const shell of SHELLS) writeFileSync(join(folder.path, shell), scriptFor(shell, places));
});
afterAll(() => folder.remove());

/** What bash offers for a line whose last word is under the cursor. */
function offered(line: string): string[] {
  const words = line.split(' ');
  const script = `source ${join(folder.path, 'bash')}
    COMP_WORDS=(${words.map((w) => `'${w}'`).join(' ')}); COMP_CWORD=${words.length - 1}
    _reveille; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return execFileSync('bash', ['--norc', '-c', script], { encoding: 'utf8' })
    .split('\n')
    .filter((w) => w !== '');
}

it.each([
  ['reveille wor', ['workflows']],
  ['reveille runs ', ['show', 'start', 'cancel', 'rerun']],
  ['reveille runs --st', ['--status']],
  ['reveille runs --status f', ['failed']],
  ['reveille --unknown runs c', ['cancel']],
  // The value of an option is no command.
  ['reveille runs --workflow show sta', ['start']],
  ['reveille completion ', ['bash', 'zsh', 'fish']],
  ['reveille audit v', ['verify']],
])('offers after "%s"', (line, words) => {
  expect(offered(line)).toEqual(words);
});

it('knows every command and option of the program', () => {
  for (const shell of SHELLS) {
    const script = scriptFor(shell, places);
    for (const { path } of places) expect(script).toContain(`'${path}'`);
    expect(script).toContain(shell === 'fish' ? '-l idempotency-key' : '--idempotency-key');
  }
});

const installed = SHELLS.filter((shell) => spawnSync(shell, ['--version']).status === 0);

it('is good syntax for every shell of this machine', () => {
  expect(installed).toContain('bash');
  for (const shell of installed) execFileSync(shell, ['-n', join(folder.path, shell)]);
});
