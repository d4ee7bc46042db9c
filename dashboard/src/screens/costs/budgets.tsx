/** Budgets and caps: what is spent, set aside and left, what it comes to if it goes on, and raising one. */
import { useState } from 'preact/hooks';
import { post } from '../../api/client';
import { useQuery } from '../../api/query';
import type { Budget } from '../../api/types';
import { act } from '../../parts/actions';
import { Bar } from '../../parts/bar';
import { Dialog } from '../../parts/dialog';
import { Fact } from '../../parts/fact';
import { QueryView } from '../../parts/query-view';
import { Time, usd } from '../../parts/time';
import { may } from '../../session';

interface Listed {
  zone: string;
  items: Budget[];
}

const NEAR_PERCENT = 80;
const EVERY_MS = 10_000;

export function Budgets() {
  return (
    <>
      <List kind="budgets" title="Budgets" none="There is no budget. The command line sets one: " />
      <List kind="caps" title="Caps on actions" none="There is no cap. The command line sets one: " />
    </>
  );
}

function List({ kind, title, none }: { kind: 'budgets' | 'caps'; title: string; none: string }) {
  const query = useQuery<Listed>(`/${kind}`, { everyMs: EVERY_MS });
  return (
    <section aria-labelledby={kind}>
      <h2 id={kind}>{title}</h2>
      <QueryView
        query={query}
        isEmpty={({ items }) => items.length === 0}
        empty={
          <>
            {none}
            <code>reveille budgets set</code>
          </>
        }
      >
        {({ items, zone }) => (
          <ul class="cards">
            {items.map((budget) => (
              <Card
                key={`${budget.id} ${budget.key}`}
                budget={budget}
                zone={zone}
                money={kind === 'budgets'}
                reload={query.reload}
              />
            ))}
          </ul>
        )}
      </QueryView>
    </section>
  );
}

interface CardProps {
  budget: Budget;
  zone: string;
  /** False: a count of actions. */
  money: boolean;
  reload: () => void;
}

function Card({ budget, zone, money, reload }: CardProps) {
  const { id, scope, subject, period, key, spent, reserved, allowed, left, forecast, until, percent } =
    budget;
  const [open, setOpen] = useState(false);
  const text = (amount: string): string => (money ? usd(Number(amount)) : amount);
  const isOver = forecast !== null && Number(forecast) > Number(allowed);
  const parts = [
    { name: 'spent', tone: 'work', value: Number(spent), text: text(spent) },
    { name: 'set aside', tone: 'held', value: Number(reserved), text: text(reserved) },
  ];
  return (
    <li
      class={`card ${percent >= 100 ? 'tone-bad' : percent >= NEAR_PERCENT ? 'tone-held' : ''}`}
      data-budget={id}
    >
      <div class="row">
        <strong>
          {subject === null ? scope : `${scope} ${subject}`} {PERIODS[period]}
          {period === 'per-run' && key !== null && ` ${key.slice(0, 8)}`}
        </strong>
        {may('operator') && (
          <button type="button" class="small" onClick={() => setOpen(true)}>
            Raise…
          </button>
        )}
      </div>
      <Bar name={id} parts={parts} whole={Math.max(Number(allowed), Number(spent) + Number(reserved))} />
      <dl class="facts">
        <Fact name="Spent">
          {text(spent)} of {text(allowed)}, {percent} %
        </Fact>
        <Fact name="Set aside">{text(reserved)}</Fact>
        <Fact name="Left">{text(left)}</Fact>
        {forecast !== null && (
          <Fact name="If it goes on like this">
            <span class={isOver ? 'bad' : ''}>
              {isOver && <span aria-hidden="true">✕ </span>}
              {text(forecast)}
              {isOver && ', more than allowed'}
            </span>
          </Fact>
        )}
        {until !== null && (
          <Fact name="Until">
            <Time at={until} zone={zone} />
          </Fact>
        )}
      </dl>
      {open && <RaiseDialog budget={budget} money={money} close={() => setOpen(false)} reload={reload} />}
    </li>
  );
}

const PERIODS: Record<Budget['period'], string> = {
  day: 'for the day',
  month: 'for the month',
  'per-run': 'for one run',
};

function RaiseDialog({ budget, money, close, reload }: Omit<CardProps, 'zone'> & { close: () => void }) {
  const [by, setBy] = useState('');
  const [reason, setReason] = useState('');
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const run = budget.period === 'per-run' && budget.scope !== 'run' ? budget.key : null;
    const said = reason.trim();
    const body = {
      by: Number(by),
      ...(run !== null && { run }),
      ...(said !== '' && { reason: said }),
    };
    const path = `/budgets/${encodeURIComponent(budget.id)}/raise`;
    if (!(await act('Raised; what it held goes on.', () => post(path, body)))) return;
    close();
    reload();
  };
  return (
    <Dialog title={`Raise ${budget.id}`} onClose={close}>
      <form onSubmit={(event) => void submit(event)}>
        <p class="hint">Allows more in the present period only.</p>
        <label>
          By how {money ? 'much, in US dollars' : 'many actions'}
          <input
            type="number"
            min={money ? '0.01' : '1'}
            step={money ? '0.01' : '1'}
            required
            value={by}
            onInput={(event) => setBy(event.currentTarget.value)}
          />
        </label>
        <label>
          Why, for the ledger
          <input value={reason} maxLength={500} onInput={(event) => setReason(event.currentTarget.value)} />
        </label>
        <button class="main">Raise</button>
      </form>
    </Dialog>
  );
}
