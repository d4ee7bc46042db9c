/** What a schedule will do: the next times on both clocks, changes of the clocks, overlaps, and what it costs. */
import { useQuery } from '../../api/query';
import type { Forecast } from '../../api/types';
import { Fact } from '../../parts/fact';
import { QueryView } from '../../parts/query-view';
import { duration, fullTime, Time, usd } from '../../parts/time';

const EVERY_MS = 60_000;

export function ForecastView({ id, zone }: { id: string; zone: string }) {
  const query = useQuery<Forecast>(`/workflows/${encodeURIComponent(id)}/schedule`, { everyMs: EVERY_MS });
  return <QueryView query={query}>{(forecast) => <Shown forecast={forecast} zone={zone} />}</QueryView>;
}

function Shown({ forecast, zone }: { forecast: Forecast; zone: string }) {
  const { next, clockChanges, remarks, learned, cost } = forecast;
  return (
    <>
      <section aria-labelledby="next">
        <h2 id="next">The next five times</h2>
        {next.length === 0 && <p class="empty">It does not fire.</p>}
        <ul class="plain next">
          {next.slice(0, 5).map(({ at, local }) => (
            <li key={at}>
              <strong>{local}</strong> {zone} <span class="dim">· yours {fullTime(at)}</span>
            </li>
          ))}
        </ul>
      </section>
      <section aria-labelledby="clocks">
        <h2 id="clocks">Changes of the clocks within a year</h2>
        {clockChanges.length === 0 && <p class="empty">None touches this schedule.</p>}
        <ul>
          {clockChanges.map(({ at, kind, text }) => (
            <li key={`${at} ${kind}`}>
              <Time at={at} zone={zone} /> {text}
            </li>
          ))}
        </ul>
      </section>
      {remarks.length > 0 && (
        <ul>
          {remarks.map((remark) => (
            <li key={remark}>{remark}</li>
          ))}
        </ul>
      )}
      <dl class="facts">
        {learned && (
          <Fact name="A run takes" title={`Learned from ${learned.runs} runs that succeeded`}>
            {duration(learned.p50Ms)}, one of twenty {duration(learned.p95Ms)}
          </Fact>
        )}
        {cost && <CostFacts cost={cost} />}
        {forecast.overlaps && (
          <Fact name="Overlaps expected">
            {forecast.overlaps.p95.overlapping.toLocaleString()} of{' '}
            {forecast.overlaps.p95.ticks.toLocaleString()} ticks a year
          </Fact>
        )}
      </dl>
    </>
  );
}

const CostFacts = ({ cost }: { cost: NonNullable<Forecast['cost']> }) => (
  <>
    <Fact name="Runs a month">{Math.round(cost.runsPerMonth).toLocaleString()}</Fact>
    <Fact name="Costs a month" title={cost.formulas.join('\n')}>
      {cost.costPerMonthUsd === null ? 'no agent has a price' : usd(cost.costPerMonthUsd)}
    </Fact>
  </>
);
