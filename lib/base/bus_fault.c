/* bus_fault.c - see bus_fault.h. The line is made beforehand: a handler may not format. */
#include "lib/base/bus_fault.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char line[512]; /* written once, before there are threads */
static size_t line_len;

static void on_bus_fault(int number)
{
    (void)number;
    (void)!write(STDERR_FILENO, line, line_len);
    _exit(BUS_FAULT_STATUS);
}

void bus_fault_install(const char *program, const char *what)
{
    /* It stays for other threads that are hit meanwhile: none may end the program without a word.
     */
    struct sigaction action = {.sa_handler = on_bus_fault};
    int len = snprintf(line, sizeof line,
                       "error %.40s: %.300s was cut short by somebody, or its disk failed: ending, "
                       "since it is mapped into memory\n",
                       program, what);
    line_len = len < (int)sizeof line ? (size_t)len : sizeof line - 1;
    (void)sigaction(SIGBUS, &action, NULL);
}
