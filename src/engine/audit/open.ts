import type { AuditConfig } from '../../config/audit';
import { checkpointSigner, readPrivateKey } from '../../domain/ledger/checkpoint';
import { Checkpoints, type CheckpointDeps, type CheckpointTarget } from './checkpoints';
import { fileTarget, objectTarget, webhookTarget } from './targets';

/** The checkpoints a configuration asks for, not yet started; undefined without a key. */
export function openCheckpoints(
  { key, entries, minutes, file, url, webhook }: AuditConfig,
  deps: Omit<CheckpointDeps, 'signer' | 'rules'>,
): Checkpoints | undefined {
  const signingKey = key && readPrivateKey(key.reveal());
  if (!signingKey) return undefined;
  const targets: CheckpointTarget[] = [
    ...(file === undefined ? [] : [fileTarget(file)]),
    ...(url ? [objectTarget(url)] : []),
    ...(webhook ? [webhookTarget(webhook)] : []),
  ];
  const rules = { entries, periodMs: minutes * 60_000 };
  return new Checkpoints({ ...deps, signer: checkpointSigner(signingKey), rules }, targets);
}
