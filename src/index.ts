/** Process entry: `web: node dist/index.js`. */
import { holdYoungGeneration } from './young-generation';

const release = holdYoungGeneration();
// Loaded only now: it brings all other modules.
void import('./main.js').then(({ main }) => main()).finally(release);
