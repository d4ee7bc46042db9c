/** Shapes that agents, workflows and steps have in common. */
import { z } from 'zod';

export const MAX_STEPS = 100;

export const MIN_SECRET_LENGTH = 16;

/** The keys in a secret: one, or two separated by a comma. */
export function splitSecrets(list: string): string[] {
  return list
    .split(',')
    .map((key) => key.trim())
    .filter((key) => key !== '');
}

export const kebabId = z
  .string()
  .max(63, 'is longer than 63 characters')
  .regex(
    /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/,
    'is not in kebab-case (lower-case letters, digits, single hyphens)',
  );
export const name = z.string().trim().min(1, 'is empty').max(200);
export const seconds = (max: number) => z.number().int().min(1).max(max);
export const jsonObject = z.record(z.string(), z.unknown());
