/** What `run.mjs` prepared for the scenarios. */
import { Machine, type MachineOptions } from "./machine";

function given(name: string): string {
  const value = process.env[name];
  if (value === undefined)
    throw new Error(`${name} is not set. Start the scenarios with: npm run test:machine`);
  return value;
}

export function machine(options: MachineOptions): Machine {
  return new Machine(
    {
      image: given("MACHINE_IMAGE"),
      keyFile: given("MACHINE_KEY"),
      logs: given("MACHINE_LOGS"),
    },
    options,
  );
}
