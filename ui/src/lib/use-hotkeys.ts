import { useEffect, useRef } from "react";

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName));
}

/** Where a key has a meaning of its own: a button is pressed, a region scrolled, a question answered. */
const OWN_USE: [key: RegExp, places: string][] = [
  [/^[ ]$/, "button, a, summary"],
  [/^Arrow/, "[role=tablist], [role=region], summary"],
  [/./, "[role=alertdialog]"],
];

function hasOwnUse({ key, target }: KeyboardEvent): boolean {
  return target instanceof Element && OWN_USE.some(([keys, places]) => keys.test(key) && target.closest(places) !== null);
}

/** Keys for the whole page; left alone where they do something else, and with Ctrl, Alt or Meta. */
export function useHotkeys(keys: Record<string, () => void>): void {
  const latest = useRef(keys);
  latest.current = keys;
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.altKey || event.metaKey || event.defaultPrevented) return;
      if (isTyping(event.target)) {
        if (event.key === "Escape") (event.target as HTMLElement).blur();
        return;
      }
      const run = latest.current[event.key];
      if (!run || hasOwnUse(event)) return;
      event.preventDefault();
      run();
    };
    addEventListener("keydown", listen);
    return () => removeEventListener("keydown", listen);
  }, []);
}
