import { readFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import type { Runner } from "../model/rebootHazards";

/** The machine that this process runs on. */
export function localRunner(): Runner {
  const macAddresses = Object.values(networkInterfaces())
    .flat()
    .flatMap((address) => (address === undefined || address.internal ? [] : [address.mac.toLowerCase()]))
    .filter((address) => address !== "00:00:00:00:00:00");
  return { bootId: bootId(), macAddresses: [...new Set(macAddresses)] };
}

function bootId(): string | null {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return null;
  }
}
