// What stands in the boxes of files, loaded with the first of them.
export { default as FileCard } from './FileCard.svelte';
export { default as Picture } from './Picture.svelte';
