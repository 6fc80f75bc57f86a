/* Fuzzes what reads single values: settings against every row, times, hex, base64, UUIDs, UTF-8,
 * and the writer of JSON strings, with the round trips that must hold. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/base/json.h"
#include "lib/base/option_name.h"
#include "lib/base/option_value.h"
#include "lib/base/random.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool condition)
{
    if (!condition)
        abort();
}

static void check_options(const char *text, size_t len)
{
    char *copy = strndup(text, len);

    expect(copy != NULL);
    for (size_t i = 0; i < option_count; i++) {
        const struct option_row *row = &option_table[i];
        int64_t number = 0;

        if (option_parse(row, copy, &number) &&
            (row->type == OPTION_INTEGER || row->type == OPTION_SIZE))
            expect(number >= row->min && number <= row->max);
    }
    option_nearest(span_make(text, len));
    free(copy);
}

/* A time that was read, written and read again is the same but for what is below a microsecond. */
static void check_time(const char *text, size_t len)
{
    char again[CLOCK_TEXT_LEN];
    int64_t ns, second;

    if (!clock_parse(text, len, &ns))
        return;
    clock_format(again, ns);
    expect(clock_parse(again, sizeof again, &second));
    expect(second <= ns || ns == INT64_MIN);
    expect(ns == INT64_MIN || ns - second < NS_PER_US);
}

static void check_codecs(const char *text, size_t len)
{
    char *out = malloc(len + 1);
    struct buffer coded = {0};
    struct uuid uuid;
    char uuid_text[UUID_TEXT_LEN];
    size_t out_len;

    expect(out != NULL);
    hex_decode(out, text, len);
    if (base64_decode(out, &out_len, text, len)) {
        expect(out_len <= len / 4 * 3);
        buffer_append_base64(&coded, out, out_len);
        expect(span_equal(span_make(coded.data, coded.len), span_make(text, len)));
    }
    if (uuid_parse(&uuid, text, len))
        uuid_format(uuid_text, &uuid);
    buffer_close(&coded);
    free(out);
}

static void check_json(const char *text, size_t len)
{
    struct buffer out = {0};
    json_t *parsed;

    json_append_string(&out, text, len);
    parsed = json_loadb(out.data, out.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    expect(parsed != NULL);
    expect(utf8_valid_prefix(out.data, out.len) == out.len);
    if (utf8_valid_prefix(text, len) == len)
        expect(span_equal(span_make(json_string_value(parsed), json_string_length(parsed)),
                          span_make(text, len)));
    json_decref(parsed);
    buffer_close(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;

    check_options(text, size);
    check_time(text, size);
    check_codecs(text, size);
    check_json(text, size);
    return 0;
}
