export { startEmbeddedHost } from "./embeddedHost";
export type { EmbeddedHost, EmbeddedHostOptions } from "./embeddedHost";
export type { BootFault, Faults, OutputFault, ProgramFault, ProgramFaultEffect } from "./faults";
export { profileNames, profiles } from "./profiles/index";
export type { Profile } from "./profiles/types";
export type { Counters } from "./state";
export { startEmbeddedEngine } from "./engine/embeddedEngine";
export type { EmbeddedEngine, EmbeddedEngineOptions, EngineFault } from "./engine/embeddedEngine";
export type { EngineWorld } from "./engine/types";
