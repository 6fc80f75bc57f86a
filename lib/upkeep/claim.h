/*
 * claim.h - which file is being rewritten, agreed upon by the thread that rewrites and
 * the one that removes, without either ever waiting for the other: the first may not get the
 * processor for minutes.
 *
 *   none ──begin──▶ working ──replace──▶ replacing ──end──▶ none
 *                      └───revoke──▶ revoked ──end──▶ none
 *
 * The rewriting thread begins before it makes its file, and takes the old one's name only after
 * `replace` has said yes. Who removes a file asks `remove` first: a rewriting of it is revoked, so
 * that it can't bring the name back later. Only while the name is being taken, that is for the time
 * of a rename, the removal has to be put off.
 */
#ifndef HASHSCOPE_UPKEEP_CLAIM_H
#define HASHSCOPE_UPKEEP_CLAIM_H

#include <stdbool.h>
#include <stdint.h>

struct housekeeper_claim { /* all zero: none */
    _Atomic uint64_t held; /* number and state */
    _Atomic uint64_t removing;
};

/* ---- the thread that rewrites; numbers are below 2^61 and not 0 */
void housekeeper_claim_begin(struct housekeeper_claim *claim, uint64_t number);
/* True when the file may no longer be replaced. */
bool housekeeper_claim_revoked(const struct housekeeper_claim *claim);
/* Before the old one's name is taken; false: it may not be. */
bool housekeeper_claim_replace(struct housekeeper_claim *claim);
void housekeeper_claim_end(struct housekeeper_claim *claim);

/* ---- the thread that removes */
/* Number of the file; 0: none. */
uint64_t housekeeper_claim_number(const struct housekeeper_claim *claim);
/* True when the rewriting of this file will never take its name: its temporary file may go. */
bool housekeeper_claim_revoke(struct housekeeper_claim *claim, uint64_t number);
/* Whether the file may be removed now; if so housekeeper_claim_removed has to follow. */
bool housekeeper_claim_remove(struct housekeeper_claim *claim, uint64_t number);
void housekeeper_claim_removed(struct housekeeper_claim *claim);

#endif
