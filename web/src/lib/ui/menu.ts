import type { Component } from 'svelte';

/** A line of a menu. */
export interface MenuEntry {
  label: string;
  run?: () => void;
  href?: string;
  icon?: Component<{ size?: number | string }>;
  hint?: string;
  checked?: boolean;
  danger?: boolean;
  /** A line is drawn above it. */
  apart?: boolean;
}
