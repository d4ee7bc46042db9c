/** Times in the zone of the schedule they belong to, with the viewer's on hover. */
import { useQuery } from '../api/query';
import type { Page, Workflow } from '../api/types';

const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;
const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${zone} ${JSON.stringify(options)}`;
  const known = formats.get(key);
  if (known) return known;
  const made = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, ...options });
  formats.set(key, made);
  return made;
}

const CLOCK = { hour: '2-digit', minute: '2-digit', second: '2-digit' } as const;
const DAY = { year: 'numeric', month: '2-digit', day: '2-digit' } as const;

export function timeText(at: string, zone = ZONE): string {
  const date = new Date(at);
  const day = format(zone, DAY);
  const clock = format(zone, CLOCK).format(date);
  return day.format(date) === day.format(new Date()) ? clock : `${day.format(date)} ${clock}`;
}

export const fullTime = (at: string, zone = ZONE): string =>
  `${format(zone, { ...DAY, ...CLOCK }).format(new Date(at))} ${zone}`;

/** `GMT+2`, at that time. */
const offsetOf = (zone: string, at: string): string =>
  format(zone, { timeZoneName: 'shortOffset' })
    .formatToParts(new Date(at))
    .find(({ type }) => type === 'timeZoneName')?.value ?? zone;

export function Time({ at, zone }: { at: string | null; zone?: string | undefined }) {
  if (at === null) return <span class="dim">–</span>;
  return (
    <time dateTime={at} title={`${fullTime(at)} (yours) · ${fullTime(at, zone)}`}>
      {timeText(at, zone)}
      {/* A wall clock elsewhere says so: it would be taken for the viewer's. */}
      {zone !== undefined && offsetOf(zone, at) !== offsetOf(ZONE, at) && ` ${offsetOf(zone, at)}`}
    </time>
  );
}

/** The zones of the workflows' schedules. */
export function useZones(): (workflowId: string) => string | undefined {
  const { data } = useQuery<Page<Workflow>>('/workflows', { everyMs: 300_000 });
  return (workflowId) => data?.items.find(({ id }) => id === workflowId)?.schedule?.timezone;
}

export function duration(ms: number | null): string {
  if (ms === null) return '–';
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  const s = ms / 1_000;
  if (s < 60) return `${s.toFixed(s < 10 ? 1 : 0)} s`;
  const minutes = Math.floor(s / 60);
  if (minutes < 60) return `${minutes} min ${Math.round(s % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

export const msBetween = (from: string | null, to: string | null): number | null =>
  from === null ? null : Math.max(0, (to === null ? Date.now() : Date.parse(to)) - Date.parse(from));

/** Cents from ten cents on; less is shown to the hundredth of a cent. */
export function usd(amount: number): string {
  const size = Math.abs(amount);
  if (size === 0) return '$0';
  if (size < 0.000_05) return '<$0.0001';
  return `${amount < 0 ? '−' : ''}$${size.toFixed(size < 0.1 ? 4 : 2)}`;
}

/** `1 shift`, `2 shifts`. */
export const counted = (count: number, one: string): string =>
  `${count.toLocaleString()} ${one}${count === 1 ? '' : 's'}`;
