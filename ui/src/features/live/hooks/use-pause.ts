import { useCallback, useState } from "react";
import type { FeedView } from "@/lib/live/feed";
import type { Row } from "@/lib/live/rows";

interface Frozen {
  rows: Row[];
  end: number;
}

export interface Stream {
  paused: boolean;
  /** Rows that came since the pause. */
  waiting: number;
  count: number;
  rowAt: (index: number) => Row | undefined;
  pause: () => void;
  resume: () => void;
}

/** What is shown of the feed, newest first: all of it, or what there was when it was paused. */
export function usePause(view: FeedView | undefined): Stream {
  const [frozen, setFrozen] = useState<Frozen | null>(null);
  const log = view?.log;
  const pause = useCallback(() => {
    if (log) setFrozen((old) => old ?? { rows: log.snapshot(), end: log.end });
  }, [log]);
  const resume = useCallback(() => setFrozen(null), []);
  const rowAt = useCallback(
    (index: number) => (frozen ? frozen.rows[frozen.rows.length - 1 - index] : log?.at(log.end - 1 - index)),
    [frozen, log],
  );
  return {
    paused: frozen !== null,
    waiting: frozen && log ? log.end - frozen.end : 0,
    count: frozen ? frozen.rows.length : (log?.size ?? 0),
    rowAt,
    pause,
    resume,
  };
}
