import type { RebootSurvey } from "../../lib/model/survey";

/** A host that nothing keeps from its reboot. */
export function rebootSurvey(survey: Partial<RebootSurvey> = {}): RebootSurvey {
  return {
    bootId: "boot-1",
    noLogin: false,
    kexecLoaded: false,
    packageLocks: [],
    inhibitors: [],
    running: new Set(),
    proxmox: null,
    ceph: null,
    ended: {},
    underWay: [],
    complaints: [],
    ...survey,
  };
}
