/** What people and their keys may do. Approving is no part of operating: who starts work need not be who allows it. */
import { z } from 'zod';

/** `viewer` reads, `operator` runs and stops work, `approver` decides for people, `admin` does all and keeps the keys. */
export const Scope = z.enum(['viewer', 'operator', 'approver', 'admin']);
export type Scope = z.infer<typeof Scope>;
export const SCOPES: readonly Scope[] = Scope.options;

/** Whether scopes that are held open what asks for one. Each lets read; `admin` opens everything. */
export const holds = (held: readonly Scope[], wanted: Scope): boolean =>
  held.includes(wanted) || held.includes('admin') || (wanted === 'viewer' && held.length > 0);
