/** Whether a click ends the marking of text: somebody copies from a row and does not mean to open it. */
export function isSelectingText(): boolean {
  return getSelection()?.isCollapsed === false;
}
