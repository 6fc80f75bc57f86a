/*
 * memory.h - allocation that does not fail.
 *
 * Everything a program holds is bounded by its settings, so running out of memory means that the
 * machine is misconfigured; the program then says so on stderr and aborts (the ring and its
 * recovery keep what was recorded). Objects whose number outsiders decide (sessions) use plain
 * calloc and turn NULL into a refusal.
 */
#ifndef HASHSCOPE_BASE_MEMORY_H
#define HASHSCOPE_BASE_MEMORY_H

#include <stddef.h>

void *memory_new(size_t size);               /* zeroed; free with free() */
void *memory_resize(void *old, size_t size); /* as realloc */
char *memory_text(const char *text);         /* strdup; NULL gives NULL */
/* A copy of exactly n bytes, whatever they are, with a NUL behind; NULL gives NULL. */
char *memory_text_n(const char *text, size_t n);

#endif
