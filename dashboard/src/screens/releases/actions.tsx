/** A person's word on a rollout: abort at any time, accept or once more while it waits, approve where people are asked. */
import { useState } from 'preact/hooks';
import { post } from '../../api/client';
import type { Rollout } from '../../api/types';
import { act, ActionButton } from '../../parts/actions';
import { Dialog } from '../../parts/dialog';
import { MessageField } from '../../parts/message-field';
import { may } from '../../session';
import { isOver } from './shared';

interface Word {
  /** The end of the path. */
  path: 'abort' | 'promote' | 'approve';
  button: string;
  title: string;
  hint: string;
  done: string;
  kind: 'main' | 'danger';
  optional: boolean;
}

const WORDS = {
  abort: {
    ...{ path: 'abort', button: 'Abort', title: 'Abort the rollout?', kind: 'danger', optional: true },
    hint: 'The pointers go back at once, whatever else is under way. What is in hand ends where it is.',
    done: 'It is being taken back.',
  },
  accept: {
    ...{ path: 'promote', button: 'Accept', title: 'Accept what could not be told?', kind: 'main' },
    ...{ optional: false, hint: 'You answer for it, and the rollout goes on.', done: 'It goes on.' },
  },
  approve: {
    ...{ path: 'approve', button: 'Approve', title: 'Approve the release?', kind: 'main', optional: true },
    hint: 'It gets real work once as many people said yes as the rules ask for.',
    done: 'Approved.',
  },
} as const satisfies Record<string, Word>;

const pathOf = (id: string, end: string): string => `/rollouts/${encodeURIComponent(id)}/${end}`;

export function RolloutActions({ rollout, reload }: { rollout: Rollout; reload: () => void }) {
  const [open, setOpen] = useState<keyof typeof WORDS>();
  const { id, status, approvals } = rollout;
  if (isOver(rollout)) return null;
  const isPaused = status === 'paused';
  const button = (name: keyof typeof WORDS) => (
    <button type="button" class={WORDS[name].kind} onClick={() => setOpen(name)}>
      {WORDS[name].button}…
    </button>
  );
  const again = async (): Promise<void> => {
    await post(pathOf(id, 'retry'));
    reload();
  };
  return (
    <>
      <p class="buttons">
        {approvals && may('approver') && button('approve')}
        {isPaused && may('approver') && button('accept')}
        {isPaused && may('operator') && (
          <ActionButton label="Once more" done="The stage is done once more." action={again} />
        )}
        {may('operator') && status !== 'aborting' && button('abort')}
      </p>
      {open !== undefined && (
        <WordDialog id={id} word={WORDS[open]} close={() => setOpen(undefined)} reload={reload} />
      )}
    </>
  );
}

interface DialogProps {
  id: string;
  word: Word;
  close: () => void;
  reload: () => void;
}

function WordDialog({ id, word, close, reload }: DialogProps) {
  const [reason, setReason] = useState('');
  const said = reason.trim();
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const body = said === '' ? {} : { reason: said };
    if (!(await act(word.done, () => post<Rollout>(pathOf(id, word.path), body)))) return;
    close();
    reload();
  };
  return (
    <Dialog title={word.title} onClose={close}>
      <form onSubmit={(event) => void submit(event)}>
        <p class="hint">{word.hint}</p>
        <MessageField
          label="Why, for the ledger"
          value={reason}
          onChange={setReason}
          optional={word.optional}
        />
        <button class={word.kind} disabled={!word.optional && said === ''}>
          {word.button}
        </button>
      </form>
    </Dialog>
  );
}
