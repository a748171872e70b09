// Starts the server and stops it in order: no new requests, what is under way ends, stores close.
import 'reflect-metadata';
import { ConsoleLogger, type LogLevel } from '@nestjs/common';
import { loadConfiguration } from '@cairn/platform';
import { createServer } from './app.js';

const LEVELS: readonly LogLevel[] = ['fatal', 'error', 'warn', 'log', 'debug'];

async function main(): Promise<void> {
  const configuration = loadConfiguration(process.env);
  const level = configuration.logLevel === 'info' ? 'log' : configuration.logLevel;
  const logger =
    level === 'silent'
      ? false
      : new ConsoleLogger({ json: true, logLevels: LEVELS.slice(0, LEVELS.indexOf(level as LogLevel) + 1) });
  const { app, close } = await createServer(configuration, logger);
  await app.listen(configuration.port, configuration.host);
  let ending = false;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.on(signal, () => {
      if (ending) return;
      ending = true;
      close().then(
        () => process.exit(0),
        (error: unknown) => {
          console.error(`Cairn could not close cleanly: ${(error as Error).message}`);
          process.exit(1);
        },
      );
    });
  // One line for whoever started it, a person or a script.
  console.log(`Cairn is ready at ${await app.getUrl()}`);
}

main().catch((error: unknown) => {
  console.error(`Cairn did not start: ${(error as Error).message}`);
  process.exit(1);
});
