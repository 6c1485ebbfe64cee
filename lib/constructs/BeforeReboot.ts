import { Token } from "cdktf";
import type { rebootCheckNames } from "../schema";
import * as valid from "./validation";
import { withoutUnset } from "./written";

/** What happens to a host before it reboots. What left it comes back afterwards, also after a reboot that failed. */
export interface BeforeReboot {
  /**
   * Seconds that each guest gets to shut down. Guests stop in the opposite of their start order.
   * @default 300
   */
  readonly shutdownTimeout?: number;
  /**
   * What becomes of a guest that does not shut down in time: `fail` calls the reboot off and starts the others again,
   * `power-off` powers the guest off.
   * @default "fail"
   */
  readonly unresponsive?: "fail" | "power-off";
  /**
   * Proxmox VE: the node that takes the guests which can move, meanwhile. One with devices of the host cannot: it is
   * shut down. Guests that high availability looks after move where it decides.
   * @default none: guests are shut down
   */
  readonly migrateTo?: string;
  /**
   * Seconds to wait for what is under way: tasks and backups, package managers, inhibitors, Ceph. Then the reboot is
   * called off.
   * @default 600
   */
  readonly busyTimeout?: number;
  /**
   * Checks that do not hold the reboot up: `quorum` and `nodes` of the cluster, `ha` (agents of high availability),
   * `ceph`, `tasks`, `packages`, `inhibitors`, `kexec`, `answers` (a command that tells nothing).
   * @default none
   */
  readonly despite?: readonly (typeof rebootCheckNames)[number][];
}

/** @throws an Error naming the value, what was expected and the mend */
export function checkBeforeReboot(at: string, props: BeforeReboot | undefined): void {
  if (props === undefined) return;
  for (const [name, value] of Object.entries(props)) {
    // The command gets it as it is, and the plan is to show it.
    if (Token.isUnresolved(value)) valid.isLiteral(`${at}.${name}`, value as string);
  }
  valid.check(valid.isSeconds, `${at}.shutdownTimeout`, props.shutdownTimeout);
  valid.check(valid.isUnresponsive, `${at}.unresponsive`, props.unresponsive);
  valid.check(valid.isNode, `${at}.migrateTo`, props.migrateTo);
  valid.check(valid.isSeconds, `${at}.busyTimeout`, props.busyTimeout);
  valid.checkAll(valid.isRebootCheck, `${at}.despite`, props.despite);
}

/** As the command reads it; undefined where everything is as by default. */
export function writtenBeforeReboot(props: BeforeReboot | undefined): string | undefined {
  const set = withoutUnset({ ...props });
  return Object.keys(set).length === 0 ? undefined : JSON.stringify(set);
}
