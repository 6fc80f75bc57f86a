/** The shapes that the API speaks, by short names; api/openapi.yaml is where they are defined. */
import type { components } from "@/generated/api";

type Schemas = components["schemas"];

export const DIRECTIONS = ["miner_to_pool", "pool_to_miner", "hashscope_to_pool", "pool_to_hashscope"] as const;
export type Direction = Schemas["Direction"];

export type Message = Schemas["Message"];
export type MessageList = Schemas["MessageList"];
export type ReplayResult = Schemas["ReplayResult"];

export type Session = Schemas["Session"];
export type SessionList = Schemas["SessionList"];
export type SessionDetail = Schemas["SessionDetail"];
export type SessionStats = Schemas["SessionStats"];
export type SessionSeries = Schemas["SessionSeries"];
export type SessionEvent = Schemas["SessionEvent"];
export type Job = Schemas["Job"];

export type Broadcast = Schemas["Broadcast"];
export type AutoReplay = Schemas["AutoReplay"];

export type Segment = Schemas["Segment"];
export type SegmentList = Schemas["SegmentList"];
export type SeriesList = Schemas["SeriesList"];
export type Timeline = Schemas["Timeline"];

export type Health = Schemas["Health"];
export type Status = Schemas["Status"];
export type Setting = Schemas["Config"]["settings"][number];
