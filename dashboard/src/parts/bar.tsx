/** One bar of several parts; what it shows is in words, too. */
export interface Part {
  name: string;
  value: number;
  /** The end of a class `seg-…`: its colour. */
  tone: string;
  /** The value for people. */
  text: string;
}

/** @param whole what the full width stands for; the sum of the parts where it is left out */
export function Bar({ name, parts, whole }: { name: string; parts: readonly Part[]; whole?: number }) {
  const sum = whole ?? parts.reduce((total, { value }) => total + value, 0);
  const shown = parts.filter(({ value }) => value > 0);
  const words = shown.map((part) => `${part.name} ${part.text}`).join(', ');
  return (
    <div class="bar" role="img" aria-label={`${name}: ${words || 'nothing'}`} title={words}>
      {sum > 0 &&
        shown.map(({ name: of, value, tone }) => (
          <span key={of} class={`seg-${tone}`} style={{ width: `${Math.min(100, (value / sum) * 100)}%` }} />
        ))}
    </div>
  );
}

export const Legend = ({ parts }: { parts: ReadonlyArray<Pick<Part, 'name' | 'tone'>> }) => (
  <p class="legend">
    {parts.map(({ name, tone }) => (
      <span key={name}>
        <i class={`seg-${tone}`} aria-hidden="true" /> {name}
      </span>
    ))}
  </p>
);
