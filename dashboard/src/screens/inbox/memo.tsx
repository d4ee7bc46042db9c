/** What somebody is asked: the question, what speaks for it, what happens on no, and the buttons. */
import { useState } from 'preact/hooks';
import { post } from '../../api/client';
import type { Approval } from '../../api/types';
import { ActionButton } from '../../parts/actions';
import { Badge } from '../../parts/badge';
import { Fact } from '../../parts/fact';
import { Table } from '../../parts/table';
import { Time, usd } from '../../parts/time';
import { runHref } from '../../router';
import { may, session } from '../../session';
import type { Shown } from '../../../../src/domain/status';

const STATES: Record<Approval['state'], Shown> = {
  requested: { text: 'needs approval', tone: 'held', sign: '◔' },
  approved: { text: 'approved', tone: 'good', sign: '✓' },
  rejected: { text: 'rejected', tone: 'bad', sign: '✕' },
  'revision-requested': { text: 'sent back', tone: 'held', sign: '◔' },
  expired: { text: 'expired: a no', tone: 'off', sign: '–' },
  withdrawn: { text: 'withdrawn', tone: 'off', sign: '–' },
};
const VERDICTS = { approve: 'approved', reject: 'rejected', revise: 'sent it back' } as const;

export function Memo({ memo, reload }: { memo: Approval; reload: () => void }) {
  const { id, title, state, recommendation, reasons, decisions } = memo;
  return (
    <article class={`card memo tone-${STATES[state].tone}`} aria-labelledby={`memo-${id}`} data-memo={id}>
      <div class="row">
        <h3 id={`memo-${id}`}>{title}</h3>
        <Badge shown={STATES[state]} />
      </div>
      <p class="dim">
        {memo.agentId === null ? `Step ${memo.stepId}` : `Agent ${memo.agentId} in step ${memo.stepId}`} of{' '}
        <a href={runHref(memo.runId)}>
          {memo.workflowId} {memo.runId.slice(0, 8)}
        </a>{' '}
        · since <Time at={memo.since} />
        {memo.round > 1 && ` · proposal ${memo.round}`}
      </p>
      {recommendation !== '' && <p class="text">{recommendation}</p>}
      {reasons.length > 0 && (
        <ul>
          {reasons.map((reason) => (
            <li key={reason}>{reason}</li>
          ))}
        </ul>
      )}
      <Facts memo={memo} />
      {memo.actions.length > 0 && <Actions memo={memo} />}
      {decisions.map(({ by, verdict, comment, at }) => (
        <p key={`${by} ${at}`}>
          <strong>{by}</strong> {VERDICTS[verdict]} <Time at={at} />
          {comment !== null && <span class="text">: {comment}</span>}
        </p>
      ))}
      {state === 'requested' && may('approver') && <Decide memo={memo} reload={reload} />}
      {state === 'requested' && !may('approver') && (
        <p class="hint">Your key may not decide this: it takes the scope approver.</p>
      )}
    </article>
  );
}

const RISKS = ['0, none', '1, low', '2, medium', '3, high'];

function Facts({ memo }: { memo: Approval }) {
  const { risk, costUsd, confidence, quorum, decisions, expiresAt, onNo, state } = memo;
  const yes = decisions.filter(({ verdict }) => verdict === 'approve').length;
  return (
    <dl class="facts">
      <Fact name="Risk">{RISKS[risk] ?? risk}</Fact>
      <Fact name="Costs">{costUsd === 0 ? 'nothing' : usd(costUsd)}</Fact>
      {confidence !== null && <Fact name="Confidence">{Math.round(confidence * 100)} %</Fact>}
      <Fact name="Approvals">
        {yes} of {quorum}
      </Fact>
      {state === 'requested' && (
        <Fact name="Expires">
          <Time at={expiresAt} />
        </Fact>
      )}
      <Fact name="On no">{onNo}</Fact>
    </dl>
  );
}

function Actions({ memo: { actions, actionCount, title } }: { memo: Approval }) {
  return (
    <Table
      name={`What is proposed: ${title}`}
      columns={['Action', 'On', 'Costs', 'Reaches']}
      after={actionCount > actions.length && <p class="dim">and {actionCount - actions.length} more</p>}
    >
      {actions.map(({ type, platform, costUsd, recurring, reach }, i) => (
        <tr key={i}>
          <td>{type}</td>
          <td>{platform ?? '–'}</td>
          <td>
            {costUsd === null ? '–' : usd(costUsd)}
            {recurring && ', again and again'}
          </td>
          <td>{reach === null ? '–' : reach.toLocaleString()}</td>
        </tr>
      ))}
    </Table>
  );
}

function Decide({ memo, reload }: { memo: Approval; reload: () => void }) {
  const [comment, setComment] = useState('');
  const current = session.get();
  // Without keys everybody is the same person, and may say yes.
  const isOwn =
    current.state === 'in' &&
    current.byLogin &&
    memo.startedBy !== null &&
    current.who.owner === memo.startedBy;
  const said = comment.trim();
  const say = (verdict: keyof typeof VERDICTS) => async (): Promise<void> => {
    await post(`/approvals/${encodeURIComponent(memo.id)}/decision`, {
      verdict,
      ...(said !== '' && { comment: said }),
    });
    reload();
  };
  return (
    <div class="decide">
      <label>
        Comment{memo.mayRevise ? ', needed to send it back' : ''}
        <textarea
          rows={2}
          maxLength={2_000}
          value={comment}
          onInput={(event) => setComment(event.currentTarget.value)}
        />
      </label>
      {isOwn && <p class="hint">You started this run: somebody else has to approve it.</p>}
      <p class="buttons">
        <ActionButton kind="main" label="Approve" done="Approved." disabled={isOwn} action={say('approve')} />
        <ActionButton kind="danger" label="Reject" done="Rejected." action={say('reject')} />
        {memo.mayRevise && (
          <ActionButton label="Send back" done="Sent back." disabled={said === ''} action={say('revise')} />
        )}
      </p>
    </div>
  );
}
