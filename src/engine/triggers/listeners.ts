/** Workflows that an event starts. Its delivery may be done again after a crash: each run is begun once. */
import type { StoredEvent } from '../../store/store';
import type { EngineDeps } from '../context';
import { derivedId } from '../derived-id';
import type { Triggers } from '../trigger';
import { inputFor } from './told';

export class Listeners {
  constructor(
    private readonly deps: Pick<EngineDeps, 'registry'>,
    private readonly triggers: Triggers,
  ) {}

  /** Starts the workflows that listen for an event. Answers their runs, also those begun before. */
  async start(event: StoredEvent): Promise<string[]> {
    const { id, name, key, payload } = event;
    const started: string[] = [];
    for (const workflow of this.deps.registry.workflows) {
      const rules = (workflow.on?.event ?? []).filter(
        (rule) => rule.name === name && (rule.key === undefined || rule.key === key),
      );
      // The first rule that fits: one event starts one run of a workflow.
      const input = rules
        .map((rule) => inputFor(rule, { event: { id, name, key, payload } }, payload))
        .find((found) => found !== undefined);
      if (!input) continue;
      const trigger = { kind: 'event' as const, eventId: id, name };
      const options = { actor: `event:${name}`, id: derivedId('event', id, workflow.id) };
      started.push((await this.triggers.begin(workflow, trigger, input, options)).runId);
    }
    return started;
  }
}
