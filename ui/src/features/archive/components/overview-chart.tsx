/** The archive over time, as bars; dragging across chooses a range. */
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import type { Timeline } from "@/lib/api/timeline";
import { useTheme } from "@/lib/theme";

interface Props {
  timeline: Timeline;
  onRange: (from: string, to: string) => void;
}

const HEIGHT = 132;
const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function dataOf(timeline: Timeline): uPlot.AlignedData {
  return [
    timeline.buckets.map((b) => Date.parse(b.ts) / 1000),
    timeline.buckets.map((b) => b.count),
    timeline.buckets.map((b) => b.errors ?? 0),
  ];
}

function barSeries(label: string, name: string): uPlot.Series {
  return {
    label,
    stroke: colour(name),
    fill: colour(name),
    width: 0,
    points: { show: false },
    paths: uPlot.paths.bars!({ size: [0.86, 40], align: 1 }),
  };
}

function axis(extra: uPlot.Axis): uPlot.Axis {
  return {
    stroke: colour("--muted-foreground"),
    font: "11px Inter Variable, sans-serif",
    grid: { stroke: colour("--border"), width: 1 },
    ticks: { show: false },
    ...extra,
  };
}

const hour = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const second = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const date = new Intl.DateTimeFormat(undefined, { month: "short", day: "numeric" });

/** Times below the chart: as exact as their distance asks for; midnight shows the day. */
function timeLabels(_plot: uPlot, splits: number[], _axis: number, _space: number, step: number): string[] {
  return splits.map((s) => {
    const when = new Date(s * 1000);
    if (step >= 86400 || (when.getHours() === 0 && when.getMinutes() === 0 && step >= 60)) return date.format(when);
    return (step < 60 ? second : hour).format(when);
  });
}

function countLabels(_plot: uPlot, splits: number[]): string[] {
  return splits.map((n) => (n >= 1000 ? `${+(n / 1000).toPrecision(3)}k` : String(n)));
}

function optionsOf(width: number, seconds: number, onRange: Props["onRange"]): uPlot.Options {
  const iso = (s: number) => new Date(s * 1000).toISOString();
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { y: false, drag: { x: true, y: false, setScale: false }, points: { show: false } },
    scales: { y: { range: (_u, _min, max) => [0, Math.max(1, max * 1.1)] } },
    series: [{}, barSeries("Messages", "--primary"), barSeries("Errors", "--bad")],
    axes: [
      axis({ size: 24, gap: 4, values: timeLabels }),
      axis({ size: 46, gap: 6, space: 40, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 1e7, 1e8], values: countLabels }),
    ],
    hooks: {
      setSelect: [
        (u) => {
          if (u.select.width < 4) return;
          onRange(iso(u.posToVal(u.select.left, "x")), iso(Math.max(u.posToVal(u.select.left + u.select.width, "x"), u.posToVal(u.select.left, "x") + seconds / 100)));
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
}

export function OverviewChart({ timeline, onRange }: Props) {
  const theme = useTheme();
  const box = useRef<HTMLDivElement>(null);
  const report = useRef(onRange);
  report.current = onRange;
  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const plot = new uPlot(optionsOf(element.clientWidth, timeline.bucket_seconds, (a, b) => report.current(a, b)), dataOf(timeline), element);
    const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      plot.destroy();
    };
  }, [timeline, theme]);
  return <div ref={box} role="img" aria-label="Messages over time; drag across to choose a range" className="w-full overflow-hidden" style={{ height: HEIGHT }} />;
}
