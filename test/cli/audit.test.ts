/** `reveille audit` as a person types it. */
import { readFile, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { checkpointSigner, readPrivateKey } from '../../src/domain/ledger/checkpoint';
import { committed } from '../contracts/store-fixtures';
import { entryOf } from '../audit/world';
import { startApi, type Api } from '../http/support/api';
import { temporaryFolder } from '../support/folders';
import { useProcesses } from '../support/processes';

const CLI = resolve(__dirname, '../../dist/cli/index.js');
const processes = useProcesses();
let api: Api;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  [api, folder] = await Promise.all([startApi(), temporaryFolder()]);
  await committed(api.store, { at: 1, ledger: Array.from({ length: 150 }, (_, i) => entryOf(i + 1)) });
});
afterAll(async () => {
  await api.close();
  await folder.remove();
});

async function audit(...args: string[]): Promise<{ code: number | null; text: string }> {
  const env = { NO_COLOR: '1', REVEILLE_URL: `http://localhost:${api.port}`, REVEILLE_API_KEY: undefined };
  const child = await processes.start(process.execPath, [CLI, 'audit', ...args], { env });
  const { code } = await child.exited;
  return { code, text: child.output() };
}
const at = (name: string) => join(folder.path, name);

it('makes keys, signs with them, and finds what was rewritten, over the API and in an export', async () => {
  const made = await audit('keygen', '--out', folder.path);
  const [, keyId = ''] = /^key ([0-9a-f]{16})$/m.exec(made.text) ?? [];
  const secret = await readFile(at(`audit-${keyId}.private.pem`), 'utf8');
  expect(made.text).not.toContain(secret.split('\n')[1]);
  const key = readPrivateKey(secret);
  if (!key) throw new Error('the key cannot be read');
  const rows = await api.store.ledgerRows(0, 1_000);
  const lines = rows.slice(0, 140).map((row) => JSON.stringify(checkpointSigner(key).sign(row, 5)));
  await writeFile(at('good.jsonl'), `${lines.join('\n')}\n`);
  const other = checkpointSigner(key).sign({ seq: 90, hash: 'e'.repeat(64) }, 5);
  await writeFile(at('other.jsonl'), `${lines[9]}\n${JSON.stringify(other)}\n`);
  const publicKey = ['--public-key', at(`audit-${keyId}.public.pem`)];

  const good = await audit('verify', '--checkpoints', at('good.jsonl'), ...publicKey);
  expect(good).toMatchObject({
    code: 0,
    text: expect.stringMatching(/chain is whole\n140 signed checkpoints agree/) as string,
  });
  expect((await audit('export', '--out', at('ledger.jsonl'))).code).toBe(0);
  const offline = ['verify', '--from-export', at('ledger.jsonl'), ...publicKey];
  for (const args of [['verify', ...publicKey], offline]) {
    const bad = await audit(...args, '--checkpoints', at('other.jsonl'), '--json');
    expect(bad.code).toBe(1);
    expect(JSON.parse(bad.text)).toMatchObject({
      ok: false,
      findings: [{ kind: 'rewritten', seq: 11, lastSeq: 90 }],
    });
  }
  const edited = (await readFile(at('ledger.jsonl'), 'utf8')).replace('"n":77', '"n":78');
  await writeFile(at('ledger.jsonl'), edited);
  const found = await audit(...offline);
  expect(found).toMatchObject({
    code: 1,
    text: expect.stringMatching(/^edited +entry \d+ does not match/) as string,
  });
  expect(found.text).toContain('NOT what was written');
});

it('shows who did what, newest first', async () => {
  const { code, text } = await audit('search', '--actor', 'key:abc', '--limit', '3');
  expect(code).toBe(0);
  expect(text).toMatch(
    /^entry +time \(UTC\) +who +what +which +change, and why\n\d+ .* key:abc +run\.start .* n: 150\n/,
  );
  expect(text.trimEnd().split('\n')).toHaveLength(4);
  expect((await audit('search', '--id', 'nobody')).text).toBe('nothing in the ledger fits\n');
});

it('says what is wrong with what it is given', async () => {
  await writeFile(at('none.jsonl'), 'nothing\n');
  const none = await audit('verify', '--from-export', at('none.jsonl'));
  expect(none).toMatchObject({
    code: 1,
    text: expect.stringContaining('none.jsonl:1 is no line of an export.') as string,
  });
  const keyless = await audit('verify', '--checkpoints', at('none.jsonl'));
  expect(keyless).toMatchObject({ code: 2, text: expect.stringContaining('--public-key <file>') as string });
});
