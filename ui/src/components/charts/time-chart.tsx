/**
 * A small chart of values over time. The values under the pointer stand in its heading; charts with
 * the same `group` show the same moment.
 */
import { useEffect, useRef, useState } from "react";
import uPlot from "uplot";
import { useTheme } from "@/lib/theme";
import { axis, colour, followWidth, timeAxis } from "./plot";

export interface ChartLine {
  name: string;
  /** A variable of the palette, "--good". */
  colour: string;
  kind: "line" | "steps" | "bars";
  values: (number | null)[];
}

interface Props {
  title: string;
  /** Seconds since 1970. */
  times: number[];
  lines: ChartLine[];
  format: (value: number) => string;
  group: string;
  height?: number;
}

/** A value between two holes has no line; a point shows it. */
const hasHoles = (plot: uPlot, series: number) => plot.data[series]!.some((value) => value === null);

function seriesOf(line: ChartLine): uPlot.Series {
  const stroke = colour(line.colour);
  const base = { label: line.name, stroke, points: { show: false }, spanGaps: line.kind === "steps" };
  if (line.kind === "bars") return { ...base, fill: stroke, width: 0, paths: uPlot.paths.bars!({ size: [0.8, 24], align: 1 }) };
  if (line.kind === "steps") return { ...base, width: 1.5, paths: uPlot.paths.stepped!({ align: 1 }) };
  return { ...base, width: 1.5, points: { size: 4, fill: stroke, show: hasHoles } };
}

function optionsOf({ lines, format, group, height = 112 }: Props, width: number, onMoment: (index: number | null) => void): uPlot.Options {
  return {
    width,
    height,
    legend: { show: false },
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 }, sync: { key: group } },
    scales: { y: { range: (_u, _min, max) => [0, max > 0 ? max * 1.12 : 1] } },
    series: [{}, ...lines.map(seriesOf)],
    axes: [timeAxis(), axis({ size: 62, gap: 6, space: 26, values: (_u, splits) => splits.map((n) => (n === 0 ? "0" : format(n))) })],
    hooks: { setCursor: [(u) => onMoment(u.cursor.idx ?? null)] },
  };
}

function newestOf(line: ChartLine): number | null {
  return line.values.filter((value) => value !== null).at(-1) ?? null;
}

function Reading({ lines, at, format }: { lines: ChartLine[]; at: number | null; format: Props["format"] }) {
  return (
    <span className="tabular flex shrink-0 gap-3 text-2xs text-muted-foreground">
      {lines.map((line) => {
        const value = at === null ? newestOf(line) : line.values[at];
        return (
          <span key={line.name} className="flex items-center gap-1.5">
            <span aria-hidden className="size-2 rounded-xs" style={{ background: `var(${line.colour})` }} />
            {line.name} <b className="font-medium text-foreground">{value == null ? "–" : format(value)}</b>
          </span>
        );
      })}
    </span>
  );
}

export function TimeChart(props: Props) {
  const { title, times, lines, format, height = 112 } = props;
  const theme = useTheme();
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(props);
  latest.current = props;
  const [at, setAt] = useState<number | null>(null);
  const empty = lines.every((line) => line.values.every((value) => value === null || value === 0));
  useEffect(() => {
    const element = box.current;
    if (!element || empty) return;
    const made = new uPlot(optionsOf(latest.current, element.clientWidth, setAt), [[], []], element);
    plot.current = made;
    const stop = followWidth(made, element, height);
    return () => {
      stop();
      made.destroy();
      plot.current = null;
    };
  }, [theme, height, empty]);
  useEffect(() => plot.current?.setData([times, ...lines.map((line) => line.values)]), [times, lines, theme, empty]);
  return (
    <section aria-label={title} className="min-w-0 bg-panel px-3 pt-2">
      <header className="flex items-center justify-between gap-3">
        <h2 className="truncate text-xs font-medium">{title}</h2>
        <Reading lines={lines} at={at} format={format} />
      </header>
      {empty ? (
        <p className="flex items-center justify-center text-xs text-muted-foreground" style={{ height }}>Nothing yet</p>
      ) : (
        <div ref={box} role="img" aria-label={`${title} over time`} className="w-full overflow-hidden" style={{ height }} />
      )}
    </section>
  );
}
