/** Work on one host or engine, one after the other, so that none decides on what another is just changing. */
export class Turns {
  private readonly last = new Map<string, Promise<unknown>>();

  take<T>(name: string, work: () => Promise<T>): Promise<T> {
    const turn = (this.last.get(name) ?? Promise.resolve()).then(work);
    this.last.set(
      name,
      turn.catch(() => undefined),
    );
    return turn;
  }
}
