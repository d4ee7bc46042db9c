import { expectSound } from './expect-sound';

describe('5,000 simulated hours more', () => {
  it('keeps every invariant', () => expectSound(1_001, 40), 3_600_000);
});
