import { expectSound } from './expect-sound';

describe('5,000 simulated hours of the whole engine, with every tenth call of every port failing', () => {
  it('keeps every invariant', () => expectSound(1, 40), 3_600_000);
});
