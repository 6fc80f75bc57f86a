import { Activity, Archive, Bot, Cable, Gauge, PlayCircle, Waves, type LucideIcon } from "lucide-react";

export interface Place {
  path: string;
  name: string;
  icon: LucideIcon;
  /** Set for views that this version does not have. */
  absent?: string;
}

export const PLACES: Place[] = [
  { path: "/", name: "Live", icon: Activity },
  { path: "/sessions", name: "Sessions", icon: Cable },
  { path: "/archive", name: "Archive", icon: Archive },
  { path: "/replay", name: "Replay", icon: PlayCircle, absent: "Replaying recordings is not part of this version" },
  { path: "/agents", name: "Agents", icon: Bot, absent: "Watching a fleet is not part of this version" },
  { path: "/pool", name: "Pool", icon: Waves, absent: "Auditing a pool is not part of this version" },
  { path: "/status", name: "Status", icon: Gauge },
];
