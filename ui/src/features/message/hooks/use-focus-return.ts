import { useEffect, type RefObject } from "react";

const inside = (box: RefObject<HTMLElement | null>, element: Element) => box.current?.contains(element) ?? false;

/** Where to go on from with the keyboard when nothing had the focus: the table. */
const table = () => document.querySelector<HTMLElement>("[role=grid] [tabindex='0']");

/** When `box` goes and the focus with it, the focus returns to where it was outside. */
export function useFocusReturn(box: RefObject<HTMLElement | null>, open: boolean): void {
  useEffect(() => {
    if (!open) return;
    let before: Element | null = document.activeElement;
    const note = ({ target }: FocusEvent) => {
      if (target instanceof HTMLElement && !inside(box, target)) before = target;
    };
    document.addEventListener("focusin", note);
    return () => {
      document.removeEventListener("focusin", note);
      if (document.activeElement !== document.body) return;
      const place = before instanceof HTMLElement && before !== document.body && before.isConnected ? before : table();
      place?.focus({ preventScroll: true });
    };
  }, [box, open]);
}
