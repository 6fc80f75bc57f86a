/*
 * memory.c - thin wrappers over malloc. Each can fail in one way only: the machine has no memory
 * left, and then the program says so with write() (no stdio, which might allocate) and aborts.
 */
#include "lib/base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Noreturn void out_of_memory(void)
{
    static const char text[] = "out of memory\n";
    ssize_t ignored = write(STDERR_FILENO, text, sizeof text - 1);

    (void)ignored;
    abort();
}

void *memory_new(size_t size)
{
    void *result = calloc(1, size > 0 ? size : 1);

    if (result == NULL)
        out_of_memory();
    return result;
}

void *memory_resize(void *old, size_t size)
{
    void *result = realloc(old, size > 0 ? size : 1);

    if (result == NULL)
        out_of_memory();
    return result;
}

char *memory_text(const char *text)
{
    return text != NULL ? memory_text_n(text, strlen(text)) : NULL;
}

char *memory_text_n(const char *text, size_t n)
{
    char *result;

    if (text == NULL)
        return NULL;
    result = memory_resize(NULL, n + 1);
    memcpy(result, text, n);
    result[n] = '\0';
    return result;
}
