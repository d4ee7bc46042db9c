/** What it costs, by what; what sleep saved; what was wasted; what may still be spent. */
import { withQuery } from '../../api/client';
import { useQuery } from '../../api/query';
import type { CostReport, CostRow } from '../../api/types';
import { Bar, Legend } from '../../parts/bar';
import { Fact } from '../../parts/fact';
import { QueryView } from '../../parts/query-view';
import { SPLIT_LEGEND, splitParts } from '../../parts/split';
import { duration, usd } from '../../parts/time';
import { setQuery, usePlace } from '../../router';
import { Budgets } from './budgets';
import { CostTable } from './table';

const GROUPS = ['day', 'workflow', 'agent', 'model'] as const;
const DAYS = ['7', '30', '90'] as const;
const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

export function CostsScreen() {
  const { query } = usePlace();
  const by = GROUPS.find((group) => group === query.by) ?? 'day';
  const days = DAYS.find((count) => count === query.days) ?? '30';
  const from = new Date(Date.now() - (Number(days) - 1) * DAY_MS).toLocaleDateString('sv-SE');
  const report = useQuery<CostReport>(withQuery('/costs', { by, from, zone: ZONE }), { everyMs: MINUTE_MS });
  return (
    <>
      <h1>Costs</h1>
      <div class="row start">
        <Choice name="By" values={GROUPS} chosen={by} choose={(value) => setQuery({ by: value })} />
        <Choice
          name="Days"
          values={DAYS}
          chosen={days}
          choose={(value) => setQuery({ days: value })}
          text={(value) => `${value} days`}
        />
      </div>
      <QueryView query={report}>
        {(costs) => (
          <>
            <Total report={costs} />
            <h2>By {by}</h2>
            {costs.items.length === 0 ? (
              <p class="empty">Nothing was billed in this time.</p>
            ) : (
              <CostTable rows={costs.items} by={by} formulas={costs.formulas} />
            )}
          </>
        )}
      </QueryView>
      <Budgets />
    </>
  );
}

interface ChoiceProps<T extends string> {
  name: string;
  values: readonly T[];
  chosen: T;
  choose: (value: T) => void;
  text?: (value: T) => string;
}

const Choice = <T extends string>({ name, values, chosen, choose, text }: ChoiceProps<T>) => (
  <div class="counts" role="group" aria-label={name}>
    {values.map((value) => (
      <button key={value} type="button" aria-pressed={value === chosen} onClick={() => choose(value)}>
        {text?.(value) ?? value}
      </button>
    ))}
  </div>
);

function Total({ report: { total, formulas } }: { report: CostReport }) {
  const { seconds, wasteRatio, savedUsd, alwaysOnUsd } = total;
  const ms = secondsInMs(total);
  return (
    <section class="card" aria-label="All in all">
      <dl class="facts figures">
        <Fact name="Spent" title={formulas.capsuleUsd}>
          <strong>{usd(Number(total.totalUsd))}</strong>
          <span class="dim">
            {' '}
            capsules {usd(Number(total.capsuleUsd))}, models {usd(Number(total.modelUsd))}
          </span>
        </Fact>
        <Fact name="Saved against always on" title={formulas.savedUsd}>
          {savedUsd === null ? (
            <span class="dim">nobody can say: no agent has a price</span>
          ) : (
            <>
              <strong>{usd(Number(savedUsd))}</strong>
              {alwaysOnUsd !== null && <span class="dim"> of {usd(Number(alwaysOnUsd))}</span>}
            </>
          )}
        </Fact>
        <Fact name="Waste" title={formulas.wasteRatio}>
          <strong>{wasteRatio === null ? '–' : `${Math.round(wasteRatio * 100)} %`}</strong>
          <span class="dim"> {duration(seconds.wasted * 1_000)}</span>
        </Fact>
        <Fact name="Billed">
          <strong>{duration(seconds.billed * 1_000)}</strong>
          {seconds.unpriced > 0 && (
            <span class="dim"> {duration(seconds.unpriced * 1_000)} without a price</span>
          )}
        </Fact>
      </dl>
      <Bar name="Replica-seconds" parts={splitParts(ms)} />
      <Legend parts={SPLIT_LEGEND} />
      <details>
        <summary>How it is reckoned</summary>
        <p>Cost: {formulas.capsuleUsd}</p>
        <p>Saved: {formulas.savedUsd}</p>
        <p>Waste: {formulas.wasteRatio}</p>
      </details>
    </section>
  );
}

export function secondsInMs({ seconds: { boot, prewarm, work, linger, drain } }: CostRow) {
  return {
    boot: boot * 1_000,
    prewarm: prewarm * 1_000,
    work: work * 1_000,
    linger: linger * 1_000,
    drain: drain * 1_000,
  };
}
