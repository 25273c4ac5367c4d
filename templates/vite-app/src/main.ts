import './style.css';

const app = document.querySelector<HTMLElement>('#app');
if (!app) throw new Error('the page has no #app');

const heading = document.createElement('h1');
heading.textContent = 'A new app';

const hint = document.createElement('p');
hint.textContent = 'Change src/main.ts, and this page shows it by itself.';

const button = document.createElement('button');
let clicks = 0;
const show = () => (button.textContent = `Clicked ${clicks} ${clicks === 1 ? 'time' : 'times'}`);
button.addEventListener('click', () => {
	clicks += 1;
	show();
});
show();

app.replaceChildren(heading, hint, button);
