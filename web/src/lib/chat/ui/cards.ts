// Rows of a chat that are no messages. Loaded with the first of them.
export { default as EndedTurn } from './EndedTurn.svelte';
export { default as Happening } from './Happening.svelte';
