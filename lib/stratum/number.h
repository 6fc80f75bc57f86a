/*
 * number.h - is a JSON number finite as a double? Decided from its digits, exactly, without a
 * conversion: no locale, no rounding mode, no copy. For lib/stratum alone.
 */
#ifndef HASHSCOPE_STRATUM_NUMBER_H
#define HASHSCOPE_STRATUM_NUMBER_H

#include <stdbool.h>
#include <stddef.h>

/* A number without exponent and with no more characters than these before the point is finite. */
#define STRATUM_NUMBER_SAFE_DIGITS 308

/* `text` is a number as RFC 8259 writes it. False when it rounds to infinity, or when a positive
 * exponent has more than 18 digits: some parsers do not look further then. */
bool stratum_number_is_finite(const char *text, size_t len);

#endif
