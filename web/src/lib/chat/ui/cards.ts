// Rows of a chat that are no messages, and what forks add to messages. Loaded with the first of them.
export { default as ForkLine } from '#lib/forks/ui/ForkLine.svelte';
export { default as SettledHead } from '#lib/forks/ui/SettledHead.svelte';
export { default as SummaryLine } from '#lib/context/ui/SummaryLine.svelte';
export { default as EndedTurn } from './EndedTurn.svelte';
export { default as Happening } from './Happening.svelte';
