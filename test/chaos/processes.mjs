// How the processes of a chaos run talk: one asks over IPC, the other answers. Used by the harness and by its children.

/** Answers `{ id, act, argument }` by `acts[act](argument)`; asks that overlap are answered as they come. */
export function answerAsks(acts) {
  process.on('message', async ({ id, act, argument }) => {
    try {
      process.send({ id, result: await acts[act](argument) });
    } catch (error) {
      process.send?.({ id, error: error.stack ?? String(error) });
    }
  });
  // Must not keep a process alive that has nothing else to do, nor one whose harness is gone.
  process.channel?.unref();
  process.on('disconnect', () => process.kill(process.pid, 'SIGKILL'));
}

/** The other side: `ask(act, argument)` for a child with an IPC channel. Rejects once the child is gone. */
export function asker(child, name) {
  const waiting = new Map();
  let last = 0;
  let over;
  child.on('message', ({ id, result, error }) => {
    const asked = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) asked?.resolve(result);
    else asked?.reject(new Error(`${name}: ${error}`));
  });
  child.once('exit', (code, signal) => {
    over = new Error(`${name} ended (${signal ?? code})`);
    for (const { reject } of waiting.values()) reject(over);
  });
  return (act, argument) =>
    new Promise((resolve, reject) => {
      if (over) return reject(over);
      waiting.set(++last, { resolve, reject });
      // A child that was just killed: its `exit` follows.
      child.send({ id: last, act, argument }, () => undefined);
    });
}

/** Seeded, 0 to 1. Mulberry32: 32 bits of state are plenty for choosing test data and delays. */
export function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
