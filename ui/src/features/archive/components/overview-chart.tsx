/** The archive over time, as bars; dragging across chooses a range. */
import { useEffect, useRef } from "react";
import uPlot from "uplot";
import { axis, colour, followWidth, timeAxis } from "@/components/charts/plot";
import type { Timeline } from "@/lib/api/types";
import { useTheme } from "@/lib/theme";

interface Props {
  timeline: Timeline;
  onRange: (from: string, to: string) => void;
}

const HEIGHT = 120;

function dataOf(timeline: Timeline): uPlot.AlignedData {
  return [
    timeline.buckets.map((b) => Date.parse(b.t) / 1000),
    timeline.buckets.map((b) => b.total),
    timeline.buckets.map((b) => b.errors),
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
    series: [{}, barSeries("Messages", "--volume"), barSeries("Errors", "--bad")],
    axes: [
      timeAxis(),
      axis({ size: 46, gap: 6, space: 26, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6, 1e7, 1e8], values: countLabels }),
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
    const plot = new uPlot(optionsOf(element.clientWidth, timeline.bucket_seconds ?? 1, (a, b) => report.current(a, b)), dataOf(timeline), element);
    const stop = followWidth(plot, element, HEIGHT);
    return () => {
      stop();
      plot.destroy();
    };
  }, [timeline, theme]);
  return <div ref={box} role="img" aria-label="Messages over time; drag across to choose a range" className="w-full overflow-hidden" style={{ height: HEIGHT }} />;
}
