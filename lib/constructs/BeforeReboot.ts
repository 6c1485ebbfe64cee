import { Token } from "cdktf";
import type { rebootCheckNames } from "../schema";
import * as errors from "./errors";
import type { ManagedHost } from "./ManagedHost";
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
   * What places guests on the host from elsewhere: `Ovirt.host(engine, "kvm1")` or `OpenNebula.host(one, "node1")`. It
   * takes the host out of service before the reboot, moves its guests, and takes it back once it is proven.
   * @default nothing does
   */
  readonly managedBy?: ManagedHost;
  /**
   * Seconds that guests get to leave where `managedBy` moves them.
   * @default 1800
   */
  readonly migrationTimeout?: number;
  /**
   * What becomes of a running guest that `managedBy` cannot move, such as a VM with devices of the host: `fail` refuses
   * the reboot, at the plan already, `shut-down` shuts it down, within `shutdownTimeout`, and starts it again after the
   * proof.
   * @default "fail"
   */
  readonly immovable?: "fail" | "shut-down";
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
  const { managedBy: _managedBy, ...values } = props;
  for (const [name, value] of Object.entries(values)) {
    // The command gets it as it is, and the plan is to show it.
    if (Token.isUnresolved(value)) valid.isLiteral(`${at}.${name}`, value as string);
  }
  valid.check(valid.isSeconds, `${at}.shutdownTimeout`, props.shutdownTimeout);
  valid.check(valid.isUnresponsive, `${at}.unresponsive`, props.unresponsive);
  valid.check(valid.isNode, `${at}.migrateTo`, props.migrateTo);
  valid.check(valid.isSeconds, `${at}.migrationTimeout`, props.migrationTimeout);
  valid.check(valid.isImmovable, `${at}.immovable`, props.immovable);
  if (props.immovable !== undefined && props.managedBy === undefined)
    throw errors.immovableWithoutManager(at);
  valid.check(valid.isSeconds, `${at}.busyTimeout`, props.busyTimeout);
  valid.checkAll(valid.isRebootCheck, `${at}.despite`, props.despite);
}

/** As the command reads it; undefined where everything is as by default. */
export function writtenBeforeReboot(props: BeforeReboot | undefined): string | undefined {
  const { managedBy: _managedBy, ...values } = props ?? {};
  const set = withoutUnset(values);
  return Object.keys(set).length === 0 ? undefined : JSON.stringify(set);
}
