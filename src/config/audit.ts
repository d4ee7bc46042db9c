/** The part of the configuration that says how the end of the ledger is signed, and where that is kept. */
import { z } from 'zod';
import { readPrivateKey } from '../domain/ledger/checkpoint';
import { connection, integer, words, type Kind } from './kinds';
import { Secret } from './secret';
import type { Values, Variable, VariableName } from './variables';

export interface AuditConfig {
  /** Absent: no checkpoints are made. */
  readonly key?: Secret;
  readonly entries: number;
  readonly minutes: number;
  readonly file?: string;
  readonly url?: Secret;
  readonly webhook?: Secret;
}

function signingKey(): Kind<Secret | undefined> {
  const schema = () =>
    z
      .string()
      .refine((text) => readPrivateKey(text) !== undefined)
      .transform((text) => new Secret(text))
      .optional();
  return { schema, accepts: 'an Ed25519 private key, as PEM or its base64', secret: true };
}

const variable = <T>(kind: Kind<T>, about: string): Variable<T> => ({ group: 'audit', ...kind, about });

export const AUDIT_VARIABLES = {
  AUDIT_CHECKPOINT_KEY: variable(
    signingKey(),
    'Signs checkpoints of the ledger; "reveille audit keygen" makes one. Unset: none are made.',
  ),
  AUDIT_CHECKPOINT_FILE: variable(
    words('the path of a file in a folder that exists'),
    'Checkpoints are appended here, one line of JSON each.',
  ),
  AUDIT_CHECKPOINT_URL: variable(
    connection(['https:', 'http:']),
    'Checkpoints are PUT here, e.g. into an object store that forbids overwriting. {seq}, {at} and {keyId} are replaced.',
  ),
  AUDIT_CHECKPOINT_WEBHOOK: variable(
    connection(['https:', 'http:']),
    'Checkpoints are POSTed here, as JSON.',
  ),
  AUDIT_CHECKPOINT_ENTRIES: variable(
    integer(1, 1_000_000, 1_000),
    'A checkpoint is made after so many entries of the ledger …',
  ),
  AUDIT_CHECKPOINT_MINUTES: variable(
    integer(1, 1_440, 15),
    '… or so many minutes after the last, if there is anything new.',
  ),
} as const satisfies Record<string, Variable>;

export function missingForAudit(
  isGiven: (name: VariableName) => boolean,
  need: (place: VariableName, problem: string, mend: string) => void,
): void {
  const places = ['AUDIT_CHECKPOINT_FILE', 'AUDIT_CHECKPOINT_URL', 'AUDIT_CHECKPOINT_WEBHOOK'] as const;
  const named = places.find(isGiven);
  if (named) {
    need('AUDIT_CHECKPOINT_KEY', `is not set, but ${named} is`, 'Make one with "reveille audit keygen"');
  } else if (isGiven('AUDIT_CHECKPOINT_KEY')) {
    const mend = `Set it, or ${places[1]} or ${places[2]}`;
    need(places[0], 'is not set, so that signed checkpoints would go nowhere', mend);
  }
}

export function arrangeAudit(values: Values): { readonly audit: AuditConfig } {
  const { AUDIT_CHECKPOINT_KEY: key, AUDIT_CHECKPOINT_FILE: file } = values;
  const { AUDIT_CHECKPOINT_URL: url, AUDIT_CHECKPOINT_WEBHOOK: webhook } = values;
  return {
    audit: {
      ...(key && { key }),
      entries: values.AUDIT_CHECKPOINT_ENTRIES,
      minutes: values.AUDIT_CHECKPOINT_MINUTES,
      ...(file !== undefined && { file }),
      ...(url && { url }),
      ...(webhook && { webhook }),
    },
  };
}
