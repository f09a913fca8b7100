/** Joins callers that want the same thing at the same time: one does the work, all get its result. */
export class SingleFlight<Result> {
  readonly #flights = new Map<string, Promise<Result>>();
  readonly #waiting = new Map<string, number>();

  run(key: string, work: () => Promise<Result>): Promise<Result> {
    const flight = this.#flights.get(key);
    if (flight !== undefined) {
      this.#waiting.set(key, this.waiting(key) + 1);
      return flight;
    }
    const started = work().finally(() => {
      this.#flights.delete(key);
      this.#waiting.delete(key);
    });
    this.#flights.set(key, started);
    return started;
  }

  /** Callers that joined a flight under way. */
  waiting(key: string): number {
    return this.#waiting.get(key) ?? 0;
  }

  /** Resolves when nothing is under way. */
  async idle(): Promise<void> {
    while (this.#flights.size > 0) await Promise.allSettled(this.#flights.values());
  }
}
