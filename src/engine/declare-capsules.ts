/** Makes the registry's capsules known to the record, with an entry in the ledger for each that is new or another. */
import type { CapsuleSetting, Store } from '../store/store';

const told = ({ agentId, slots, lingerMs }: CapsuleSetting) => ({ agentId, slots, lingerMs });

export function declareCapsules(
  store: Pick<Store, 'declareCapsules'>,
  settings: CapsuleSetting[],
  now: number,
): Promise<void> {
  return store.declareCapsules(settings, now, (setting, was) => ({
    ...{ at: now, actor: 'engine', action: 'capsule-setting.declared', entity: 'capsule-setting' },
    id: setting.id,
    set: told(setting),
    ...(was && { was: told(was) }),
  }));
}
