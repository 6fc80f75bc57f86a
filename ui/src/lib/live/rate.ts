/** Messages a second, over the last few seconds, from counts in one-second slots. */
export class Rate {
  #slots: number[];
  #second = 0;

  constructor(private readonly seconds = 5) {
    this.#slots = new Array<number>(seconds + 1).fill(0);
  }

  #move(now: number): void {
    const second = Math.floor(now / 1000);
    const steps = Math.min(second - this.#second, this.#slots.length);
    for (let i = 0; i < steps; i++) this.#slots[(second - i) % this.#slots.length] = 0;
    if (steps > 0) this.#second = second;
  }

  add(count: number, now: number): void {
    this.#move(now);
    this.#slots[this.#second % this.#slots.length]! += count;
  }

  /** The second that has just begun is left out. */
  perSecond(now: number): number {
    this.#move(now);
    const running = this.#second % this.#slots.length;
    return this.#slots.reduce((sum, n, i) => (i === running ? sum : sum + n), 0) / this.seconds;
  }
}
