import fc from 'fast-check';
import {
  MAX_QUEUED_RUNS,
  Schedule,
  describe as inWords,
  dueTicks,
  formatProblems,
  overlapDecision,
  ticksBetween,
  validateSchedule,
  wakeWindow,
  type ScheduleInput,
} from '../../src/domain/schedule';

const schedule = (input: Partial<ScheduleInput> = {}) => Schedule.parse({ cron: '0 * * * *', ...input });
const at = (time: string) => Date.parse(`2026-05-04T${time}Z`);
const MINUTE = 60_000;

/** `['10:00 fire on-time']` */
const shown = (decisions: ReturnType<typeof dueTicks>) =>
  decisions.map((d) => `${new Date(d.scheduledFor).toISOString().slice(11, 16)} ${d.action} ${d.reason}`);

describe('defaults', () => {
  it('are UTC, skip overlaps, catch up with the latest of a week, no slack', () => {
    expect(schedule()).toEqual({
      cron: '0 * * * *',
      timezone: 'UTC',
      overlap: 'skip',
      catchUp: { mode: 'latest', windowSeconds: 604_800 },
      dst: {},
      slackSeconds: 0,
    });
  });
});

describe('dueTicks', () => {
  it('decides nothing before the next tick, and nothing when the clock was set back', () => {
    expect(dueTicks(schedule(), at('10:00'), at('10:59'))).toEqual([]);
    expect(dueTicks(schedule(), at('10:00'), at('09:00'))).toEqual([]);
    expect(dueTicks(schedule(), at('10:00'), at('10:00'))).toEqual([]);
  });

  it.each(['none', 'latest', 'all'] as const)('fires a tick on time (%s)', (mode) => {
    const due = dueTicks(schedule({ catchUp: { mode } }), at('10:00'), at('11:00') + MINUTE - 1);
    expect(due).toEqual([
      { scheduledFor: at('11:00'), action: 'fire', reason: 'on-time', lateMs: MINUTE - 1 },
    ]);
  });

  it('none: records missed ticks as skipped and fires the one on time', () => {
    const s = schedule({ catchUp: { mode: 'none' } });
    expect(shown(dueTicks(s, at('08:00'), at('10:00')))).toEqual(['09:00 skip missed', '10:00 fire on-time']);
    expect(shown(dueTicks(s, at('08:00'), at('10:01')))).toEqual(['09:00 skip missed', '10:00 skip missed']);
  });

  it('latest: one run for the whole downtime, within the window', () => {
    const s = schedule({ catchUp: { mode: 'latest', windowSeconds: 1_800 } });
    expect(shown(dueTicks(s, at('07:00'), at('10:30')))).toEqual([
      '08:00 skip superseded',
      '09:00 skip superseded',
      '10:00 fire caught-up',
    ]);
    expect(shown(dueTicks(s, at('08:00'), at('10:30') + 1))).toEqual([
      '09:00 skip superseded',
      '10:00 skip too-late',
    ]);
  });

  it('all: every tick within the window', () => {
    const s = schedule({ catchUp: { mode: 'all', windowSeconds: 5_400 } });
    expect(shown(dueTicks(s, at('07:00'), at('10:30')))).toEqual([
      '08:00 skip too-late',
      '09:00 fire caught-up',
      '10:00 fire caught-up',
    ]);
  });

  it('goes on where a full batch ended, and knows that its last tick is not the latest', () => {
    const first = dueTicks(schedule(), at('00:00'), at('05:30'), 3);
    expect(shown(first)).toEqual(['01:00 skip superseded', '02:00 skip superseded', '03:00 skip superseded']);
    const rest = dueTicks(schedule(), first.at(-1)?.scheduledFor ?? 0, at('05:30'), 3);
    expect(shown(rest)).toEqual(['04:00 skip superseded', '05:00 fire caught-up']);
  });

  it('decides each tick exactly once, whenever and however often it is asked', () => {
    const mode = fc.constantFrom('none' as const, 'latest' as const, 'all' as const);
    const gaps = fc.array(fc.integer({ min: 0, max: 5 * 3_600_000 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(mode, gaps, fc.integer({ min: 1, max: 5 }), (mode, gaps, limit) => {
        const s = schedule({ cron: '*/20 * * * *', catchUp: { mode } });
        const start = at('00:00');
        const decided: number[] = [];
        let now = start;
        for (const gap of gaps) {
          now += gap;
          let batch;
          do {
            batch = dueTicks(s, decided.at(-1) ?? start, now, limit);
            decided.push(...batch.map((d) => d.scheduledFor));
          } while (batch.length === limit);
        }
        expect(decided).toEqual(ticksBetween(s, start, now, 1_000));
      }),
    );
  });
});

describe('overlapDecision', () => {
  it.each(['skip', 'queue', 'allow', 'replace'] as const)('%s fires when no run is open', (policy) => {
    expect(overlapDecision(policy, 0)).toEqual({ action: 'fire', reason: 'idle' });
  });

  it.each([
    ['skip', 1, 0, 'skip', 'active-run'],
    ['skip', 0, 1, 'skip', 'active-run'],
    ['queue', 1, 0, 'queue', 'behind-active-run'],
    ['queue', 0, 1, 'queue', 'behind-active-run'],
    ['queue', 1, MAX_QUEUED_RUNS - 1, 'queue', 'behind-active-run'],
    ['queue', 1, MAX_QUEUED_RUNS, 'skip', 'queue-full'],
    ['allow', 3, 0, 'fire', 'overlap-allowed'],
    ['replace', 2, 0, 'replace', 'replaces-active-run'],
  ] as const)('%s with %d active and %d queued', (policy, active, queued, action, reason) => {
    expect(overlapDecision(policy, active, queued)).toEqual({ action, reason });
  });
});

describe('wakeWindow', () => {
  it('opens at the tick and closes after the slack', () => {
    expect(wakeWindow({ slackSeconds: 90 }, 1_000)).toEqual({ opensAt: 1_000, closesAt: 91_000 });
    expect(wakeWindow({ slackSeconds: 0 }, 1_000)).toEqual({ opensAt: 1_000, closesAt: 1_000 });
  });
});

describe('in words', () => {
  it.each([
    ['0 9 * * 1', 'Europe/Berlin', 'At 09:00, only on Monday (Europe/Berlin)'],
    ['*/15 * * * *', 'UTC', 'Every 15 minutes (UTC)'],
    ['@hourly', 'UTC', 'Every hour (UTC)'],
    ['0 0 13 * 5', 'UTC', 'At 00:00, on day 13 of the month; or at 00:00, only on Friday (UTC)'],
  ])('%s', (cron, timezone, words) => expect(inWords({ cron, timezone })).toBe(words));
});

describe('validateSchedule', () => {
  it('finds nothing wrong with a good one', () => {
    expect(
      validateSchedule({ cron: '0 9 * * MON-FRI', timezone: 'Europe/Berlin', slackSeconds: 60 }),
    ).toEqual([]);
    expect(validateSchedule({ cron: '0 9 * mar thu' })).toEqual([]);
    expect(validateSchedule({ cron: '@daily' })).toEqual([]);
  });

  it('lists every mistake at once, with its place', () => {
    const problems = validateSchedule(
      {
        cron: '0 25 * * *',
        timezone: 'Europe/Berln',
        overlap: 'maybe',
        catchUp: { mode: 'some' },
        slackSeconds: -1,
      },
      'workflows[1].schedule',
    );
    expect(problems.map((p) => p.place.replace('workflows[1].schedule.', '')).sort()).toEqual([
      'catchUp.mode',
      'cron',
      'overlap',
      'slackSeconds',
      'timezone',
    ]);
    expect(formatProblems(problems)).toMatch(
      /"Europe\/Berln" is not an IANA time zone. Did you mean "Europe\/Berlin"\?\n?/,
    );
    expect(formatProblems(problems)).toMatch(/the hour field "25" cannot be read/);
  });

  it.each([
    ['', /empty/],
    ['* * * *', /4 fields, not 5/],
    ['0 0 9 * * 1', /6 fields, not 5; seconds are not supported/],
    ['H 9 * * *', /hashed value/],
    ['@reboot', /not a known nickname/],
    ['0 0 30 2 *', /no date that exists/],
    ['0 0 31 4,6 *', /no date that exists/],
    ['1-5/0 * * * *', /minute field/],
    ['0 0 * foo *', /month field/],
    [`${'0,'.repeat(300)}0 * * * *`, /longer than/],
  ])('refuses "%s"', (cron, expected) => {
    const [problem, ...others] = validateSchedule({ cron });
    expect(others).toEqual([]);
    expect(problem?.place).toBe('cron');
    expect(problem?.problem).toMatch(expected);
    expect(problem?.mend).not.toBe('');
  });

  it('refuses an offset and what is not a schedule at all', () => {
    expect(validateSchedule({ cron: '@daily', timezone: '+02:00' })[0]?.place).toBe('timezone');
    expect(validateSchedule(undefined, 'schedule')[0]?.place).toBe('schedule');
    expect(validateSchedule({ timezone: 'UTC' })[0]?.place).toBe('cron');
  });
});
