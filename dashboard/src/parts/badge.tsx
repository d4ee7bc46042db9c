import type { Shown } from '../../../src/domain/status';

/** A status: a sign, a word and a colour, so that no one of them is needed. */
export const Badge = ({ shown }: { shown: Shown }) => (
  <span class={`badge tone-${shown.tone}`}>
    <span aria-hidden="true">{shown.sign}</span> {shown.text}
  </span>
);
