/*
 * bytes.c - spans and the growable buffer. A buffer doubles when it is full, so appending costs
 * amortised constant time. It moves when it grows, so what is appended out of itself is found again
 * by its place, and formatted text that needs room is made outside. The only failure is the lack of
 * memory, and memory.h ends the program then; a length that overflows size_t is treated as that.
 */
#include "lib/base/bytes.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"

#define BUFFER_FIRST_SIZE 64
#define U64_DIGITS        20

struct span span_text(const char *text)
{
    return span_make(text, strlen(text));
}

struct span span_copy(struct span text)
{
    return span_make(memory_text_n(text.data, text.len), text.len);
}

void span_free(struct span *copy)
{
    free((char *)copy->data);
    *copy = span_make(NULL, 0);
}

bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

bool span_equal_text(struct span a, const char *text)
{
    return span_equal(a, span_text(text));
}

void buffer_close(struct buffer *buffer)
{
    free(buffer->data);
    *buffer = (struct buffer){NULL, 0, 0};
}

void buffer_clear(struct buffer *buffer)
{
    buffer->len = 0;
}

static void buffer_grow(struct buffer *buffer, size_t extra)
{
    size_t capacity = buffer->capacity > 0 ? buffer->capacity : BUFFER_FIRST_SIZE;
    size_t needed;

    if (__builtin_add_overflow(buffer->len, extra, &needed))
        needed = SIZE_MAX; /* can't be had: memory_resize ends the program */
    while (capacity < needed && capacity <= SIZE_MAX / 2)
        capacity *= 2;
    if (capacity < needed)
        capacity = needed;
    buffer->data = memory_resize(buffer->data, capacity);
    buffer->capacity = capacity;
}

char *buffer_reserve(struct buffer *buffer, size_t extra)
{
    if (buffer->data == NULL || buffer->capacity - buffer->len < extra)
        buffer_grow(buffer, extra);
    return buffer->data + buffer->len;
}

bool buffer_holds(const struct buffer *buffer, const void *data)
{
    uintptr_t begin = (uintptr_t)buffer->data, place = (uintptr_t)data;

    return buffer->data != NULL && place >= begin && place - begin < buffer->capacity;
}

/* Grows; returns where `data` is then. */
static const void *grow_beside(struct buffer *buffer, size_t extra, const void *data)
{
    bool own = buffer_holds(buffer, data);
    size_t place = own ? (size_t)((const char *)data - buffer->data) : 0;

    buffer_grow(buffer, extra);
    return own ? buffer->data + place : data;
}

void buffer_append(struct buffer *buffer, const void *data, size_t len)
{
    if (len == 0)
        return;
    if (buffer->capacity - buffer->len < len)
        data = grow_beside(buffer, len, data);
    memcpy(buffer->data + buffer->len, data, len);
    buffer->len += len;
}

void buffer_append_text(struct buffer *buffer, const char *text)
{
    buffer_append(buffer, text, strlen(text));
}

void buffer_append_char(struct buffer *buffer, char c)
{
    *buffer_reserve(buffer, 1) = c;
    buffer->len++;
}

void buffer_append_u64(struct buffer *buffer, uint64_t value)
{
    char *start = buffer_reserve(buffer, U64_DIGITS);

    buffer->len += (size_t)(format_u64(start, value) - start);
}

void buffer_append_i64(struct buffer *buffer, int64_t value)
{
    if (value < 0)
        buffer_append_char(buffer, '-');
    buffer_append_u64(buffer, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

void buffer_append_format(struct buffer *buffer, const char *fmt, ...)
{
    va_list args, again;
    int wanted;

    va_start(args, fmt);
    va_copy(again, args);
    wanted = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    if (wanted > 0 && buffer->capacity - buffer->len > (size_t)wanted) {
        vsnprintf(buffer->data + buffer->len, (size_t)wanted + 1, fmt, again);
        buffer->len += (size_t)wanted;
    } else if (wanted > 0) {
        char *text = memory_resize(NULL, (size_t)wanted + 1);

        vsnprintf(text, (size_t)wanted + 1, fmt, again);
        buffer_append(buffer, text, (size_t)wanted);
        free(text);
    }
    va_end(again);
}

void buffer_consume(struct buffer *buffer, size_t len)
{
    if (len >= buffer->len) {
        buffer->len = 0;
        return;
    }
    if (len == 0)
        return;
    memmove(buffer->data, buffer->data + len, buffer->len - len);
    buffer->len -= len;
}

char *format_u64(char *out, uint64_t value)
{
    char digits[U64_DIGITS];
    char *first = digits + sizeof digits;
    size_t len;

    do {
        *--first = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    len = (size_t)(digits + sizeof digits - first);
    memcpy(out, first, len);
    return out + len;
}
