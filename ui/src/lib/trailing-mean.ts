/** A rate made of few events jumps; averaged over enough of them it can be read. */

const EVENTS = 10;

/** How many buckets hold enough events on average: at least one, at most a quarter of them. */
export function windowFor(counts: number[]): number {
  const events = counts.reduce((sum, n) => sum + n, 0);
  const most = Math.max(1, Math.ceil(counts.length / 4));
  return events === 0 ? 1 : Math.min(most, Math.ceil((EVENTS * counts.length) / events));
}

/** Each value is the mean of the last `window` ones; at the beginning of those that there are. */
export function trailingMean(values: (number | null)[], window: number): number[] {
  let sum = 0;
  return values.map((value, i) => {
    sum += value ?? 0;
    if (i >= window) sum -= values[i - window] ?? 0;
    return Math.max(0, sum / Math.min(i + 1, window));
  });
}
