/**
 * The table of messages. Only the rows in sight exist; it asks for a row when it needs one, so the
 * number of rows costs nothing. (A table library would make an object of each row for every change.)
 */
import { useVirtualizer } from "@tanstack/react-virtual";
import { useEffect, useRef, type ReactNode } from "react";
import { cn } from "@/lib/cn";
import type { Row } from "@/lib/live/rows";
import { useHotkeys } from "@/lib/use-hotkeys";
import { useNarrow } from "@/lib/use-media";
import { MessageRow, ROOMY, WIDE_GRID } from "./message-row";

interface Props {
  count: number;
  /** Row by its place from the top. */
  rowAt: (index: number) => Row | undefined;
  selected: string | null;
  onSelect: (id: string | null) => void;
  onSession?: (id: string) => void;
  onScrollAway?: (away: boolean) => void;
  onEnd?: () => void;
  isFresh?: (row: Row) => boolean;
  label: string;
  footer?: ReactNode;
}

const HEADINGS = ["Time", "", "Session", "Method", "Message", "Answer", "Latency", "Size"];

const ROOMY_COLUMNS = new Set(["Session", "Size"]);

function Headings() {
  return (
    <div role="row" aria-rowindex={1} className={cn("grid h-7 items-center gap-x-3 border-b bg-panel px-4 text-2xs text-muted-foreground", WIDE_GRID)}>
      {HEADINGS.map((name, i) => (
        <span role="columnheader" key={name || i} className={cn(i >= 6 && "text-right", ROOMY_COLUMNS.has(name) && ROOMY)}>
          {name || <span className="sr-only">Direction</span>}
        </span>
      ))}
    </div>
  );
}

/** A row is that of its request and of its answer. */
const isRowOf = (row: Row | undefined, id: string | null) => row !== undefined && (row.message.id === id || row.answer?.id === id);

/** j and k go through the rows, as in the pagers that people know. */
function useRowKeys({ count, rowAt, selected, onSelect }: Props, show: (index: number, align?: "center") => void) {
  const place = useRef(-1);
  const find = () => {
    if (place.current >= 0 && rowAt(place.current)?.message.id === selected) return place.current;
    for (let i = 0; i < Math.min(count, 2000); i++) if (isRowOf(rowAt(i), selected)) return i;
    return -1;
  };
  // What a link has open is in sight at once.
  useEffect(() => {
    const index = selected ? find() : -1;
    if (index > 0) show(index, "center");
  }, []);
  const move = (step: number) => {
    const next = Math.max(0, Math.min(count - 1, (selected ? find() : -1) + step));
    const row = rowAt(next);
    if (!row) return;
    place.current = next;
    onSelect(row.message.id);
    show(next);
  };
  useHotkeys({ j: () => move(1), k: () => move(-1), ArrowDown: () => move(1), ArrowUp: () => move(-1), Escape: () => onSelect(null) });
}

export function MessageTable(props: Props) {
  const { count, rowAt, selected, onSelect, onSession, onScrollAway, onEnd, isFresh, label, footer } = props;
  const narrow = useNarrow();
  const scroller = useRef<HTMLDivElement>(null);
  const height = narrow ? 46 : 26;
  const virtual = useVirtualizer({ count, getScrollElement: () => scroller.current, estimateSize: () => height, overscan: 12 });
  useEffect(() => virtual.measure(), [height, virtual]);
  useRowKeys(props, (index, align) => virtual.scrollToIndex(index, { align: align ?? "auto" }));
  const items = virtual.getVirtualItems();
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => {
    if (count > 0 && last >= count - 20) onEnd?.();
  }, [count, last, onEnd]);
  return (
    <div role="grid" aria-label={label} aria-rowcount={count + 1} className="@container flex min-h-0 flex-1 flex-col">
      {!narrow && <Headings />}
      <div
        ref={scroller}
        role="rowgroup"
        tabIndex={0}
        className="min-h-0 flex-1 overflow-y-auto overscroll-contain"
        onScroll={(event) => onScrollAway?.(event.currentTarget.scrollTop > height)}
      >
        <div role="presentation" className="relative" style={{ height: virtual.getTotalSize() }}>
          {items.map((item) => {
            const row = rowAt(item.index);
            if (!row) return null;
            const { message, answer } = row;
            return (
              <MessageRow key={message.id} id={message.id} message={message} answer={answer} index={item.index} narrow={narrow}
                selected={selected !== null && isRowOf(row, selected)} fresh={isFresh?.(row) ?? false} top={item.start} height={item.size} onSelect={onSelect} onSession={onSession} />
            );
          })}
        </div>
        {footer}
      </div>
    </div>
  );
}
