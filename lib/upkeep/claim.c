/*
 * claim.c - see claim.h. Cannot fail.
 *
 * Each side writes down what it is about to do and then looks at what the other has written, in one
 * order for all (the default of atomics): so at least one of two that meet sees the other.
 */
#include "lib/upkeep/claim.h"

#include <stdatomic.h>

enum state { STATE_WORKING = 1, STATE_REPLACING, STATE_REVOKED };

#define STATE_BITS 2
#define STATE_MASK 3u

static uint64_t word(uint64_t number, enum state state)
{
    return number << STATE_BITS | (uint64_t)state;
}

void housekeeper_claim_begin(struct housekeeper_claim *claim, uint64_t number)
{
    claim->held = word(number, STATE_WORKING);
}

bool housekeeper_claim_revoked(const struct housekeeper_claim *claim)
{
    return (claim->held & STATE_MASK) == STATE_REVOKED;
}

bool housekeeper_claim_replace(struct housekeeper_claim *claim)
{
    uint64_t number = claim->held >> STATE_BITS, working = word(number, STATE_WORKING);
    return atomic_compare_exchange_strong(&claim->held, &working, word(number, STATE_REPLACING)) &&
           claim->removing != number;
}

void housekeeper_claim_end(struct housekeeper_claim *claim)
{
    claim->held = 0;
}

uint64_t housekeeper_claim_number(const struct housekeeper_claim *claim)
{
    return claim->held >> STATE_BITS;
}

bool housekeeper_claim_revoke(struct housekeeper_claim *claim, uint64_t number)
{
    uint64_t held = word(number, STATE_WORKING);
    return atomic_compare_exchange_strong(&claim->held, &held, word(number, STATE_REVOKED)) ||
           held == word(number, STATE_REVOKED);
}

bool housekeeper_claim_remove(struct housekeeper_claim *claim, uint64_t number)
{
    claim->removing = number;
    (void)housekeeper_claim_revoke(claim, number);
    bool may = claim->held != word(number, STATE_REPLACING);
    if (!may)
        claim->removing = 0;
    return may;
}

void housekeeper_claim_removed(struct housekeeper_claim *claim)
{
    claim->removing = 0;
}
