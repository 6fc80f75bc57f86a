/* Fuzzes the `.env` reader: it must end, stay inside the text, count lines, and yield only names
 * and values that the grammar allows. */
#include <stdlib.h>
#include <string.h>

#include "lib/base/env_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool condition)
{
    if (!condition)
        abort();
}

static size_t count_lines(const char *text, size_t len)
{
    size_t lines = len > 0 && text[len - 1] != '\n' ? 1 : 0;

    for (size_t i = 0; i < len; i++)
        lines += text[i] == '\n';
    return lines;
}

static void check_setting(const struct env_reader *reader, const char *text, size_t len)
{
    expect(reader->key.len > 0);
    expect(reader->key.data >= text && reader->key.data + reader->key.len <= text + len);
    expect(strlen(reader->value.data) == reader->value.len);
    expect(reader->value.len <= len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    struct env_reader reader;
    enum status status;
    unsigned before = 0;

    env_reader_init(&reader, span_make(text, size));
    while ((status = env_reader_next(&reader)) != STATUS_END) {
        expect(reader.line > before && reader.line <= count_lines(text, size));
        before = reader.line;
        if (status == STATUS_OK)
            check_setting(&reader, text, size);
        else
            expect(status == STATUS_INVALID && reader.fault != NULL);
    }
    expect(reader.rest.len == 0);
    env_reader_close(&reader);
    return 0;
}
