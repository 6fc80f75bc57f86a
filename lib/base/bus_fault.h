/*
 * bus_fault.h - the last word when a file that is mapped turns out shorter than it was, or when the
 * disk under it does not give a page: the kernel then sends SIGBUS in the middle of a load or
 * store, and nothing can go on. One line on stderr says so in place of a bare signal, and the
 * program ends with a status of its own; whoever started it may start it again.
 *
 * Threads: any may be hit; none may block SIGBUS, or it is a bare signal again. The handler does
 * nothing but write(2) and _exit(2).
 */
#ifndef HASHSCOPE_BASE_BUS_FAULT_H
#define HASHSCOPE_BASE_BUS_FAULT_H

#define BUS_FAULT_STATUS 3

/* `what` names the file that is mapped, for the line; both are copied, and cut to fit. */
void bus_fault_install(const char *program, const char *what);

#endif
