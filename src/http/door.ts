/** Who gets in: one memory of keys and of failures, whatever protocol somebody comes by. */
import { People } from './auth-people';
import type { AppDeps } from './deps';
import { Gate } from './gate';

export interface Door {
  people: People;
  gate: Gate;
}

export function openDoor(deps: AppDeps): Door {
  const people = new People(deps);
  return { people, gate: new Gate({ ...deps, people }) };
}
