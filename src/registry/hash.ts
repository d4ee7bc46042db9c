import { createHash } from 'node:crypto';
import { canonicalJson } from '../domain/canonical-json';
import type { Workflow } from './schema';

/**
 * SHA-256 (hex) of a workflow's definition, defaults included: equal definitions have equal hashes
 * in every process, and a run can say which definition it followed.
 */
export function definitionHash(workflow: Workflow): string {
  return createHash('sha256').update(canonicalJson(workflow)).digest('hex');
}
