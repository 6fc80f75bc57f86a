/** What all charts have in common: colours of the theme, axes, times in the local zone. */
import type uPlot from "uplot";

export const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

export function axis(extra: uPlot.Axis): uPlot.Axis {
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

/** Times below a chart: as exact as their distance asks for; midnight shows the day. */
function timeLabels(_plot: uPlot, splits: number[], _axis: number, _space: number, step: number): string[] {
  return splits.map((s) => {
    const when = new Date(s * 1000);
    if (step >= 86400 || (when.getHours() === 0 && when.getMinutes() === 0 && step >= 60)) return date.format(when);
    return (step < 60 ? second : hour).format(when);
  });
}

export const timeAxis = () => axis({ size: 24, gap: 4, space: 64, values: timeLabels });

/** Keeps a plot as wide as its element. Returns what undoes that. */
export function followWidth(plot: uPlot, element: HTMLElement, height: number): () => void {
  const observer = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height }));
  observer.observe(element);
  return () => observer.disconnect();
}
