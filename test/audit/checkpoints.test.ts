/** Signed checkpoints: what they prove, when they are made, and what happens when nobody takes them. */
import { appendFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createPublicKey } from 'node:crypto';
import pino from 'pino';
import { Secret } from '../../src/config/secret';
import {
  checkpointSigner,
  compareCheckpoints,
  generateCheckpointKeys,
  readPrivateKey,
  readPublicKey,
  vouch,
  type Checkpoint,
} from '../../src/domain/ledger/checkpoint';
import type { NewAlert } from '../../src/domain/alert';
import { Checkpoints, type CheckpointTarget } from '../../src/engine/audit/checkpoints';
import { openCheckpoints } from '../../src/engine/audit/open';
import { fileTarget, objectTarget, webhookTarget } from '../../src/engine/audit/targets';
import { Tasks } from '../../src/engine/tasks';
import { createMemoryStore } from '../../src/store/memory';
import { committed } from '../contracts/store-fixtures';
import { ManualClock, START } from '../http/support/clock';
import { temporaryFolder } from '../support/folders';
import { startWebhookReceiver } from '../support/webhook-receiver';
import { entryOf, ledgerOf } from './world';

const keys = generateCheckpointKeys();
const privateKey = readPrivateKey(keys.privateKey);
if (!privateKey) throw new Error('the key cannot be read');
const signer = checkpointSigner(privateKey);
const publicKey = createPublicKey(keys.publicKey);

describe('a checkpoint', () => {
  const ledger = ledgerOf(30);
  const at = (seq: number) => signer.sign({ seq, hash: ledger[seq - 1]?.hash ?? '' }, START);
  const hashes = new Map(ledger.map(({ seq, hash }) => [seq, hash]));

  it('is good under the key that signed it, whichever way that is written', () => {
    expect(signer.keyId).toBe(keys.keyId);
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    const der = privateKey.export({ type: 'pkcs8', format: 'der' }).toString('base64');
    for (const text of [base64(keys.privateKey), der, keys.privateKey.replaceAll('\n', '\\n')]) {
      const again = readPrivateKey(text);
      expect(again && checkpointSigner(again).sign({ seq: 1, hash: 'a' }, 5)).toEqual(
        signer.sign({ seq: 1, hash: 'a' }, 5),
      );
    }
    const good = readPublicKey(base64(keys.publicKey));
    expect(vouch([at(20), at(10)], good ? [good] : [])).toEqual({ good: [at(10), at(20)], findings: [] });
  });

  it('is refused when it is forged, in whatever part', () => {
    const other = generateCheckpointKeys();
    const forged: Checkpoint[] = [
      { ...at(10), seq: 11 },
      { ...at(10), hash: 'f'.repeat(64) },
      { ...at(10), at: START + 1 },
      { ...at(10), signature: 'AAAA' },
    ];
    const { good, findings } = vouch(forged, [publicKey]);
    expect(good).toEqual([]);
    expect(findings.filter(({ reason }) => reason.includes('is forged'))).toHaveLength(forged.length);
    const [unknown] = vouch([at(10)], [createPublicKey(other.publicKey)]).findings;
    expect(unknown?.reason).toContain(`signed with key ${keys.keyId}, whose public key is not given`);
  });

  it('of an old key is good while that key is given, too', () => {
    const next = generateCheckpointKeys();
    const nextKey = readPrivateKey(next.privateKey);
    const newer = nextKey && checkpointSigner(nextKey).sign({ seq: 20, hash: hashes.get(20) ?? '' }, START);
    const both = newer ? [at(10), newer] : [];
    expect(vouch(both, [publicKey, createPublicKey(next.publicKey)]).good).toEqual(both);
    expect(vouch(both, [createPublicKey(next.publicKey)])).toMatchObject({
      good: [newer],
      findings: [{ seq: 10 }],
    });
  });

  it('finds a chain that was computed anew, and a tail that was cut off with its end', () => {
    const end = { seq: 30, hash: hashes.get(30) ?? '' };
    const signed = [at(10), at(20), at(30)];
    expect(compareCheckpoints(signed, hashes, end)).toEqual([]);
    const rewritten = new Map([...hashes].map(([seq, hash]) => [seq, seq > 14 ? 'e'.repeat(64) : hash]));
    expect(compareCheckpoints(signed, rewritten, end)).toMatchObject([
      { kind: 'rewritten', seq: 11, lastSeq: 20 },
    ]);
    const short = new Map([...hashes].filter(([seq]) => seq <= 25));
    const cut = { seq: 25, hash: hashes.get(25) ?? '' };
    expect(compareCheckpoints(signed, short, cut)).toMatchObject([{ kind: 'cut-off', seq: 26, lastSeq: 30 }]);
  });

  it('takes no key that is none', () => {
    for (const text of ['', 'x', keys.publicKey, '-----BEGIN PRIVATE KEY-----\nx\n-----END PRIVATE KEY-----'])
      expect(readPrivateKey(text)).toBeUndefined();
    expect(readPublicKey(keys.privateKey)).toBeUndefined();
  });
});

describe('checkpoints', () => {
  function world(targets: CheckpointTarget[], rules = { entries: 10, periodMs: 60_000 }) {
    const clock = new ManualClock();
    const store = createMemoryStore();
    const log = pino({ level: 'silent' });
    const alerts: string[] = [];
    const raise = async ({ kind, message }: NewAlert) => alerts.push(`${kind}: ${message}`) > 0;
    const resolve = async ({ kind }: { kind: string }) => alerts.push(`${kind} resolved`) > 0;
    const deps = { store, clock, log, alerts: { raise, resolve }, tasks: new Tasks(log), signer, rules };
    const write = (count: number) =>
      committed(store, { at: 1, ledger: Array.from({ length: count }, (_, i) => entryOf(i + 1)) });
    return { clock, store, alerts, write, deps, checkpoints: new Checkpoints(deps, targets) };
  }

  function shelf() {
    const taken: number[] = [];
    const state = { fails: false };
    const deliver = async ({ seq }: Checkpoint) => {
      if (state.fails) throw new Error('it answered 503');
      taken.push(seq);
    };
    return { taken, state, target: { name: 'shelf', deliver } };
  }

  it('are signed after so many entries, or after a while if there is anything new', async () => {
    const { taken, target } = shelf();
    const { checkpoints, write, clock } = world([target]);
    await checkpoints.look();
    expect(taken).toEqual([]);
    for (const count of [1, 9, 1, 1]) {
      await write(count);
      await checkpoints.look();
    }
    expect(taken).toEqual([1, 11]);
    clock.advance(60_000);
    await checkpoints.look();
    clock.advance(60_000);
    await checkpoints.look();
    expect(taken).toEqual([1, 11, 12]);
  });

  it('are looked for by a timer, until they are stopped', async () => {
    const { taken, target } = shelf();
    const { checkpoints, write, clock, deps } = world([target]);
    await write(1);
    checkpoints.start();
    clock.advance(5_000);
    await deps.tasks.idle();
    expect(taken).toEqual([1]);
    checkpoints.stop();
    await write(20);
    clock.advance(600_000);
    await deps.tasks.idle();
    expect(taken).toEqual([1]);
  });

  it('that nobody takes are tried again with the newest, are told of, and keep no other from its own', async () => {
    const [bad, good] = [shelf(), shelf()];
    const { checkpoints, write, clock, alerts } = world([bad.target, good.target]);
    bad.state.fails = true;
    await write(1);
    await checkpoints.look();
    expect([checkpoints.state, alerts]).toEqual(['ok', []]);
    await write(10);
    clock.advance(5_000);
    await checkpoints.look();
    expect(checkpoints.state).toBe('are not delivered');
    expect(alerts).toEqual([expect.stringMatching(/^checkpoint-failing: shelf .* it answered 503/)]);
    bad.state.fails = false;
    await checkpoints.look();
    expect(bad.taken).toEqual([]);
    clock.advance(15_000);
    await checkpoints.look();
    expect(bad.taken).toEqual([11]);
    expect(good.taken).toEqual([1, 11]);
    expect([checkpoints.state, alerts.at(-1)]).toEqual(['ok', 'checkpoint-failing resolved']);
  });

  it('stop when what was signed is not there any more, and say so', async () => {
    const { taken, target } = shelf();
    const { checkpoints, write, store, alerts } = world([target]);
    await write(5);
    await checkpoints.look();
    const rows = await store.ledgerRows(0, 10);
    store.ledgerRows = async (after, limit) =>
      rows.slice(after, after + limit).map((row) => ({ ...row, hash: 'b'.repeat(64) }));
    await write(20);
    await checkpoints.look();
    await checkpoints.look();
    expect(taken).toEqual([5]);
    expect(alerts).toEqual([expect.stringMatching(/^ledger-tampered: entry 5 .* is another now/)]);
    expect(checkpoints.state).toBe('the ledger is not what was signed');
  });

  it('are made only where there is a key', async () => {
    const { deps } = world([]);
    const rest = { entries: 1, minutes: 1 };
    expect(openCheckpoints(rest, deps)).toBeUndefined();
    expect(openCheckpoints({ ...rest, key: new Secret(keys.privateKey) }, deps)).toBeInstanceOf(Checkpoints);
  });
});

describe('where checkpoints go', () => {
  const checkpoint = signer.sign({ seq: 7, hash: 'c'.repeat(64) }, START);

  it('is a file that is appended to', async () => {
    const folder = await temporaryFolder();
    const path = join(folder.path, 'checkpoints.jsonl');
    await appendFile(path, 'before\n');
    await fileTarget(path).deliver(checkpoint);
    expect(await readFile(path, 'utf8')).toBe(`before\n${JSON.stringify(checkpoint)}\n`);
    await expect(fileTarget(join(folder.path, 'no', 'file')).deliver(checkpoint)).rejects.toThrow(/ENOENT/);
    await folder.remove();
  });

  it('is an object or a webhook, whose address no error tells', async () => {
    const receiver = await startWebhookReceiver();
    const base = new URL(receiver.url).origin;
    const object = objectTarget(new Secret(`${base}/b/{seq}-{at}-{keyId}.json?X-Signature=canary`));
    await object.deliver(checkpoint);
    await webhookTarget(new Secret(`${base}/hook?token=canary`)).deliver(checkpoint);
    expect(receiver.deliveries.map(({ method, path, body }) => [method, path, body])).toEqual([
      ['PUT', `/b/000000000007-${START}-${keys.keyId}.json?X-Signature=canary`, checkpoint],
      ['POST', '/hook?token=canary', checkpoint],
    ]);
    receiver.answerWith({ status: 403 });
    await expect(object.deliver(checkpoint)).rejects.toThrow(/^it answered 403$/);
    receiver.answerWith('drop');
    const dropped = await object
      .deliver(checkpoint)
      .catch((error: Error) => `${error.stack} ${String(error.cause)}`);
    expect(dropped).toMatch(/Error: UND_ERR_SOCKET|Error: ECONNRESET/);
    expect(dropped).not.toContain('canary');
    await receiver.close();
  });
});
