import { render } from 'preact';
import { App } from './app';
import { followLinks } from './router';
import { applyTheme } from './theme';

applyTheme();
document.addEventListener('click', followLinks);
const root = document.getElementById('app');
if (!root) throw new Error('the page has no #app');
render(<App />, root);
