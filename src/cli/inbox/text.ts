/** Deliveries as lines for people. */
import type { DeliverySummaryView, DeliveryView } from '../../http/views/delivery';
import type { ShapeDifference } from '../../store/deliveries';
import { cut, printable, type Column } from '../output';
import type { Paint } from '../terminal';

/** How much of an id is shown; enough to name one among a day's. */
export const SHORT_ID = 8;
const MAX_BODY_CHARS = 20_000;
const MAX_SHOWN_DIFFERENCES = 20;

/** `09:15:02` of this machine's zone. */
export const clock = (time: string): string => new Date(time).toLocaleTimeString('en-GB');

export const bytes = (n: number): string =>
  n < 1_024
    ? `${n} B`
    : n < 1_048_576
      ? `${(n / 1_024).toFixed(1)} KiB`
      : `${(n / 1_048_576).toFixed(1)} MiB`;

export function columns(paint: Paint): ReadonlyArray<Column<DeliverySummaryView>> {
  return [
    { title: 'time', value: (d) => clock(d.receivedAt), paint: () => paint.dim },
    { title: 'id', value: (d) => d.id.slice(0, SHORT_ID) },
    { title: 'bin', value: (d) => d.bin },
    { title: 'verdict', value: (d) => d.verdict, paint: (d) => paint.status(d.verdict) },
    { title: 'answer', value: (d) => String(d.answer.status) },
    { title: 'size', value: (d) => bytes(d.bodyBytes) },
    { title: 'what', value: what, flexible: true },
  ];
}

/** What a delivery is about, or what is wrong with it. */
export function what(d: DeliverySummaryView): string {
  if (d.verdict === 'bad-signature') return `signature: ${d.signature.reason}`;
  if (d.shape.kind === 'differs') return d.shape.differences.map(differenceText).join('; ');
  const about = [d.status, d.stepId && `step ${d.stepId}`, d.runId && `run ${d.runId}`]
    .filter(Boolean)
    .join(', ');
  const said = d.answer.text && d.answer.status >= 400 ? d.answer.text : '';
  return [d.shape.kind === 'unchecked' ? d.shape.reason : about, said].filter(Boolean).join(': ');
}

const differenceText = ({ field, saw, expected }: ShapeDifference): string =>
  `${field === '' ? 'the body' : field}: ${saw}, expected ${expected}`;

/** Verdicts, one line each, differences field by field. */
export function verdictLines(d: DeliverySummaryView, paint: Paint): string[] {
  const { signature, shape } = d;
  const sign = {
    valid: paint.good('valid'),
    absent: paint.dim('none'),
    unchecked: paint.dim('not checked: no secret to check it with'),
    invalid: paint.bad(`does not hold: ${signature.reason}`),
  }[signature.kind];
  const form = {
    fits: paint.good('fits AgentRunResult'),
    unchecked: paint.dim(`not checked: ${shape.reason}`),
    differs: paint.bad('is no AgentRunResult'),
  }[shape.kind];
  return [`signature  ${sign}`, `shape      ${form}`, ...differenceLines(shape, paint)];
}

/** Aligned by field. */
export function differenceLines(
  { differences, more }: { differences: readonly ShapeDifference[]; more: number },
  paint: Paint,
): string[] {
  const shown = differences.slice(0, MAX_SHOWN_DIFFERENCES);
  const name = ({ field }: ShapeDifference) => (field === '' ? 'the body' : field);
  const width = Math.max(0, ...shown.map((d) => name(d).length));
  const rest = differences.length - shown.length + more;
  return [
    ...shown.map(
      (d) =>
        `  ${paint.bad('✗')} ${printable(name(d)).padEnd(width)}  ${printable(d.saw)}${paint.dim(', expected ')}${printable(d.expected)}`,
    ),
    ...(rest > 0 ? [paint.dim(`    and ${rest} more`)] : []),
  ];
}

/** Everything about one delivery. */
export function detail(d: DeliveryView, paint: Paint): string[] {
  const answer = `HTTP ${d.answer.status}${d.answer.text ? `, ${d.answer.text}` : ''}`;
  return [
    paint.bold(`${d.method} ${printable(d.path)}`),
    `received   ${d.receivedAt} ${paint.dim(`in bin ${d.bin}, ${d.id}`)}`,
    `answer     ${d.answer.status < 400 ? answer : paint.bad(printable(answer))}`,
    ...verdictLines(d, paint),
    `replay     ${d.replayable ? `reveille inbox replay ${d.id.slice(0, SHORT_ID)}` : paint.dim('only elsewhere, with --to URL')}`,
    '',
    ...Object.entries(d.headers).map(([name, value]) => `${paint.dim(`${name}:`)} ${printable(value)}`),
    '',
    ...bodyLines(d, paint),
  ];
}

function bodyLines({ body, bodyEncoding, bodyState, bodyBytes }: DeliveryView, paint: Paint): string[] {
  const note = {
    whole: undefined,
    cut: `only the beginning of ${bytes(bodyBytes)} is kept`,
    redacted: 'a secret was taken out',
    unread: 'the body was not read',
  }[bodyState];
  const text = bodyEncoding === 'base64' ? `(base64) ${body}` : pretty(body);
  const shown = cut(text, MAX_BODY_CHARS);
  return [
    ...(shown === '' ? [paint.dim('(no body)')] : printable(shown).split('\n')),
    ...(note ? [paint.dim(`(${note})`)] : []),
    ...(shown === text ? [] : [paint.dim('(shortened; --json has all of it)')]),
  ];
}

/** JSON indented; anything else as it is. */
export function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
