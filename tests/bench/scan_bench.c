/*
 * scan_bench.c - what the scanner costs: nanoseconds per line for the usual messages, and the rate
 * on long strings. Prints a table; the fastest of several rounds counts, since other processes can
 * only make a round slower.
 */
#include <stdio.h>
#include <string.h>

#include "lib/base/bytes.h"
#include "lib/base/clock.h"
#include "lib/stratum/scan.h"

#define ROUNDS 15

static double best_ns(const char *line, size_t len, unsigned repeats)
{
    double best = 1e18;
    for (int round = 0; round < ROUNDS; round++) {
        int64_t begin = clock_mono_ns();
        for (unsigned i = 0; i < repeats; i++) {
            struct stratum_scan scan;
            stratum_scan_line(&scan, line, len);
            __asm__ volatile("" : : "r"(&scan) : "memory"); /* the result counts as used */
        }
        double ns = (double)(clock_mono_ns() - begin) / repeats;
        best = ns < best ? ns : best;
    }
    return best;
}

static void measure(const char *name, const char *line, size_t len)
{
    unsigned repeats = (unsigned)(20000000 / (len + 100));
    double ns = best_ns(line, len, repeats);
    struct stratum_scan scan;
    stratum_scan_line(&scan, line, len);
    printf("%-22s %9zu bytes %11.1f ns %7.2f GB/s  %s\n", name, len, ns, (double)len / ns,
           stratum_fault_text(scan.fault));
}

/* A line with one string of `len` bytes or a few more, made by repeating `text`. */
static void measure_string(const char *name, const char *text, size_t len)
{
    struct buffer line = {0};
    buffer_append_text(&line, "{\"id\":1,\"method\":\"mining.notify\",\"params\":[\"");
    while (line.len < len)
        buffer_append_text(&line, text);
    buffer_append_text(&line, "\"]}");
    measure(name, line.data, line.len);
    buffer_close(&line);
}

static void measure_notify(void)
{
    struct buffer line = {0};
    buffer_append_format(&line,
                         "{\"id\":null,\"method\":\"mining.notify\",\"params\":[\"6a5f\",\"%064d\","
                         "\"%0120d\",\"%0300d\",[",
                         1, 2, 3);
    for (int i = 0; i < 12; i++)
        buffer_append_format(&line, "%s\"%064d\"", i > 0 ? "," : "", i);
    buffer_append_text(&line, "],\"20000000\",\"17028c61\",\"67845470\",false]}");
    measure("notify, 12 branches", line.data, line.len);
    buffer_close(&line);
}

int main(void)
{
    static const char submit[] =
        "{\"id\":4,\"method\":\"mining.submit\",\"params\":["
        "\"bc1qaxeplus9dxnsqeyc0zdu4vy6zh67ujuzvm"
        "x7mz.q\",\"job123\",\"00000000000000fe\",\"67845470\",\"4204043a\"]}";
    static const char answer[] = "{\"id\":4,\"result\":true,\"error\":null}";
    static const char reject[] = "{\"id\":4,\"result\":null,\"error\":[21,\"Job not found\",null]}";
    measure("submit", submit, sizeof(submit) - 1);
    measure("answer", answer, sizeof(answer) - 1);
    measure("reject", reject, sizeof(reject) - 1);
    measure_notify();
    measure_string("ASCII string, 64 KiB", "0123456789abcdef", 65536);
    measure_string("ASCII string, 8 MiB", "0123456789abcdef", 8 << 20);
    measure_string("UTF-8 string, 64 KiB", "gr\xc3\xbc\xc3\x9f Gott ", 65536);
    return 0;
}
