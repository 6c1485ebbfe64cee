import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import type { Runner } from "../model/rebootHazards";
import { stateServers, thisPlace } from "./stateServer";

/** The machine that this process runs on, and the servers that its Terraform needs. */
export async function localRunner(): Promise<Runner> {
  const macAddresses = Object.values(networkInterfaces())
    .flat()
    .flatMap((address) => (address === undefined || address.internal ? [] : [address.mac.toLowerCase()]))
    .filter((address) => address !== "00:00:00:00:00:00");
  const servers = await stateServers(thisPlace());
  return { bootId: bootId(), macAddresses: [...new Set(macAddresses)], servers };
}

function bootId(): string | null {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return null;
  }
}
