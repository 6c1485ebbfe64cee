import type { Role } from "./roles";

/** Colours of one scheme. Every ink stands on every ground that is named beside it with a contrast of 4.5 or more. */
export interface Scheme {
  readonly page: string;
  readonly card: string;
  readonly ink: string;
  /** For what matters less. */
  readonly quiet: string;
  /** Borders and lines; decoration only. */
  readonly line: string;
  /** Of what has the keyboard's focus, and links. */
  readonly accent: string;
  /** Of what a plan changes. */
  readonly change: Paint;
  /** Ground of a device that the plan changes. */
  readonly changed: string;
  readonly roles: Readonly<Record<Role, Paint>>;
}

/** A label: its ink, on its ground. */
export interface Paint {
  readonly ink: string;
  readonly ground: string;
}

export const schemes: Readonly<Record<"light" | "dark", Scheme>> = {
  light: {
    page: "#f4f6f8",
    card: "#ffffff",
    ink: "#18202b",
    quiet: "#566174",
    line: "#c3cad5",
    accent: "#0b57d0",
    change: { ink: "#7a3e00", ground: "#ffecc9" },
    changed: "#fff8e8",
    roles: {
      host: { ink: "#a3201b", ground: "#fdeae8" },
      blocked: { ink: "#7d4a00", ground: "#fbf0dc" },
      vm: { ink: "#0b50a0", ground: "#e4effb" },
      bound: { ink: "#6236a8", ground: "#f0eafb" },
      free: { ink: "#17643a", ground: "#e2f3e8" },
      untold: { ink: "#3d4d63", ground: "#e6ebf2" },
      bridge: { ink: "#4c5666", ground: "#eceff3" },
    },
  },
  dark: {
    page: "#10141a",
    card: "#1a2029",
    ink: "#e7eaf0",
    quiet: "#a6b0c0",
    line: "#3a4454",
    accent: "#8ab4ff",
    change: { ink: "#ffcf8a", ground: "#47300d" },
    changed: "#2a2418",
    roles: {
      host: { ink: "#ffb3ab", ground: "#4d1d1a" },
      blocked: { ink: "#f3c77f", ground: "#43310f" },
      vm: { ink: "#a5cdff", ground: "#15345a" },
      bound: { ink: "#d3bcff", ground: "#3a2760" },
      free: { ink: "#93dbb0", ground: "#123c25" },
      untold: { ink: "#c3cfdf", ground: "#2b3646" },
      bridge: { ink: "#b6bfcd", ground: "#2a323e" },
    },
  },
};

export const fonts = {
  text: "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'Noto Sans', 'DejaVu Sans', sans-serif",
  code: "ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace",
} as const;
