/** What `run.mjs` prepared for the scenarios. */
import { imagePath, Machine, type MachineOptions } from "./machine";

function given(name: string): string {
  const value = process.env[name];
  if (value === undefined)
    throw new Error(`${name} is not set. Start the scenarios with: npm run test:machine`);
  return value;
}

export function machine(options: MachineOptions): Machine {
  return new Machine(
    {
      image: (kind) => imagePath(given("MACHINE_IMAGES"), kind),
      keyFile: given("MACHINE_KEY"),
      logs: given("MACHINE_LOGS"),
    },
    options,
  );
}
