/** Everything the ledger tells of, by name: whoever writes an entry of a new kind adds it here, or it does not compile. */
import type { AlertChange } from '../alert';
import type { MemoState } from '../approval/memo';
import type { CapsuleEvent } from '../capsule-events';
import type { SwitchChange } from '../guard/switch';
import type { EnvironmentChange } from '../release/environment';
import type { RolloutEvent } from '../rollout/rollout';
import type { Verdict } from '../rollout/verdict';
import type { RunEvent } from '../run-events';

/** What changed, as `entity.verb`. */
export type ChangeAction =
  | `run.${'created' | 'late-result' | RunEvent['type']}`
  | `capsule.${CapsuleEvent['type']}`
  | `environment.${EnvironmentChange['type']}`
  | `rollout.${'created' | Verdict['verdict'] | Exclude<RolloutEvent['type'], 'verdict'>}`
  | `alert.${AlertChange}`
  | `switch.${SwitchChange}`
  | `approval.${'voted' | 'escalated' | MemoState}`
  | `emergency-stop.${'begun' | 'revoked' | 'done' | 'released'}`
  | `budget.${'declared' | 'set' | 'raised'}`
  | `breaker.${'closed' | 'opened' | 'half-opened' | 'reset'}`
  | `protocol.${'started' | 'phase' | 'down' | 'ended'}`
  | `oversight.${'promoted' | 'supervised'}`
  | `redeploy.${'asked' | 'started' | 'refused' | 'uncertain' | 'succeeded' | 'failed' | 'unknown'}`
  | `release.${'created' | 'judged'}`
  | `key.${'created' | 'rotated' | 'revoked'}`
  | `session.${'opened' | 'ended'}`
  | 'capsule-setting.declared'
  | 'schedule.declared';

/** What happened and left nothing behind that it replaced: there is no value before it. */
export type OccurrenceAction =
  | 'run.not-followed'
  | 'tick.skipped'
  | 'event.received'
  | 'replay.started'
  | 'notification.failed'
  | 'inbox.cleared'
  | 'oversight.incident'
  | 'retention.removed';

export type LedgerAction = ChangeAction | OccurrenceAction;
