/** Runs once what just closed has given its focus back, so that a focus set here stays. The result calls it off. */
export function settled(run: () => void): () => void {
  let frame = requestAnimationFrame(() => (frame = requestAnimationFrame(run)));
  return () => cancelAnimationFrame(frame);
}
